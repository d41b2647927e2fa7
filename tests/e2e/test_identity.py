"""Who somebody is, over real HTTP, two workers and a real store: a login, and being told."""

import hashlib
import json
import time

import httpx
import jwt

from tests.e2e.conftest import StartService
from tests.e2e.service import SERVER_KEY
from tests.e2e.views import ACCOUNT, GRANTED, PROSPECTS, view_page, visitor_of

TOKEN_KEY = "identity-key-shared-with-the-login"
ADDRESS = "ann@example.org"


def make_token() -> str:
    """Answer what the site's login hands to its page, as the how-to shows."""
    claims = {"sub": "customer-4711", "exp": int(time.time()) + 300, "email": ADDRESS}
    return jwt.encode(claims, TOKEN_KEY, "HS256")


def test_a_person_on_two_devices_asks_and_is_forgotten(new_service: StartService) -> None:
    """One profile from both, told and exported, found by address, erased everywhere."""
    service = new_service(workers=2, identity_keys=TOKEN_KEY, audit_log="audit.jsonl")
    service.start()
    server = {"Authorization": f"Bearer {SERVER_KEY}"}
    with httpx.Client(base_url=service.url, timeout=20) as laptop:
        anonymous = visitor_of(view_page(laptop, ACCOUNT, consent=GRANTED))
        known = laptop.post("/v1/me/identify", json={"token": make_token()}).json()["visitor"]
        assert known.startswith("known:")
        with httpx.Client(base_url=service.url, timeout=20) as phone:
            assert PROSPECTS not in view_page(phone, consent=GRANTED).json()["segments"]
            phone.post("/v1/me/identify", json={"token": make_token()})
            seen = view_page(phone)
            assert (visitor_of(seen), PROSPECTS in seen.json()["segments"]) == (known, True)
        told = laptop.get("/v1/me").json()
        assert (told["known"], told["events"]["page_viewed"]) == (True, 3)
        history = laptop.get("/v1/me/export").json()["history"]
        assert [event["event"] for event in history].count("page_viewed") == 3
        digest = hashlib.sha256(ADDRESS.encode()).hexdigest()
        query = {"email_hash": digest}
        found = laptop.get("/v1/visitors", params=query, headers=server).json()["visitors"]
        assert found == [known]
        assert laptop.delete("/v1/me").status_code == 204
        gone = laptop.get("/v1/visitors", params=query, headers=server).json()["visitors"]
        assert gone == []
        for visitor in (anonymous, known):
            assert laptop.get(f"/v1/visitors/{visitor}", headers=server).status_code == 404
    lines = (service.data_dir / "audit.jsonl").read_text("utf-8").splitlines()
    actions = [json.loads(line)["action"] for line in lines]
    assert actions == ["identify", "identify", "show", "export", "find", "erase"]
    assert ADDRESS not in "".join(lines)
    assert known not in "".join(lines)
    with service.store() as store:
        names = b"\n".join(store.scan_iter(count=1_000))
    assert ADDRESS.encode() not in names
    assert b"customer-4711" not in names


def test_with_the_store_gone_nobody_is_told_a_false_yes(new_service: StartService) -> None:
    """What cannot be done is answered 503; the page view goes on."""
    service = new_service(identity_keys=TOKEN_KEY).start()
    with httpx.Client(base_url=service.url, timeout=20) as browser:
        view_page(browser, ACCOUNT, consent=GRANTED)
        with service.store() as store:
            store.execute_command("CLIENT", "PAUSE", 5_000, "ALL")
        for method, path in (
            ("POST", "/v1/me/identify"),
            ("GET", "/v1/me/export"),
            ("PUT", "/v1/me/do-not-profile"),
        ):
            body = {"token": make_token()} if method == "POST" else None
            assert browser.request(method, path, json=body).status_code == 503, path
        assert view_page(browser).json()["degraded"] is True
