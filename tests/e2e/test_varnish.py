"""The shipped VCL, in a real Varnish (or Vinyl Cache) before a real service and a site."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.faulty_server import counting_fragments, serving
from tests.e2e.fragment_rules import become_visitor, write_rules
from tests.e2e.service import ROOT, Service, find_free_port, wait_for
from tests.plugins.needs import path_of

pytestmark = pytest.mark.needs("varnishd")

PAGES = {
    "/page.html": """<html><body>
[<esi:include src="/v1/fragment/hero"/>]
[<esi:include src="/v1/fragment/greeting"/>]
</body></html>""",
    "/address.html": '<html><body><esi:include src="/v1/fragment/address"/></body></html>',
    "/fallbacks/hero.html": "<p>the site's own hero</p>",
}
AWAY = ("[<p>the site's own hero</p>]", "[<!-- edgeseg: unavailable -->]")
StartVarnish = Callable[[int], str]


@contextmanager
def _varnish(folder: Path, edgeseg_port: int, *, probes: bool = True) -> Iterator[str]:
    """Run Varnish with the shipped VCL; only addresses are ours, and whether it probes."""
    folder.mkdir(parents=True, exist_ok=True)
    program = path_of("varnishd")
    assert program is not None
    with ExitStack() as stack:
        site_port = stack.enter_context(serving(PAGES))
        vcl = (ROOT / "deploy/varnish/edgeseg.vcl").read_text("utf-8")
        vcl = vcl.replace('"8081"', f'"{site_port}"').replace('"8080"', f'"{edgeseg_port}"')
        if not probes:
            vcl = vcl.replace(".interval = 1s;", ".interval = 1h;")
        (folder / "edgeseg.vcl").write_text(vcl, "utf-8")
        port = find_free_port()
        command = [program, "-F", "-n", str(folder / "work"), "-f", str(folder / "edgeseg.vcl")]
        command += ["-a", f"127.0.0.1:{port}", "-s", "malloc,32m", "-j", "none"]
        command += ["-p", "thread_pool_min=20", "-p", "thread_pools=1"]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True
            )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(lambda: _answers(url, process, folder), 30, "Varnish answers")
            yield url
        finally:
            # Asked to end, Vinyl Cache waits a minute for threads that have nothing to do.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def _answers(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    said = (folder / "output").read_text("utf-8", "replace")
    assert process.poll() is None, f"Varnish has ended:\n{said}"
    try:
        return httpx.get(f"{url}/fallbacks/hero.html", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of one process, so that a signal stops all of it."""
    folder = tmp_path_factory.mktemp("varnish-service")
    settings = write_rules(folder)
    with closing(Service(folder / "data", budget_ms=5_000, **settings)) as running:
        yield running.start()


@pytest.fixture(scope="module")
def site(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Varnish before the service."""
    with _varnish(tmp_path_factory.mktemp("varnish"), service.port, probes=False) as url:
        yield url


@pytest.fixture
def start_varnish(tmp_path: Path) -> Iterator[StartVarnish]:
    """Start Varnish before whatever listens on a port."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(_varnish(tmp_path / "varnish", port))


def _page(site: str, cookie: str = "", **headers: str) -> str:
    answer = httpx.get(f"{site}/page.html", headers={"Cookie": cookie, **headers}, timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "set-cookie" not in answer.headers
    return answer.text


def _fragments(service: Service) -> float:
    text = httpx.get(f"{service.url}/metrics", timeout=5).text
    [line] = [
        line
        for line in text.splitlines()
        if line.startswith("http_server_request_duration_seconds_count") and "/v1/fragment" in line
    ]
    return float(line.rpartition(" ")[2])


def test_a_page_is_put_together_for_its_visitor(service: Service, site: str) -> None:
    """What is shared and what is the visitor's own stand side by side."""
    page = _page(site, become_visitor(service.url, "/shop", "Ada"))
    assert "[<p>for shoppers</p>]" in page
    assert "[<p>Hello Ada</p>]" in page
    assert _page(site).count("[<p>for everyone</p>]") == 2


def test_nobody_sees_another_s_fragment(service: Service, site: str) -> None:
    """Visitors in the same segments share what is shared, never what greets one of them."""
    ada, bob, eve = (
        become_visitor(service.url, path, name)
        for path, name in (("/shop", "Ada"), ("/shop", "Bob"), ("/", "Eve"))
    )
    for cookie, name, hero in [(ada, "Ada", "shoppers"), (bob, "Bob", "shoppers")] * 3 + [
        (eve, "Eve", "everyone")
    ]:
        page = _page(site, cookie)
        assert f"[<p>Hello {name}</p>]" in page
        assert f"[<p>for {hero}</p>]" in page
    assert "Hello" not in _page(site)


def test_shared_fragments_are_kept_once_per_key(service: Service, site: str) -> None:
    """The second visitor with the same key costs the service one fragment less."""
    ada, bob = (become_visitor(service.url, "/shop", name) for name in ("Ada", "Bob"))
    _page(site, ada)
    before = _fragments(service)
    _page(site, bob)
    assert _fragments(service) - before == 1  # the greeting alone


def test_a_key_from_outside_is_never_used(service: Service, site: str) -> None:
    """Whoever sends somebody else's genuine key, or a made-up one, changes nothing."""
    ada = become_visitor(service.url, "/shop")
    key = httpx.get(f"{service.url}/v1/segment-key", headers={"Cookie": ada}, timeout=5)
    genuine = key.headers["edgeseg-segment-key"]
    for sent in (genuine, f"f{genuine[1:]}", "nonsense"):
        headers = {"Edgeseg-Segment-Key": sent, "X-Edgeseg-Page": "/v1/segment-key"}
        assert "for shoppers" not in _page(site, **headers)
        direct = httpx.get(f"{site}/v1/fragment/hero", headers=headers, timeout=5)
        assert direct.text == "<p>for everyone</p>"
    assert "for shoppers" in _page(site, ada)


@pytest.mark.parametrize(
    ("forwarded", "scheme"),
    [("", "http"), ("http", "http"), ("https", "https"), ("HTTPS, http", "https")],
)
def test_a_fragment_is_told_the_address_that_the_browser_shows(
    site: str, forwarded: str, scheme: str
) -> None:
    """Varnish is spoken to without TLS; who ends it in front tells of it."""
    headers = {"X-Forwarded-Proto": forwarded} if forwarded else {}
    answer = httpx.get(f"{site}/address.html", headers=headers, timeout=20)
    told = f"{site.replace('http', scheme, 1)}/address.html"
    assert answer.text == f"<html><body>{told}</body></html>"


def test_no_copy_is_shown_beyond_its_time(start_varnish: StartVarnish) -> None:
    """Varnish by itself shows one for 10 s more: a campaign that is over, for instance."""
    with counting_fragments("public, s-maxage=1") as (port, count):
        site = start_varnish(port)
        pages = ["[<p>1</p>]"]
        while count() < 2:
            assert "[<p>1</p>]" in pages[-1]
            pages.append(_page(site))
    assert "[<p>2</p>]" in pages[-1]


def test_the_browser_s_calls_pass_under_the_site_s_host(site: str) -> None:
    """Snippet, page views and flags; what is the operator's is the site's to answer."""
    with httpx.Client(base_url=site, timeout=20) as client:
        assert "text/javascript" in client.get("/edgeseg.js").headers["content-type"]
        page = {"page": {"url": f"{site}/shop"}, "consent": {"marketing": True}}
        assert client.post("/v1/classify", json=page).json()["segments"] == ["shoppers"]
        assert "edgeseg" in client.cookies
        assert client.get("/metrics").status_code == 404


def test_events_of_flags_pass_as_they_come(site: str) -> None:
    """They are not held back until there are many."""
    with httpx.stream("GET", f"{site}/ofrep/v1/events", timeout=10) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_text()).startswith("retry: ")


def test_a_service_that_is_away_leaves_the_site_s_own(start_varnish: StartVarnish) -> None:
    """Nobody listens: the page is there, with the site's fallback where it has one."""
    page = _page(start_varnish(find_free_port()))
    for own in AWAY:
        assert own in page


def test_a_service_that_fails_leaves_the_site_s_own(start_varnish: StartVarnish) -> None:
    """The text of its error never shows."""
    with serving(status=500) as port:
        page = _page(start_varnish(port))
    for own in AWAY:
        assert own in page
    assert "the text of an error" not in page


def test_a_service_that_hangs_holds_the_page_up_only_briefly(service: Service, site: str) -> None:
    """Key and fragments are waited for 200 ms each, one after the other."""
    ada = become_visitor(service.url, "/", "Ada")
    _page(site, ada)
    service.signal(signal.SIGSTOP)
    try:
        started_s = time.monotonic()
        page = _page(site, ada)
        took_s = time.monotonic() - started_s
    finally:
        service.signal(signal.SIGCONT)
    assert AWAY[1] in page
    assert took_s < 3  # and not the 60 s that Varnish waits by itself
    wait_for(lambda: "Hello Ada" in _page(site, ada), 10, "the service goes on")
