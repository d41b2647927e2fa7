"""The demo site: a small bank and shop through which a newcomer meets edgeseg."""
