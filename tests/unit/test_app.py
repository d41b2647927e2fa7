"""The composition root: what it builds, over the memory store and a clock that is set."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar, get
from litestar.exceptions import HTTPException
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from edgeseg.app import create_app
from edgeseg.assembly import find_secret
from edgeseg.clock import DAY_MS
from edgeseg.delivery.http import ClientGone
from edgeseg.errors import EdgesegError, RulesError, SettingsError
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings

ROOT = Path(__file__).parents[2]
ORIGIN = "https://shop.example"
NOW_MS = 1_800_000_000_000


def _settings(tmp_path: Path, **changes: object) -> Settings:
    chosen = {
        "data_dir": str(tmp_path / "data"),
        "rules": str(ROOT / "rules"),
        "templates": str(ROOT / "templates"),
        "reload_s": 0.0,
        "allowed_origins": (ORIGIN,),
        **changes,
    }
    return Settings(**chosen)  # type: ignore[arg-type]


class Hand:
    """A clock that stands until it is moved."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """Answer where it stands."""
        return self.now_ms


@pytest.fixture
def clock() -> Hand:
    """The clock of the service under test."""
    return Hand()


@pytest.fixture
def client(tmp_path: Path, clock: Hand) -> Iterator[TestClient[Litestar]]:
    """A client of a service over the memory store."""
    app = create_app(_settings(tmp_path), store=MemoryStore(clock=clock), clock=clock)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def _view(client: TestClient[Litestar], path: str = "/") -> dict[str, list[str]]:
    body = {"page": {"url": ORIGIN + path}, "consent": {"marketing": True}}
    answer = client.post("/v1/classify", json=body)
    assert answer.status_code == 200
    found: dict[str, list[str]] = answer.json()
    return found


def _answered(client: TestClient[Litestar]) -> dict[tuple[str, str], float]:
    """Answer route and status → how often it was answered so."""
    name = "http_server_request_duration_seconds"
    told = text_string_to_metric_families(client.get("/metrics").text)
    [family] = [each for each in told if each.name == name]
    return {
        (each.labels["http_route"], each.labels["http_response_status_code"]): each.value
        for each in family.samples
        if each.name == f"{name}_count"
    }


def _fail(_self: object) -> int:
    raise ZeroDivisionError


def test_time_is_the_clock_that_is_given(client: TestClient[Litestar], clock: Hand) -> None:
    """A prospect is one for thirty days to the millisecond, by the injected clock."""
    prospects = "prospective-account-clients"
    assert prospects in _view(client, "/accounts/current-account")["segments"]
    clock.now_ms += 30 * DAY_MS - 1
    assert prospects in _view(client)["segments"]
    clock.now_ms += 1
    assert prospects not in _view(client)["segments"]


def test_an_old_cookie_is_renewed(client: TestClient[Litestar], clock: Hand) -> None:
    """A visitor who comes now and then is not forgotten by the browser."""
    _view(client)
    first = client.cookies["edgeseg"]
    clock.now_ms += 29 * DAY_MS
    _view(client)
    assert client.cookies["edgeseg"] == first
    clock.now_ms += 2 * DAY_MS
    _view(client)
    assert client.cookies["edgeseg"] != first


def test_an_allowed_site_may_call_with_its_cookies(client: TestClient[Litestar]) -> None:
    """The preflight of a listed origin is answered for exactly that origin."""
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/classify", headers=asked)
    assert answer.status_code in {200, 204}
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    body = {"page": {"url": ORIGIN}}
    answer = client.post("/v1/classify", json=body, headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", "http://shop.example"]
)
def test_another_site_may_not_read_answers(client: TestClient[Litestar], origin: str) -> None:
    """An origin that is not listed exactly gets no permission, in preflight or answer."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    refused = client.options("/v1/classify", headers=asked)
    assert refused.headers.get("access-control-allow-origin") in {None, ORIGIN}
    body = {"page": {"url": ORIGIN}}
    answer = client.post("/v1/classify", json=body, headers={"Origin": origin})
    assert answer.headers.get("access-control-allow-origin") != origin


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "null", "shop.example", "https://*.shop.example"),
        *("https://shop.example/", "https://shop.example/cart", "https://Shop.example"),
        *("https://shop.example:443", "http://shop.example:80", "https://me@shop.example"),
    ],
)
def test_only_exact_origins_can_be_allowed(tmp_path: Path, origin: str) -> None:
    """A wildcard with cookies opens profiles to everybody; other spellings allow nobody."""
    settings = _settings(tmp_path, allowed_origins=(origin,))
    with pytest.raises(SettingsError, match="EDGESEG_ALLOWED_ORIGINS"):
        create_app(settings, store=MemoryStore())


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://[::1]:8443", "https://a.b:80", "capacitor://app"]
)
def test_any_origin_as_browsers_send_it_can_be_allowed(tmp_path: Path, origin: str) -> None:
    """Ports, addresses and apps are origins, too."""
    assert create_app(_settings(tmp_path, allowed_origins=(origin,)), store=MemoryStore())


def test_wrong_rules_build_no_service(tmp_path: Path) -> None:
    """There is no service without rules that load."""
    settings = _settings(tmp_path, rules=str(tmp_path / "none"))
    with pytest.raises(RulesError):
        create_app(settings, store=MemoryStore())


def test_two_services_share_nothing(tmp_path: Path, clock: Hand) -> None:
    """There is no module state: each application has its own counters and rules."""
    for _ in range(2):
        app = create_app(_settings(tmp_path), store=MemoryStore(), clock=clock)
        with TestClient(app, base_url="http://127.0.0.1") as client:
            _view(client)
            assert _answered(client) == {("/v1/classify", "200"): 1.0}


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("POST", "/v1/classify"),
        ("POST", "/v1/track"),
        ("POST", "/ofrep/v1/evaluate/flags"),
        ("GET", "/v1/segment-key"),
    ],
)
def test_a_fault_of_ours_is_counted(
    tmp_path: Path, clock: Hand, monkeypatch: pytest.MonkeyPatch, method: str, route: str
) -> None:
    """Whoever watches the service hears of it, not only who was answered."""
    app = create_app(_settings(tmp_path), store=MemoryStore(), clock=clock)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        monkeypatch.setattr(Hand, "__call__", _fail)
        body = b'{"page": {"url": "https://shop.example"}}' if method == "POST" else b""
        assert client.request(method, route, content=body).status_code == 500
        assert _answered(client) == {(route, "500"): 1.0}


@pytest.mark.parametrize(
    "fault", [ZeroDivisionError("inside"), EdgesegError("inside"), HTTPException("inside")]
)
def test_a_fault_of_ours_is_told_to_the_log_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    """An unforeseen error is a problem document without a word of it, and a line of the log."""

    @get("/fault", sync_to_thread=False)
    def fail() -> None:
        """Fail."""
        raise fault

    app = create_app(_settings(tmp_path), store=MemoryStore(), more_routes=[fail])
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.get("/fault")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:edgeseg:problem:internal"
    assert "inside" not in answer.text
    [line] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert line.name.startswith("edgeseg.")
    assert line.exc_info is not None
    assert line.exc_info[1] is fault
    assert "inside" not in line.getMessage()


def test_a_client_that_goes_away_is_no_fault_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is called at night because a browser was closed."""

    @get("/gone", sync_to_thread=False)
    def go() -> None:
        """Notice it."""
        raise ClientGone

    app = create_app(_settings(tmp_path), store=MemoryStore(), more_routes=[go])
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/gone").status_code == 400
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/healthz", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/v1/consent", {"POST", "OPTIONS"}),
        ("POST", "/v1/me", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("DELETE", "/v1/segment-key", {"GET", "HEAD"}),
        ("POST", "/v1/fragment/home-hero", {"GET", "HEAD"}),
        ("DELETE", "/v1/fragment/home-hero", {"GET", "HEAD"}),
        ("POST", "/ofrep/v1/events", {"GET", "HEAD"}),
    ],
)
def test_a_refused_method_is_told_the_others(
    client: TestClient[Litestar], method: str, path: str, allowed: set[str]
) -> None:
    """In the header made for it (RFC 9110, section 15.5.6)."""
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """Workers that start together, and later starts, read the same; nobody else may."""
    secrets = {find_secret(tmp_path / "new" / "folder") for _ in range(3)}
    assert len(secrets) == 1
    assert len(secrets.pop()) >= 32
    file = tmp_path / "new" / "folder" / "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret"]


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    """Where no secret can be kept the message tells how to give one."""
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(SettingsError, match="set EDGESEG_SECRET"):
        find_secret(tmp_path / "file" / "folder")
