"""The shipped nginx configuration, in a real nginx before a real service."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from edgeseg.delivery.snippet import POPUPS, SCRIPT, read_snippet_file
from tests.e2e.faulty_server import counting_fragments, serving
from tests.e2e.fragment_rules import become_visitor, write_rules
from tests.e2e.service import ROOT, Service, find_free_port, wait_for
from tests.plugins.needs import path_of

pytestmark = pytest.mark.needs("nginx")

SHIPPED = ROOT / "deploy/nginx"
PAGE = """<html><body>
<!--# block name="hero" --><p>the page's own hero</p><!--# endblock -->
<!--# block name="greeting" --><p>the page's own greeting</p><!--# endblock -->
[<!--# include virtual="/v1/fragment/hero" stub="hero" -->]
[<!--# include virtual="/v1/fragment/greeting" stub="greeting" -->]
</body></html>
"""
SITE = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/edgeseg-http.conf;
    server {{
        listen 127.0.0.1:{port};
        include {folder}/edgeseg-server.conf;
        location / {{
            root {folder}/site;
            default_type text/html;
            ssi on;
            auth_request /edgeseg-segment-key;
            auth_request_set $edgeseg_segment_key $upstream_http_edgeseg_segment_key;
            add_header Cache-Control "private, no-cache" always;
        }}
        {cms}
    }}
}}
"""
HOW_TO = ROOT / "docs/how-to/put-it-in-your-cms.md"
StartNginx = Callable[[int], str]


def _location_of_a_cms(port: int) -> str:
    """Answer what the how-to says of a CMS behind nginx, here for the pages below ``/cms/``."""
    [block] = re.findall(r"```nginx\n(location / .*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    return str(block).replace("location /", "location /cms/").replace("8081", str(port))


@contextmanager
def _nginx(folder: Path, edgeseg_port: int, cms_port: int = 1) -> Iterator[str]:
    """Run nginx with the shipped files; only the address of the service and paths are ours."""
    (folder / "site").mkdir(parents=True)
    (folder / "site/page.html").write_text(PAGE, "utf-8")
    for name in ("edgeseg-http.conf", "edgeseg-server.conf"):
        text = (SHIPPED / name).read_text("utf-8")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{edgeseg_port}")
        text = text.replace("/var/cache/nginx/edgeseg", f"{folder}/cache")
        (folder / name).write_text(text, "utf-8")
    port = find_free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    parts = {"folder": folder, "port": port, "user": user, "cms": _location_of_a_cms(cms_port)}
    (folder / "nginx.conf").write_text(SITE.format(**parts), "utf-8")
    program = path_of("nginx")
    assert program is not None
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(url, process), 10, "nginx answers")
        yield url
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(10)


def _answers(url: str, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "nginx has ended"
    try:
        return httpx.get(f"{url}/no-such-page", timeout=5).status_code == 404
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of one process, so that a signal stops all of it."""
    folder = tmp_path_factory.mktemp("nginx-service")
    settings = write_rules(folder)
    with closing(Service(folder / "data", budget_ms=5_000, **settings)) as running:
        yield running.start()


@pytest.fixture(scope="module")
def site(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx before the service and a CMS."""
    with (
        serving({"/cms/page": PAGE}) as cms_port,
        _nginx(tmp_path_factory.mktemp("nginx"), service.port, cms_port) as url,
    ):
        yield url


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """Start nginx before whatever listens on a port."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(_nginx(tmp_path / "nginx", port))


def _page(site: str, cookie: str = "", path: str = "/page.html", **headers: str) -> str:
    answer = httpx.get(f"{site}{path}", headers={"Cookie": cookie, **headers}, timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "set-cookie" not in answer.headers
    return answer.text


OWN = ("[<p>the page's own hero</p>]", "[<p>the page's own greeting</p>]")


def test_a_page_is_put_together_for_its_visitor(service: Service, site: str) -> None:
    """What is shared and what is the visitor's own stand side by side."""
    ada = become_visitor(service.url, "/shop", "Ada")
    page = _page(site, ada)
    assert "[<p>for shoppers</p>]" in page
    assert "[<p>Hello Ada</p>]" in page
    nobody = _page(site)
    assert nobody.count("[<p>for everyone</p>]") == 2


def test_pages_of_a_cms_are_put_together(service: Service, site: str) -> None:
    """Though it would compress them, and let everybody keep them."""
    page = _page(site, become_visitor(service.url, "/shop", "Ada"), "/cms/page")
    assert "[<p>for shoppers</p>]" in page
    assert "[<p>Hello Ada</p>]" in page


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
    fragment = f"{service.url}/metrics"
    assert httpx.get(fragment, timeout=5).status_code == 200
    _page(site, ada)
    before = _fragments(service)
    _page(site, bob)
    assert _fragments(service) - before == 1  # the greeting alone


def _fragments(service: Service) -> float:
    text = httpx.get(f"{service.url}/metrics", timeout=5).text
    [line] = [
        line
        for line in text.splitlines()
        if line.startswith("http_server_request_duration_seconds_count") and "/v1/fragment" in line
    ]
    return float(line.rpartition(" ")[2])


def test_a_key_from_outside_is_never_used(service: Service, site: str) -> None:
    """Whoever sends somebody else's genuine key, or a made-up one, changes nothing."""
    ada = become_visitor(service.url, "/shop")
    key = httpx.get(f"{service.url}/v1/segment-key", headers={"Cookie": ada}, timeout=5)
    genuine = key.headers["edgeseg-segment-key"]
    for sent in (genuine, f"f{genuine[1:]}", "nonsense"):
        headers = {"Edgeseg-Segment-Key": sent}
        assert "for shoppers" not in _page(site, **headers)
        direct = httpx.get(f"{site}/v1/fragment/hero", headers=headers, timeout=5)
        assert direct.text == "<p>for everyone</p>"
        assert direct.headers["cache-control"] == "private, no-store"
    assert "for shoppers" in _page(site, ada)


def test_a_page_s_own_authorization_is_no_key(service: Service, site: str) -> None:
    """Sites have tokens of their own, which the service does not know."""
    ada = become_visitor(service.url, "/shop", "Ada")
    page = _page(site, ada, Authorization="Bearer of-the-site")
    assert "[<p>for shoppers</p>]" in page
    assert "[<p>Hello Ada</p>]" in page


def test_no_copy_is_shown_beyond_its_time(start_nginx: StartNginx) -> None:
    """A campaign that is over is not shown once more to whoever comes next."""
    with counting_fragments("public, s-maxage=1") as (port, count):
        site = start_nginx(port)
        pages = ["[<p>1</p>]"]
        while count() < 2:
            assert "[<p>1</p>]" in pages[-1]
            pages.append(_page(site))
    assert "[<p>2</p>]" in pages[-1]


def test_the_browser_s_calls_pass_under_the_site_s_host(site: str) -> None:
    """Snippet, page views and flags; what is the operator's does not."""
    with httpx.Client(base_url=site, timeout=20) as client:
        scripts = [read_snippet_file(name) for name in (SCRIPT, POPUPS)]
        for path in ("/edgeseg.js", *(f"/{script.pinned_name}" for script in scripts)):
            assert "text/javascript" in client.get(path).headers["content-type"]
        assert client.get("/edgeseg.js.map").status_code == 200
        page = {"page": {"url": f"{site}/shop"}, "consent": {"marketing": True}}
        assert client.post("/v1/classify", json=page).json()["segments"] == ["shoppers"]
        assert "edgeseg" in client.cookies
        flags = client.post(
            "/ofrep/v1/evaluate/flags/segment/shoppers",
            json={"context": {}},
            headers={"Origin": site},
        )
        assert flags.json()["value"] is True
        for path in ("/metrics", "/status", "/healthz", "/openapi"):
            assert client.get(path).status_code == 404


def test_events_of_flags_pass_as_they_come(site: str) -> None:
    """They are not held back until there are many."""
    with httpx.stream("GET", f"{site}/ofrep/v1/events", timeout=10) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_text()).startswith("retry: ")


def test_a_service_that_is_away_leaves_the_page_s_own(start_nginx: StartNginx) -> None:
    """Nobody listens: the page is there at once, with its own content."""
    site = start_nginx(find_free_port())
    page = _page(site)
    for own in OWN:
        assert own in page


def test_a_service_that_fails_leaves_the_page_s_own(start_nginx: StartNginx) -> None:
    """The text of its error never shows."""
    with serving(status=500) as port:
        page = _page(start_nginx(port))
    for own in OWN:
        assert own in page
    assert "the text of an error" not in page


def test_a_service_that_hangs_holds_the_page_up_only_briefly(service: Service, site: str) -> None:
    """Key and fragments are waited for 200 ms each, the fragments side by side."""
    ada = become_visitor(service.url, "/", "Ada")
    _page(site, ada)
    service.signal(signal.SIGSTOP)
    try:
        started_s = time.monotonic()
        page = _page(site, ada)
        took_s = time.monotonic() - started_s
    finally:
        service.signal(signal.SIGCONT)
    assert OWN[1] in page
    assert took_s < 2  # and not the 60 s that nginx waits by itself
    wait_for(lambda: "Hello Ada" in _page(site, ada), 10, "the service goes on")
