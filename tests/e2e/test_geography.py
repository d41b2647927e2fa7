"""Segments by country, told by a proxy, through the doors that know the visitor's address."""

from pathlib import Path

import httpx

from tests.e2e.conftest import StartService
from tests.e2e.service import RULES
from tests.e2e.views import HOME, view_page

CZECH = """
segments:
  - {id: czech, name: Czech, when: {context: country, eq: CZ}}
"""


def test_a_country_from_a_trusted_proxy_decides(new_service: StartService, tmp_path: Path) -> None:
    """In classify and for flag clients; a browser that claims one in the body is refused."""
    rules = tmp_path / "rules"
    for source in RULES.rglob("*.yaml"):
        target = rules / source.relative_to(RULES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    (rules / "segments/czech.yaml").write_text(CZECH, "utf-8")
    service = new_service(
        rules=rules, trusted_proxies="127.0.0.1", geo_country_header="CF-IPCountry"
    ).start()
    with httpx.Client(base_url=service.url, timeout=20) as visitor:
        assert "czech" not in view_page(visitor).json()["segments"]
        visitor.headers["CF-IPCountry"] = "CZ"
        assert "czech" in view_page(visitor).json()["segments"]
        flag = visitor.post(
            "/ofrep/v1/evaluate/flags/segment/czech", json={"context": {"targetingKey": "v"}}
        )
        assert flag.json()["value"] is True
        claimed = {"page": {"url": HOME}, "context": {"country": "CZ"}}
        assert visitor.post("/v1/classify", json=claimed).status_code == 400


def test_headers_are_not_believed_from_anybody(new_service: StartService) -> None:
    """A header without a list of proxies would be anybody's: the service does not start."""
    service = new_service(geo_country_header="CF-IPCountry")
    service.launch()
    assert service.wait() == 2
    assert "EDGESEG_TRUSTED_PROXIES" in service.output()
