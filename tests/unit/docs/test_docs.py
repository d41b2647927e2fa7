"""The reference names everything that the code offers, and nothing else."""

import re
from typing import Any

import click
import msgspec
import pytest

from edgeseg.app import create_app
from edgeseg.assembly import store_from
from edgeseg.cli import main
from edgeseg.decisions.explain_slot import CampaignReport, SlotReport
from edgeseg.delivery.answer import Answer, PopupAnswer, SlotAnswer
from edgeseg.delivery.classify_body import ClassifyRequest, ClientContext, Page
from edgeseg.delivery.disclosure import (
    ConsentChangeReport,
    ConsentReport,
    Disclosure,
    EventReport,
    Export,
)
from edgeseg.delivery.flags import Flag
from edgeseg.delivery.health import RulesStatus, Status, StoreStatus
from edgeseg.delivery.list_rows import RefusedRow
from edgeseg.delivery.lists import ListAnswer, ListsAnswer, PutListAnswer
from edgeseg.delivery.me import IdentifyRequest, IdentityAnswer
from edgeseg.delivery.memberships import ListsRequest, PinsRequest, TagsRequest
from edgeseg.delivery.ofrep import BulkAnswer, EventStream, Failure
from edgeseg.delivery.privacy import ConsentAnswer, ConsentRequest
from edgeseg.delivery.problems import ProblemDocument
from edgeseg.delivery.segment_key_route import SegmentKeyAnswer
from edgeseg.delivery.visitor_rights import (
    FoundVisitors,
    MergeRequest,
    ServerIdentifyRequest,
)
from edgeseg.delivery.visitors import AttributesRequest, VisitAnswer, VisitorAnswer
from edgeseg.events.decode import IncomingEvent
from edgeseg.events.schema import TYPES
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.context_names import CONTEXT
from edgeseg.segments.definitions import SECTIONS
from edgeseg.segments.explain import ConditionReport, Explanation
from edgeseg.segments.rule_files import RuleReader
from edgeseg.segments.test_reader import TESTS
from edgeseg.settings import PREFIX, SECRET, Settings
from edgeseg.telemetry import Telemetry
from tests.conformance.servers import TlsServer
from tests.unit.docs.pages import DOCS, PAGES

RULES = (DOCS / "reference/rules.md").read_text("utf-8")
HTTP = (DOCS / "reference/http.md").read_text("utf-8")
CLI = (DOCS / "reference/cli.md").read_text("utf-8")
SETTINGS = (DOCS / "reference/settings.md").read_text("utf-8")
METRICS = (DOCS / "reference/metrics.md").read_text("utf-8")
BODIES = (
    *(ListAnswer, ListsAnswer, PutListAnswer, RefusedRow),
    *(ClassifyRequest, Page, ClientContext, IncomingEvent),
    *(SegmentKeyAnswer, Flag, BulkAnswer, EventStream, Failure),
    *(Answer, SlotAnswer, PopupAnswer, Explanation, ConditionReport),
    *(SlotReport, CampaignReport),
    *(ConsentRequest, ConsentAnswer, IdentifyRequest, IdentityAnswer, MergeRequest),
    *(Disclosure, Export, EventReport, ConsentReport, ConsentChangeReport),
    *(FoundVisitors, ServerIdentifyRequest),
    *(AttributesRequest, ListsRequest, PinsRequest, TagsRequest, VisitorAnswer, VisitAnswer),
    *(Status, StoreStatus, RulesStatus, ProblemDocument),
)
SPELLINGS = {"": "not set", "()": "not set", "True": "true", "False": "false"}
NOT_SETTINGS = {"config", "kept_rules", "name", "rulz"}
"""The TOML file's name, what workers are told, the placeholder, and a misspelling."""


def _row(page: str, name: str) -> list[str]:
    """Answer the cells of the table row that begins with `name` in code marks."""
    found = re.search(rf"^\| `{re.escape(name)}` \|(.*)\|$", page, re.MULTILINE)
    assert found, f"no row for {name}"
    return [cell.strip() for cell in found[1].split("|")]


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_stands_in_the_reference_with_its_default(name: str) -> None:
    """An operator must be able to trust the table."""
    shown = str(getattr(Settings(), name))

    _type, documented, meaning = _row(SETTINGS, PREFIX + name.upper())

    assert documented.strip("`") == SPELLINGS.get(shown, shown)
    assert meaning


@pytest.mark.parametrize("name", sorted(SECRET))
def test_how_every_secret_is_rotated_stands_in_the_how_to(name: str) -> None:
    """After a leak there is no time to find out what a change does."""
    page = (DOCS / "how-to/run-in-production.md").read_text("utf-8")
    section = page.partition("## Secrets")[2].partition("\n## ")[0]

    assert re.search(rf"^\| [^|]*`{PREFIX + name.upper()}` \|", section, re.MULTILINE)


def test_the_account_of_the_how_to_may_do_what_tests_need() -> None:
    """The store's tests pass over TLS with such an account, for database 1."""
    page = (DOCS / "how-to/run-in-production.md").read_text("utf-8")
    [told] = re.findall(r"(?m)^ACL SETUSER edgeseg on >PASSWORD ~edgeseg:\* (.*)$", page)
    assert "For a database other than 0 add `+select`." in page
    assert {*told.split(), "+select", "-@all", "~test-*"} == {*TlsServer.MAY.split()}


def test_the_reference_names_no_setting_that_does_not_exist() -> None:
    """A setting that was removed must leave the documents as well."""
    named = {
        name.removesuffix("_FILE").removeprefix(PREFIX).lower()
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for name in re.findall(r"\bEDGESEG_[A-Z_]+[A-Z]\b", page.read_text("utf-8"))
    }

    assert named - NOT_SETTINGS <= set(Settings.__struct_fields__)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_option_stands_in_the_reference(name: str) -> None:
    """What the terminal offers, the page explains."""
    section = re.search(rf"^## `edgeseg {name}\b.*?(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)
    assert section, f"no section for {name}"

    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}" in section[0]
        else:
            assert str(parameter.name).upper() in section[0]


def _kinds() -> list[str]:
    return list(ConditionReader(RuleReader("", []), {}, {})._kinds)


@pytest.mark.parametrize("name", _kinds())
def test_every_kind_of_condition_stands_in_the_reference(name: str) -> None:
    """The list of conditions is whole."""
    assert re.search(rf"^\| `{name}: .*\|$", RULES, re.MULTILINE)


@pytest.mark.parametrize("name", TESTS)
def test_every_test_stands_in_the_reference(name: str) -> None:
    """The list of tests is whole."""
    operand, passes, for_ = _row(RULES, name)

    assert operand
    assert passes
    assert for_


@pytest.mark.parametrize("name", sorted({*CONTEXT, "query.NAME", "custom.NAME"}))
def test_every_context_name_stands_in_the_reference(name: str) -> None:
    """The list of what a request tells is whole."""
    assert f"`{name}`" in RULES.partition("## Context")[2].partition("## Events")[0]


@pytest.mark.parametrize("name", [*SECTIONS, *TYPES])
def test_every_section_and_field_type_stands_in_the_reference(name: str) -> None:
    """The list of what rule files may hold is whole."""
    assert f"`{name}`" in RULES


def test_every_metric_stands_in_the_reference_and_no_other() -> None:
    """A dashboard is built from this table."""
    exposed = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for metric in Telemetry().registry.collect()
    }

    documented = set(re.findall(r"^\| `((?:edgeseg|http|process)_\w+)` \|", METRICS, re.MULTILINE))

    assert documented == exposed


@pytest.fixture
def app(settings: Settings) -> Any:
    """The service, not started."""
    return create_app(settings, store=store_from(settings))


def test_every_route_stands_in_the_reference(app: Any) -> None:
    """The OpenAPI document and the page tell of the same calls."""
    for path, item in app.openapi_schema.to_schema()["paths"].items():
        assert f"{path}`" in HTTP, path
        assert item


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_member_of_a_body_stands_in_the_reference(body: type[msgspec.Struct]) -> None:
    """No member of a request or an answer is left for a developer to guess."""
    for member in msgspec.structs.fields(body):
        name = re.escape(member.encode_name)
        assert re.search(rf'`[^`\n]*\b{name}\b[^`\n]*`|"{name}":', HTTP), member.encode_name
