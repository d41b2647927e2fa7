"""The recipes for sites, as they are shipped: each renders, and each outlives the service."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import django
import jinja2
import pytest
from django.conf import settings as django_settings
from django.template import engines
from django.test import RequestFactory

from tests.e2e.faulty_server import serving
from tests.e2e.fragment_rules import become_visitor, write_rules
from tests.e2e.service import ROOT, Service, find_free_port
from tests.plugins.needs import path_of

RECIPES = ROOT / "deploy/recipes"
HOW_TO = ROOT / "docs/how-to/put-it-in-your-cms.md"
OWN = "<p>the page's own</p>"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36"
PHP = """<?php
$_SERVER += ['HTTP_HOST' => 'shop.example', 'REQUEST_URI' => '/shop', 'HTTPS' => 'on'];
$_SERVER += ['HTTP_COOKIE' => $argv[3], 'HTTP_USER_AGENT' => $argv[4]];
$_SERVER += json_decode($argv[7], true);
require $argv[1] . '/edgeseg_fragment.php';
$html = [];
$started = hrtime(true);
foreach (json_decode($argv[5]) as $slot) $html[] = edgeseg_fragment($slot, $argv[6], $argv[2]);
echo json_encode(['html' => $html, 'took_ms' => (hrtime(true) - $started) / 1e6]);
"""
WORDPRESS = """<?php
// The few functions of WordPress that the plugin calls.
$shortcodes = [];
function add_shortcode($name, $answer) { global $shortcodes; $shortcodes[$name] = $answer; }
function shortcode_atts($known, $given, $name) { return array_merge($known, (array) $given); }
function do_shortcode($content) { return $content; }
$_SERVER += ['HTTP_HOST' => 'shop.example', 'REQUEST_URI' => '/', 'HTTP_COOKIE' => $argv[2]];
require $argv[1] . '/edgeseg_wordpress.php';
echo $shortcodes['edgeseg'](['slot' => 'greeting'], $argv[3]), DONOTCACHEPAGE ? ' private' : '';
"""
Render = Callable[..., list[str]]
HERE = "127.0.0.1"


class Told(NamedTuple):
    """What a visitor's browser, and a proxy before the site, tell in headers."""

    language: str = ""
    gpc: str = ""
    address: str = ""


NOTHING_TOLD = Told()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of one process, so that a signal stops all of it."""
    folder = tmp_path_factory.mktemp("recipes-service")
    settings = write_rules(folder)
    with closing(Service(folder / "data", budget_ms=5_000, **settings)) as running:
        yield running.start()


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes' folder on the path, as if its files had been copied into the site."""
    monkeypatch.syspath_prepend(str(RECIPES))


def _with_django(url: str, cookie: str, slots: list[str], told: Told = NOTHING_TOLD) -> list[str]:
    """Render slots by the Django tag."""
    if not django_settings.configured:
        django_settings.configure(
            ALLOWED_HOSTS=["*"],
            TEMPLATES=[
                {
                    "BACKEND": "django.template.backends.django.DjangoTemplates",
                    "OPTIONS": {
                        "context_processors": ["django.template.context_processors.request"],
                        "libraries": {"edgeseg_django": "edgeseg_django"},
                    },
                }
            ],
        )
        django.setup()
    tag: ModuleType = __import__("edgeseg_django")
    django_settings.EDGESEG = {"url": url}
    tag._fragments.cache_clear()
    headers = {"Cookie": cookie, "User-Agent": AGENT, "Accept-Language": told.language}
    headers |= {"Sec-GPC": told.gpc, "X-Forwarded-For": told.address}
    request = RequestFactory().get("/shop", headers=headers)
    text = "{% load edgeseg_django %}{% for slot in slots %}"
    text += "{% edgeseg slot %}" + OWN + "{% endedgeseg %}|{% endfor %}"
    template = engines["django"].from_string(text)
    html = template.render({"slots": slots}, request)
    tag._fragments().close()
    return str(html).rstrip("|").split("|")


def _with_jinja2(url: str, cookie: str, slots: list[str], told: Told = NOTHING_TOLD) -> list[str]:
    """Render slots by the Jinja2 extension."""
    extension = __import__("edgeseg_jinja2").EdgesegExtension
    environment: Any = jinja2.Environment(autoescape=True, extensions=[extension])
    environment.edgeseg = __import__("edgeseg_fragment").Fragments(url)
    text = "{% for slot in slots %}{% edgeseg slot %}" + OWN + "{% endedgeseg %}|{% endfor %}"
    request = {"page": "https://shop.example/shop", "cookie": cookie, "agent": AGENT}
    request |= {**told._asdict(), "address": f"{told.address}, {HERE}"}
    html = environment.from_string(text).render(slots=slots, edgeseg_request=request)
    environment.edgeseg.close()
    return str(html).rstrip("|").split("|")


def _run_php(url: str, cookie: str, slots: list[str], told: Told, *options: str) -> list[str]:
    program = path_of("php")
    assert program is not None
    command = [program, *options, "-r", PHP.removeprefix("<?php"), "--"]
    headers = {"HTTP_ACCEPT_LANGUAGE": told.language, "HTTP_SEC_GPC": told.gpc}
    headers |= {"HTTP_X_FORWARDED_FOR": told.address, "REMOTE_ADDR": HERE}
    command += [str(RECIPES), url, cookie, AGENT, json.dumps(slots), OWN, json.dumps(headers)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    answer = json.loads(done.stdout)
    assert answer["took_ms"] < 1_500
    html: list[str] = answer["html"]
    return html


def _with_php(url: str, cookie: str, slots: list[str], told: Told = NOTHING_TOLD) -> list[str]:
    """Render slots by PHP as it is set up here, with curl where Debian's package is."""
    return _run_php(url, cookie, slots, told)


def _with_bare_php(url: str, cookie: str, slots: list[str], told: Told = NOTHING_TOLD) -> list[str]:
    """Render slots by PHP without any extension."""
    return _run_php(url, cookie, slots, told, "-n")


@pytest.fixture(
    params=[
        _with_django,
        _with_jinja2,
        pytest.param(_with_php, marks=pytest.mark.needs("php")),
        pytest.param(_with_bare_php, marks=pytest.mark.needs("php")),
    ],
    ids=["django", "jinja2", "php", "php-without-curl"],
)
def render(request: pytest.FixtureRequest, recipes: None) -> Render:
    """Each recipe: address, cookie, slots → HTML of each slot."""
    function: Render = request.param
    return function


def test_a_slot_shows_what_is_for_the_visitor(render: Render, service: Service) -> None:
    """The cookie is passed on, the page's address too, and HTML arrives as HTML."""
    ada = become_visitor(service.url, "/shop", "Ada")
    assert render(service.url, ada, ["hero", "greeting"]) == [
        "<p>for shoppers</p>",
        "<p>Hello Ada</p>",
    ]
    assert render(service.url, "", ["greeting"]) == ["<p>for everyone</p>"]


def test_a_slot_speaks_the_visitor_s_language_and_heeds_what_they_ask(
    render: Render, service: Service
) -> None:
    """As the browser's own call would: Global Privacy Control is passed on as well."""
    ada = become_visitor(service.url, "/", "Ada")
    assert render(service.url, ada, ["greeting"], Told(language="cs-CZ,en")) == ["<p>Ahoj Ada</p>"]
    assert render(service.url, ada, ["greeting"], Told(gpc="1")) == ["<p>for everyone</p>"]


def test_where_the_visitor_comes_from_is_passed_on(render: Render) -> None:
    """Every hop, the one before the site last; edgeseg believes it of listed servers only."""
    with serving({"/v1/fragment/hero": "<p>{X-Forwarded-For}</p>"}) as port:
        shown = render(f"http://127.0.0.1:{port}", "", ["hero"], Told(address="203.0.113.9"))
    assert shown == [f"<p>203.0.113.9, {HERE}</p>"]


def test_an_unknown_slot_shows_the_page_s_own(render: Render, service: Service) -> None:
    """A comment of edgeseg's is nothing to show."""
    assert render(service.url, "", ["no-such-slot", "hero"]) == [OWN, "<p>for everyone</p>"]


def test_a_service_that_is_away_costs_no_time(render: Render) -> None:
    """Ten slots do not wait ten times."""
    started_s = time.monotonic()
    assert render(f"http://127.0.0.1:{find_free_port()}", "", ["hero"] * 10) == [OWN] * 10
    assert time.monotonic() - started_s < 5


def test_a_service_that_hangs_costs_one_short_wait(render: Render, service: Service) -> None:
    """The first slot waits 150 ms, the others not at all."""
    service.signal(signal.SIGSTOP)
    try:
        assert render(service.url, "", ["hero"] * 10) == [OWN] * 10
    finally:
        service.signal(signal.SIGCONT)


def test_the_text_of_an_error_never_shows(render: Render) -> None:
    """A proxy between may answer with its own page."""
    with serving(status=503) as port:
        assert render(f"http://127.0.0.1:{port}", "", ["hero"]) == [OWN]


def test_a_closed_connection_is_opened_again(recipes: None) -> None:
    """A kept connection may be gone by the next page."""
    fragments_kind = __import__("edgeseg_fragment").Fragments
    pages = {"/v1/fragment/hero": "<p>first</p>"}
    with serving(pages) as port:
        fragments = fragments_kind(f"http://127.0.0.1:{port}", timeout_s=2)
        assert fragments.fetch("hero", OWN, page="http://shop.example/") == "<p>first</p>"
        fragments._kept.connection.sock.shutdown(2)
        assert fragments.fetch("hero", OWN, page="http://shop.example/") == "<p>first</p>"
        fragments.close()


@pytest.mark.needs("curl")
def test_the_line_for_the_shell_works(service: Service) -> None:
    """As the how-to has it, with a service and without."""
    [line] = re.findall(r"```sh\n(curl .*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    line = line.replace("home-hero", "greeting").replace("--max-time 0.15", "--max-time 5")
    ada = become_visitor(service.url, "/", "Ada")
    shown = []
    for url in (service.url, f"http://127.0.0.1:{find_free_port()}"):
        command = line.replace("http://127.0.0.1:8080", url)
        environment = {**os.environ, "COOKIE": ada}
        done = subprocess.run(
            ["sh", "-c", command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        shown.append(done.stdout)
    assert shown == ["<p>Hello Ada</p>", "the fallback\n"]


@pytest.mark.needs("php")
def test_the_wordpress_plugin_shows_its_shortcode(service: Service, tmp_path: Path) -> None:
    """Over the functions of WordPress that it calls; the page is marked as the visitor's."""
    for name in ("edgeseg_fragment.php", "edgeseg_wordpress.php"):
        text = (RECIPES / name).read_text("utf-8").replace("http://127.0.0.1:8080", service.url)
        (tmp_path / name).write_text(text, "utf-8")
    ada = become_visitor(service.url, "/", "Ada")
    program = path_of("php")
    assert program is not None
    command = [program, "-r", WORDPRESS.removeprefix("<?php"), "--", str(tmp_path), ada, OWN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "<p>Hello Ada</p> private"


@pytest.mark.needs("php")
def test_the_lines_for_wordpress_put_the_snippet_on_the_page() -> None:
    """As the how-to has them, over the two functions of WordPress that they call."""
    text = (ROOT / "docs/how-to/put-it-on-your-page.md").read_text("utf-8")
    [lines] = re.findall(r"```php\n(.*?)```", text, re.DOTALL)
    functions = """
    function add_action($name, $act) { if ($name === 'wp_enqueue_scripts') $act(); }
    function wp_enqueue_script($handle, $src, $needs, $version, $options) {
        echo json_encode([$handle, $src, $needs, $version, $options]);
    }
    """
    program = path_of("php")
    assert program is not None
    command = [program, "-d", "error_reporting=-1", "-r", functions + lines]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert json.loads(done.stdout) == ["edgeseg", "/edgeseg.js", [], None, {"strategy": "async"}]
