"""The log of a service tells an operator what went on, and nothing of the visitors."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import SERVER_KEY, WRITE_KEY, Service
from tests.e2e.views import view_page

EMAIL = "eva.novotna@example.com"
QUERY = "token=3f9a1c"
ADDRESS = "203.0.113.77"


def _visit(service: Service) -> Iterator[str]:
    """Ask for everything, rightly and wrongly; yield what no log may tell."""
    yield from (EMAIL, QUERY, ADDRESS, "127.0.0.1:")
    forwarded = {"X-Forwarded-For": ADDRESS}
    page = f"https://shop.example/accounts/current-account?{QUERY}"
    with httpx.Client(base_url=service.url, timeout=20, headers=forwarded) as browser:
        answer = view_page(browser, url=page, consent={"marketing": True}).json()
        yield answer["visitor"]
        yield browser.cookies["edgeseg"]
        event = {"event": "form_submitted", "properties": {"form": "f", "email": EMAIL}}
        body = {"page": {"url": page}, "events": [event], "consent": {"marketing": True}}
        browser.post("/v1/classify", json=body)
        browser.post("/v1/classify", json={**body, "visitor": EMAIL})
        browser.post("/v1/classify", content=f'{{"page": "{EMAIL}'.encode())
        browser.get(f"/v1/fragment/home-hero?url={page}&{QUERY}")
        browser.get(f"/nowhere/{EMAIL}?{QUERY}")
        browser.get("/v1/me")
        httpx.get(f"{service.url}/v1/me", headers={"Cookie": f"edgeseg=forged-{EMAIL}"})
        message = {"userId": EMAIL, "event": "Order Completed", "writeKey": WRITE_KEY}
        browser.post("/v1/track", json=message)
        key = {"Authorization": f"Bearer {SERVER_KEY}"}
        browser.get(f"/v1/visitors/{EMAIL}", headers=key)
        browser.get(f"/v1/visitors/{answer['visitor']}/export", headers=key)
        browser.delete("/v1/me")
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as raw:
        raw.sendall(f"GET /{EMAIL}?{QUERY} HTTP/9.9\r\n\x00\r\n\r\n".encode())
        raw.recv(1_000)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_line_of_a_log_tells_of_a_visitor(new_service: StartService, log_format: str) -> None:
    """Not the id, the cookie, an address or a query string, whatever was asked, and how."""
    workers = 2 if log_format == "json" else 1
    service = new_service(log_format=log_format, workers=workers).start()
    told = list(_visit(service))
    service.close()
    lines = [line for line in service.output().splitlines() if " starting on " not in line]
    output = "\n".join(lines)

    assert [each for each in told if each in output] == []
    assert "Traceback" not in output
    if log_format == "json":
        found = [json.loads(line) for line in lines if not line.startswith("edgeseg: ")]
        audited = [each for each in found if each["logger"] == "edgeseg.delivery.audit"]
        assert {json.loads(each["message"])["action"] for each in audited} >= {"show", "erase"}
