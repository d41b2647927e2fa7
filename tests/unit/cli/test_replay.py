"""``edgeseg replay`` over a real store, from the file to the stored profile."""

import asyncio
import gzip
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner, Result

from edgeseg.cli import replay_run
from edgeseg.cli.replay import replay
from edgeseg.events.event import CONSENT_CHANGED, Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.profile import Profile
from tests.conformance.stores import open_redis_store
from tests.unit.cli.test_log_source import stand_in

SEGMENTS = """
segments:
  - {id: everyone, name: Everyone, when: {all: []}}
  - {id: bots, name: Bots, when: {context: device, eq: bot}}
  - {id: new-visitors, name: New, priority: 9, when: {context: visit.number, lte: 1}}
  - {id: searchers, name: From search, when: {context: first.referrer_host, eq: search.example}}
  - {id: consenting, name: Consenting, when: {consent: marketing}}
"""
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

Run = Callable[..., Result]
ReadProfile = Callable[..., Profile | None]


def line(
    clock: str,
    path: str = "/",
    *,
    method: str = "GET",
    status: int = 200,
    referrer: str = "-",
    agent: str = BROWSER,
    address: str = "192.0.2.7",
) -> str:
    """Answer a line of the combined log format; ``clock`` is like ``17/May/2015:10:05:03``."""
    request = f"{method} {path} HTTP/1.1"
    return f'{address} - - [{clock} +0000] "{request}" {status} 5 "{referrer}" "{agent}"'


LOG = [
    line("17/May/2015:10:00:30", "/b"),  # logged late: it began after the next one
    line("17/May/2015:10:00:00", "/a?utm_source=news", referrer="http://search.example/?q=x"),
    line("17/May/2015:10:00:01", "/style.css"),
    line("17/May/2015:10:30:31", "/c", referrer="http://shop.example/b"),  # 30 min 1 s later
    line("17/May/2015:10:00:02", "/robots", agent=BOT),
    line("17/May/2015:10:00:02", "/robots", agent=BOT),  # in the same second, once more
    line("17/May/2015:10:00:03", "/gone", status=404),
    line("17/May/2015:10:00:04", "/form", method="POST"),
    "not a line of a log",
    "",
]


@pytest.fixture
def run(
    tmp_path: Path,
    embedded_server: EmbeddedServer,
    key_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs the command on a store of the test's own."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "segments.yaml").write_text(SEGMENTS, "utf-8")
    for name, value in {
        "REDIS_URL": embedded_server.url,
        "KEY_PREFIX": key_prefix,
        "RULES": str(rules),
        "TEMPLATES": str(tmp_path / "templates"),
        "DATA_DIR": str(tmp_path / "edgeseg"),
    }.items():
        monkeypatch.setenv(f"EDGESEG_{name}", value)

    def invoke(*arguments: str, text: bytes = b"") -> Result:
        return CliRunner().invoke(replay, arguments, input=text)

    return invoke


@pytest.fixture
def read_profile(embedded_server: EmbeddedServer, key_prefix: str) -> ReadProfile:
    """Reads what is stored of a visitor, "" for the one whom a log alone names."""

    async def read(visitor_id: str) -> Profile | None:
        limits = ConnectionLimits(timeout_s=20, stall_s=30)
        store = await open_redis_store(embedded_server.url, prefix=key_prefix, limits=limits)
        try:
            if not visitor_id:
                [visitor_id] = [each async for each in store.visitor_ids()]
            return await store.read(visitor_id, plan=EMPTY_PLAN)
        finally:
            await store.close()

    return lambda visitor_id="": asyncio.run(read(visitor_id))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log above, as a plain file."""
    path = tmp_path / "access.log"
    path.write_text("\n".join(LOG) + "\n", "utf-8")
    return path


def figures(result: Result) -> dict[str, Any]:
    """Answer the figures of a run that was asked for JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_counts_every_line_of_a_log(run: Run, log: Path):
    """Each line is a page view, or skipped for a reason; nothing is lost in silence."""
    report = figures(run(str(log), "--consent", "marketing", "--json"))
    assert (report["lines"], report["page_views"], report["events"]) == (10, 5, 5)
    assert (report["visitors"], report["bots"], report["bot_page_views"]) == (2, 1, 2)
    assert report["skipped"] == {
        "asset": 1,
        "status 404": 1,
        "method POST": 1,
        "malformed": 1,
        "blank": 1,
    }
    assert sum(report["skipped"].values()) + report["page_views"] == report["lines"]
    [[number, why]] = report["refused"]
    assert number == 9
    assert "combined log format" in why


def test_says_how_large_each_segment_is(run: Run, log: Path):
    """The visitor of two visits was new, and no longer is; by priority, then id."""
    report = figures(run(str(log), "--consent", "marketing", "--json"))
    assert [
        (row["id"], row["at_last_view"], row["ever"], row["joined"], row["left"])
        for row in report["segments"]
    ] == [
        ("new-visitors", 1, 2, 2, 1),
        ("bots", 1, 1, 1, 0),
        ("consenting", 2, 2, 2, 0),
        ("everyone", 2, 2, 2, 0),
        ("searchers", 1, 1, 1, 0),
    ]


def test_stores_page_views_at_the_time_of_the_log(
    run: Run, tmp_path: Path, read_profile: ReadProfile
):
    """Order, visits and first page are as they were, and the consent is kept."""
    path = tmp_path / "one.log"
    path.write_text("\n".join(LOG[:4]), "utf-8")
    figures(run(str(path), "--consent", "marketing", "--site", "http://shop.example/", "--json"))
    profile = read_profile()
    assert profile is not None
    views = profile.totals["page_viewed"]
    assert (views.count, views.last_ms - views.first_ms) == (3, 1_831_000)
    assert views.first_ms == 1_431_856_800_000
    assert profile.first_landing_path == "/a"
    assert profile.first_referrer_host == "search.example"
    assert [change.granted for change in profile.consents["marketing"]] == [True]
    assert profile.visit is not None
    assert (profile.visit.number, profile.visit.pages, profile.visit.landing_path) == (2, 1, "/c")


@pytest.mark.parametrize("packed", [False, True])
def test_reads_the_standard_input_packed_or_not(run: Run, log: Path, *, packed: bool):
    """What it is shows in its first bytes."""
    text = log.read_bytes()
    result = run("-", "--consent", "m", "--json", text=gzip.compress(text) if packed else text)
    assert figures(result)["page_views"] == 5


def test_reads_a_packed_file_as_far_as_it_goes(run: Run, tmp_path: Path):
    """A file that breaks off is replayed up to there, and the break is reported."""
    lines = [line("17/May/2015:10:00:00", f"/{number:x}/{number**9}") for number in range(20_000)]
    packed = gzip.compress("\n".join(lines).encode())
    path = tmp_path / "broken.gz"
    path.write_bytes(packed[: len(packed) // 20])
    report = figures(run(str(path), "--consent", "m", "--json"))
    assert report["page_views"] > 10
    assert "breaks off" in report["refused"][-1][1]


def test_a_second_replay_of_the_same_file_counts_nothing_twice(
    run: Run, log: Path, read_profile: ReadProfile
):
    """Equal lines count each, but only in the first replay."""
    log.write_text("\n".join([LOG[4], LOG[5]]), "utf-8")
    for _time in range(2):
        figures(run(str(log), "--consent", "m", "--json"))
    profile = read_profile()
    assert profile is not None
    assert profile.totals["page_viewed"].count == 2


def test_replays_events_of_json_lines(run: Run, tmp_path: Path, read_profile: ReadProfile):
    """A line of JSON names its visitor and brings events beside the page view."""
    order = {"event": "order_completed", "properties": {"revenue": 12.5}}
    good = {
        "visitor": "v1",
        "timestamp": "2015-05-17T10:00:00+02:00",
        "url": "https://shop.example/thanks",
        "user_agent": BROWSER,
        "events": [order, order],
    }
    bad = [
        good | {"user": "x"},
        good | {"url": "/thanks", "timestamp": "2999-01-01T00:00:00Z"},
        good | {"url": "thanks"},
        good | {"events": [{"event": "$consent"}]},
        good | {"events": [order] * 21},
        good | {"visitor": ""},
    ]
    path = tmp_path / "views.jsonl"
    path.write_text("\n".join(map(json.dumps, [*bad, good])), "utf-8")
    report = figures(run(str(path), "--consent", "m", "--json"))
    assert (report["page_views"], report["events"], report["skipped"]) == (1, 3, {"malformed": 6})
    assert [number for number, _why in report["refused"]] == [1, 2, 3, 4, 5]
    for why, word in zip(
        (why for _number, why in report["refused"]),
        ("unknown field `user`", "future", "page.url", r"events\[0\]", "at most 20 events"),
        strict=True,
    ):
        assert re.search(word, why)
    profile = read_profile("v1")
    assert profile is not None
    assert profile.totals["order_completed"].count == 2
    assert profile.totals["order_completed"].first_ms == 1_431_849_600_000


def test_what_visitors_refused_stays_refused(
    run: Run,
    tmp_path: Path,
    embedded_server: EmbeddedServer,
    key_prefix: str,
    read_profile: ReadProfile,
):
    """A log tells of nobody's consent, so it outweighs none, whatever the time of its lines."""

    async def refuse() -> None:
        store = await open_redis_store(embedded_server.url, prefix=key_prefix)
        try:
            at_ms = 1_400_000_000_000  # a year before the log
            said = Event(CONSENT_CHANGED, at_ms, {"m": True, "ads": False})
            await store.record("v1", [said], plan=EMPTY_PLAN, now_ms=at_ms)
        finally:
            await store.close()

    asyncio.run(refuse())
    view = {"visitor": "v1", "timestamp": "2015-05-17T10:00:00Z", "url": "https://shop.example/"}
    path = tmp_path / "views.jsonl"
    path.write_text(json.dumps(view), "utf-8")
    figures(run(str(path), "--consent", "m", "--consent", "ads", "--json"))
    profile = read_profile("v1")
    assert profile is not None
    assert profile.totals["page_viewed"].count == 1
    assert not profile.consents["ads"][0].granted


def test_a_rotated_secret_makes_the_same_visitors(
    run: Run, log: Path, read_profile: ReadProfile, monkeypatch: pytest.MonkeyPatch
):
    """And the same messages: the log counts once."""
    log.write_text("\n".join([LOG[4], LOG[5]]), "utf-8")
    former, fresh = "the former secret", "the secret of today"
    for secrets in (former, f"{fresh},{former}"):
        monkeypatch.setenv("EDGESEG_SECRET", secrets)
        figures(run(str(log), "--consent", "m", "--json"))
    monkeypatch.setenv("EDGESEG_SECRET", fresh)
    monkeypatch.setenv("EDGESEG_ID_KEY", former)
    figures(run(str(log), "--consent", "m", "--json"))
    profile = read_profile()
    assert profile is not None
    assert profile.totals["page_viewed"].count == 2


def test_assets_are_pages_when_all_requests_are_asked_for(run: Run, log: Path):
    """The option widens what counts."""
    report = figures(run(str(log), "--consent", "m", "--all-requests", "--json"))
    assert report["page_views"] == 6


def test_stops_after_the_lines_that_were_asked_for(run: Run, log: Path):
    """The limit counts lines, whatever they are."""
    report = figures(run(str(log), "--consent", "m", "--limit", "3", "--json"))
    assert (report["lines"], report["page_views"]) == (3, 2)


def test_shows_a_table_to_people(run: Run, log: Path):
    """Without --json there are totals, reasons, refusals and segments to read."""
    result = run(str(log), "--consent", "m")
    assert result.exit_code == 0
    for words in ("line 9 refused", "page views", "by bots", "asset", "new-visitors", "ever"):
        assert words in result.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "consent"),
        (["--consent", ""], "purpose"),
        (["--consent", "m", "--site", "shop.example"], "site"),
        (["--consent", "m", "--limit", "0"], "limit"),
        (["--consent", "m", "--limit", "9" * 30], "limit"),
    ],
)
def test_wrong_use_ends_with_2(run: Run, log: Path, arguments: list[str], word: str):
    """What is wrong is named, and nothing is replayed."""
    result = run(str(log), *arguments)
    assert result.exit_code == 2
    assert word in result.output


def test_a_consent_that_allows_no_storing_is_wrong_use(
    run: Run, log: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where one purpose decides on storing, the log's visitors must have granted that one."""
    monkeypatch.setenv("EDGESEG_STORAGE_PURPOSE", "analytics")
    result = run(str(log), "--consent", "marketing")
    assert result.exit_code == 2
    assert "analytics" in result.output


def test_broken_rules_end_with_2(run: Run, log: Path, tmp_path: Path):
    """The problems are listed and nothing is replayed."""
    (tmp_path / "rules" / "segments.yaml").write_text("segments: [{id: a}]", "utf-8")
    result = run(str(log), "--consent", "m")
    assert result.exit_code == 2
    assert "segments.yaml:1" in result.stderr


def test_a_log_without_a_page_view_ends_with_1(run: Run, tmp_path: Path):
    """The report tells why, the exit code that there was nothing."""
    path = tmp_path / "empty.log"
    path.write_text("nonsense\n", "utf-8")
    result = run(str(path), "--consent", "m", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["skipped"] == {"malformed": 1}


def test_a_store_that_is_gone_ends_with_1(
    run: Run, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """No page view is passed over as if it had been stored."""
    monkeypatch.setenv("EDGESEG_REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    result = run(str(log), "--consent", "m")
    assert result.exit_code == 1
    assert "does not answer" in result.stderr


def test_one_broken_profile_does_not_stop_the_others(
    run: Run, log: Path, embedded_server: EmbeddedServer, key_prefix: str
):
    """What the store could not take is counted as skipped."""
    first = figures(run(str(log), "--consent", "m", "--json"))

    async def corrupt() -> None:
        store = await open_redis_store(embedded_server.url, prefix=key_prefix)
        try:
            broken = await anext(store.visitor_ids())
            key = f"{key_prefix}p:{{{broken}}}"
            await store._router.execute(key, ("DEL", key), ("LPUSH", key, "x"))
        finally:
            await store.close()

    asyncio.run(corrupt())
    again = figures(run(str(log), "--consent", "m", "--json"))
    assert again["skipped"]["store failed"] >= 1
    assert again["page_views"] < first["page_views"]


@pytest.mark.usefixtures("run", "heard_interrupt")
def test_told_to_end_on_an_idle_pipe_it_replays_what_it_has_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], read_profile: ReadProfile
):
    """Lines of a log that is followed do not come again, and nobody waits for the next one."""
    stand_in(monkeypatch, (LOG[0] + "\n" + LOG[1] + "\nhalf a li").encode())
    with pytest.raises(SystemExit) as ended:
        replay.main(["-", "--consent", "m", "--json"])
    told = capsys.readouterr()
    assert ended.value.code == 1
    assert "told to end before the log did" in told.err
    assert json.loads(told.out)["page_views"] == 2
    profile = read_profile()
    assert profile is not None
    assert profile.totals["page_viewed"].count == 2


@pytest.mark.usefixtures("run", "heard_interrupt")
def test_told_to_end_while_it_replays_it_tells_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], log: Path
):
    """The rest is left, and the figures are of what was done."""

    async def wait(*_view: object, **_others: object) -> NoReturn:
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()
        pytest.fail("it goes on")

    monkeypatch.setattr(replay_run, "personalize", wait)
    with pytest.raises(SystemExit) as ended:
        replay.main([str(log), "--consent", "m", "--json"])
    told = capsys.readouterr()
    assert ended.value.code == 1
    assert "told to end before the log did" in told.err
    report = json.loads(told.out)
    assert (report["lines"], report["page_views"]) == (10, 0)


def test_nothing_of_the_address_is_stored(
    run: Run, log: Path, embedded_server: EmbeddedServer, key_prefix: str
):
    """Neither in an id nor in an event."""
    figures(run(str(log), "--consent", "m", "--json"))

    async def histories() -> dict[str, tuple[Event, ...]]:
        store = await open_redis_store(embedded_server.url, prefix=key_prefix)
        try:
            return {each: await store.history(each) async for each in store.visitor_ids()}
        finally:
            await store.close()

    stored = asyncio.run(histories())
    assert len(stored) == 2
    assert "192.0.2" not in repr(stored)
