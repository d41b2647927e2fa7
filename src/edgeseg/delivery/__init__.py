"""HTTP: the faces for websites, CMS templates, SDKs, servers and operators."""
