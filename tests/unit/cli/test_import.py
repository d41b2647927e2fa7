"""`edgeseg import` brings in whole rows, tells what is wrong with others, and counts none twice."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from edgeseg.assembly import store_from
from edgeseg.cli.import_lines import MAX_LINE_BYTES
from edgeseg.clock import system_clock
from edgeseg.events.event import ATTRIBUTES_SET, CONSENT_CHANGED, Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.store import ProfileStore
from edgeseg.settings import Settings
from tests.unit.cli.conftest import Run

RULES = """
fields:
  - {id: plan, label: Plan, type: text, values: [basic, plus]}
  - {id: age, label: Age, type: number}
  - {id: newsletter, label: Newsletter, type: boolean}
  - {id: email, label: E-mail, type: text, pii: true}
  - {id: cities, label: Cities, type: list}
events:
  - id: order_completed
    properties:
      - {id: order_id, label: Order, type: text, required: true}
      - {id: revenue, label: Revenue, type: number}
  - {id: page_viewed}
segments:
  - {id: everyone, when: {all: []}}
"""
ORDERS = """visitor,event,timestamp,order_id,revenue
a,order_completed,2026-11-01T10:00:00Z,o1,19.5
a,order_completed,2026-11-02T10:00:00Z,o2,5
b,order_completed,2026-11-03T10:00:00Z,o3,7
"""
Bring = Callable[..., Awaitable[Result]]


@pytest.fixture
def settings(embedded_server: EmbeddedServer, key_prefix: str, tmp_path: Path) -> dict[str, str]:
    """Settings of the command."""
    for folder in ("rules", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES, "utf-8")
    return {
        "redis_url": embedded_server.url,
        "key_prefix": key_prefix[:50],
        "rules": str(tmp_path / "rules"),
        "templates": str(tmp_path / "templates"),
        "secret": "a secret of this test",
    }


@pytest.fixture
async def store(settings: dict[str, str]) -> AsyncIterator[ProfileStore]:
    """The store of the command."""
    chosen = {name: settings[name] for name in ("redis_url", "key_prefix")}
    opened = store_from(Settings(**chosen, budget_ms=10_000, cache_mb=0))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def bring(run: Run, settings: dict[str, str], tmp_path: Path) -> Bring:
    """Write a file and import it."""

    async def bring(kind: str, name: str, content: str | bytes, *options: str) -> Result:
        raw = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(raw)
        words = ("import", kind, str(tmp_path / name), "--consent", "marketing", *options)
        return await asyncio.to_thread(run, *words, **settings)

    return bring


async def _profile(store: ProfileStore, visitor_id: str) -> Profile:
    profile = await store.read(visitor_id, plan=EMPTY_PLAN)
    assert profile is not None
    return profile


async def test_events_from_csv_are_typed_by_the_schema(bring: Bring, store: ProfileStore) -> None:
    """A cell is text; the schema says which are numbers."""
    result = await bring("events", "orders.csv", ORDERS)
    assert result.exit_code == 0, result.output
    assert "3 of 3 rows imported" in result.output
    profile = await _profile(store, "a")
    assert profile.totals["order_completed"].count == 2
    assert profile.consents["marketing"][0].granted
    history = await store.history("a")
    assert history[0].properties == {"order_id": "o1", "revenue": 19.5}
    assert history[0].at_ms == 1_793_527_200_000


async def test_the_same_rows_in_json_lines_and_packed(bring: Bring, store: ProfileStore) -> None:
    """Values keep their types; properties may stand by themselves or beside the rest."""
    lines = [
        {"visitor": "a", "event": "page_viewed", "timestamp": 1_793_527_200, "path": "/x"},
        {"visitor": "a", "event": "page_viewed", "timestamp": "2026-11-02", "properties": {"n": 1}},
    ]
    packed = gzip.compress("\n".join(map(json.dumps, lines)).encode())
    result = await bring("events", "views.jsonl.gz", packed)
    assert result.exit_code == 0, result.output
    history = await store.history("a")
    assert [event.properties for event in history] == [{"path": "/x"}, {"n": 1}]


async def test_parquet_is_read_with_its_types(
    bring: Bring, store: ProfileStore, tmp_path: Path
) -> None:
    """What analysts keep comes as it is: instants, numbers, and nothing for what is missing."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "visitor": ["a", "a"],
            "event": ["order_completed", "order_completed"],
            "timestamp": [datetime(2026, 11, 1, 10, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)],
            "order_id": ["o1", "o2"],
            "revenue": [19.5, None],
        }
    )
    parquet.write_table(table, tmp_path / "made.parquet")
    result = await bring("events", "orders.parquet", (tmp_path / "made.parquet").read_bytes())
    assert result.exit_code == 0, result.output
    history = await store.history("a")
    assert [event.properties for event in history] == [
        {"order_id": "o1", "revenue": 19.5},
        {"order_id": "o2"},
    ]


async def test_columns_are_mapped(bring: Bring, store: ProfileStore) -> None:
    """Files of other systems have names of their own."""
    content = "who;what;when;internal;sum\na;cart_viewed;1793527200000;x;12\n"
    maps = ("who=visitor", "what=event", "when=timestamp", "internal=-", "sum=total:number")
    options = [word for each in maps for word in ("--map", each)]
    result = await bring("events", "carts.csv", content, *options)
    assert result.exit_code == 0, result.output
    assert (await store.history("a"))[0].properties == {"total": 12}
    assert not result.stderr
    misspelt = await bring("events", "more.csv", content, *options, "--map", "smu=total:number")
    assert misspelt.stderr == "no row has the column `smu` that --map names\n"


async def test_profiles_set_attributes_tags_and_lists(bring: Bring, store: ProfileStore) -> None:
    """A row is a person; cells of a list are separated by semicolons."""
    content = (
        'visitor,plan,age,newsletter,cities,tags,lists\na,plus,44,yes,"Brno;Praha",vip;new,gold\n'
    )
    result = await bring("profiles", "people.csv", content)
    assert result.exit_code == 0, result.output
    profile = await _profile(store, "a")
    assert profile.attributes == {
        "plan": "plus",
        "age": 44,
        "newsletter": True,
        "cities": ["Brno", "Praha"],
    }
    assert profile.tags == ("vip", "new")
    assert profile.lists == ("gold",)


async def test_a_row_with_one_wrong_value_is_refused_whole(
    bring: Bring, store: ProfileStore, tmp_path: Path
) -> None:
    """The others are imported; the file of errors has the row, the column and the remedy."""
    content = f"visitor,plan,age\na,plus,44\nb,basic,old\nc,golden,3\nd,,9\ne,,{'9' * 400}\n"
    errors = tmp_path / "errors.jsonl"
    result = await bring("profiles", "people.csv", content, "--errors", str(errors))
    assert result.exit_code == 1
    assert "2 of 5 rows imported, 3 refused" in result.output
    found = [json.loads(line) for line in errors.read_text("utf-8").splitlines()]
    assert [(each["row"], each["field"]) for each in found] == [(2, "age"), (3, "plan"), (5, "age")]
    assert "a number is needed" in found[0]["problem"]
    assert found[1]["content"] == {"visitor": "c", "plan": "golden", "age": "3"}
    assert await store.read("b", plan=EMPTY_PLAN) is None
    assert (await _profile(store, "d")).attributes == {"age": 9}
    assert errors.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[1]", "a JSON object is needed"),
        ('{"event": "page_viewed", "timestamp": 1}', "visitor: missing"),
        ('{"visitor": "a b", "event": "page_viewed", "timestamp": 1}', "an id has 1 to 100"),
        ('{"visitor": "a", "timestamp": 1}', "the name of the event is missing"),
        ('{"visitor": "a", "event": "page_viewed"}', "timestamp: missing"),
        (
            '{"visitor": "a", "event": "page_viewed", "timestamp": "24.12.2026"}',
            "a day such as 2026-12-24 or 20261224",
        ),
        ('{"visitor": "a", "event": "$consent", "timestamp": 1}', "no leading `$`"),
        ('{"visitor": "a", "event": "page_viewed", "timestamp": "soon"}', "RFC 3339"),
        ('{"visitor": "a", "event": "page_viewed", "timestamp": true}', "RFC 3339"),
        ('{"visitor": "a", "event": "page_viewed", "timestamp": "2999-01-01"}', "in the future"),
        ('{"visitor": "a", "event": "order_completed", "timestamp": 1}', "needs the property"),
        ('{"visitor": "a", "event": "page_viewed", "timestamp": 1, "x": {"y": 1}}', "x: text"),
        ('{"visitor": "a", "event": "page_viewed", "timestamp": 1, "x": 1e999}', "not JSON"),
    ],
)
async def test_what_is_wrong_with_a_row_is_told(bring: Bring, line: str, told: str) -> None:
    """With its number and, where there is one, the name of the column."""
    result = await bring("events", "events.jsonl", line + "\n")
    assert result.exit_code == 1
    assert "row 1: " in result.stderr
    assert told in result.stderr


async def test_visitors_have_the_names_that_they_have_over_http(
    bring: Bring, store: ProfileStore, settings: dict[str, str]
) -> None:
    """What `user:42` is given here is what `/v1/visitors/user:42` shows, and erases."""
    result = await bring("profiles", "p.csv", "visitor,age\nuser:42,44\nanonymous:a/b,7\n")
    assert result.exit_code == 0, result.output
    identities = Identities(settings["secret"])
    assert (await _profile(store, identities.known("42"))).attributes == {"age": 44}
    assert (await _profile(store, identities.anonymous("a/b"))).attributes == {"age": 7}


async def test_a_date_that_stands_for_none_is_refused(bring: Bring, store: ProfileStore) -> None:
    """A profile of the year 1 could not be shown to anybody."""
    rows = "visitor,age,timestamp\na,1,0001-01-01\nb,2,1969-12-31T23:59:59Z\nc,3,1970-01-02\n"
    result = await bring("profiles", "p.csv", rows)
    assert result.exit_code == 1
    assert "row 2: timestamp: a time before 1970" in result.output
    assert [each async for each in store.visitor_ids()] == ["c"]


async def test_a_second_run_counts_nothing_twice(bring: Bring, store: ProfileStore) -> None:
    """A file that was imported is known again; imported once more, its rows are."""
    await bring("events", "orders.csv", ORDERS)
    again = await bring("events", "orders.csv", ORDERS)
    assert again.exit_code == 0
    assert "was imported before" in again.stderr
    forced = await bring("events", "copy.csv", ORDERS, "--again")
    assert "3 of 3 rows imported" in forced.output
    assert (await _profile(store, "a")).totals["order_completed"].count == 2


async def test_equal_rows_are_different_events(bring: Bring, store: ProfileStore) -> None:
    """Two views of one page in the same second are two."""
    row = "a,page_viewed,2026-11-01T10:00:00Z,/x\n"
    await bring("events", "views.csv", "visitor,event,timestamp,path\n" + row * 2)
    assert (await _profile(store, "a")).totals["page_viewed"].count == 2


async def test_a_dry_run_stores_nothing(bring: Bring, store: ProfileStore, tmp_path: Path) -> None:
    """Not even how far it came."""
    result = await bring("events", "orders.csv", ORDERS, "--dry-run", "--json")
    assert json.loads(result.stdout)["counts"]["imported"] == 3
    assert await store.read("a", plan=EMPTY_PLAN) is None
    state = tmp_path / "orders.csv.edgeseg-import.json"
    assert not state.exists()


async def test_an_import_never_outweighs_a_denial(bring: Bring, store: ProfileStore) -> None:
    """Whoever has said no to a purpose stays out of it; they said it before or since."""
    now_ms = system_clock()
    said = Event(CONSENT_CHANGED, now_ms, {"marketing": False, "analytics": True})
    known = Event(ATTRIBUTES_SET, now_ms, {"age": 1})
    await store.record("a", [said, known], plan=EMPTY_PLAN, now_ms=now_ms)
    await bring("profiles", "people.csv", "visitor,age\na,44\n")
    profile = await _profile(store, "a")
    assert not profile.consents["marketing"][0].granted
    assert profile.attributes == {"age": 44}


async def test_the_erased_stay_erased(bring: Bring, store: ProfileStore) -> None:
    """An import right after an erasure does not bring the visitor back."""
    await store.erase("a")
    result = await bring("events", "orders.csv", ORDERS)
    assert "1 visitor left out, erased a moment ago" in result.output
    assert await store.read("a", plan=EMPTY_PLAN) is None
    assert (await _profile(store, "b")).totals["order_completed"].count == 1


async def test_people_are_found_by_an_imported_address(bring: Bring, store: ProfileStore) -> None:
    """So that their privacy requests find them."""
    await bring("profiles", "people.csv", "user,email\n77,eva@example.org\n")
    visitors = [id_ async for id_ in store.visitor_ids()]
    (entry,) = (await _profile(store, visitors[0])).index_entries
    assert visitors[0].startswith("known:")
    assert await store.look_up(entry) == visitors


async def test_a_line_that_is_too_long_costs_one_row(bring: Bring, store: ProfileStore) -> None:
    """Those behind it are imported."""
    long = f"a,order_completed,2026-11-02T10:00:00Z,{'o' * MAX_LINE_BYTES},5\n"
    more = "".join(f"b,order_completed,2026-11-04T10:00:00Z,o{n},1\n" for n in (4, 5))
    done = await bring("events", "orders.csv", ORDERS + long + more, "--json")
    assert done.exit_code == 1
    counts = json.loads(done.stdout)["counts"]
    assert (counts["rows"], counts["imported"], counts["refused"]) == (6, 5, 1)
    profile = await store.read("b", plan=EMPTY_PLAN)
    assert profile is not None
    assert profile.totals["order_completed"].count == 3


async def test_too_many_refused_rows_end_it(bring: Bring) -> None:
    """A wrong map is told after a few rows, not after a million."""
    rows = "\n".join(f"v{number},old" for number in range(50))
    result = await bring("profiles", "p.csv", f"visitor,age\n{rows}\n", "--max-errors", "5")
    assert result.exit_code == 1
    assert "5 rows refused, the last is row 5" in result.stderr
    after = await bring("profiles", "p.csv", f"visitor,age\n{rows}\n")
    assert "50 refused" in after.output


@pytest.mark.parametrize(
    ("name", "content", "options", "told"),
    [
        ("data.bin", "", (), "--format csv|jsonl|parquet"),
        ("x.csv", "a,a\n1,2\n", (), "each once"),
        ("x.csv", "visitor\n", ("--map", "visitor"), "COLUMN=TARGET"),
        ("x.csv", "visitor\n", ("--map", "age=age:money"), "COLUMN=TARGET:TYPE"),
        ("x.csv", "visitor\n", ("--resume",), "is not there; leave out --resume"),
        ("x.csv.gz", gzip.compress(b"visitor,age\n" * 9)[:-9], (), "breaks off"),
        ("x.parquet", "PAR1", (), "arquet"),
    ],
)
async def test_a_file_or_an_option_that_makes_no_sense(
    bring: Bring, name: str, content: str | bytes, options: tuple[str, ...], told: str
) -> None:
    """What is wrong and what to do is told in a line, without a traceback."""
    result = await bring("profiles", name, content, *options)
    assert result.exit_code in {1, 2}
    assert told in result.stderr


def test_consent_has_to_be_named(run: Run, settings: dict[str, str], tmp_path: Path) -> None:
    """Nothing is stored without."""
    (tmp_path / "x.csv").write_text("visitor,age\n", "utf-8")
    result = run("import", "profiles", str(tmp_path / "x.csv"), **settings)
    assert result.exit_code == 2
    assert "--consent" in result.stderr
