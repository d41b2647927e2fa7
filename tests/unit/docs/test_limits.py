"""The page of limits tells the bounds that the code has."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
import uvicorn

from edgeseg.clock import DAY_MS, HOUR_MS
from edgeseg.decisions import catalogue, sandbox
from edgeseg.delivery import (
    caller,
    classify_body,
    consent,
    flag_context,
    flood,
    identity_token,
    me,
    memberships,
    ofrep,
    page_address,
    preview_link,
    privacy,
    slow_clients,
    tracking_sort,
    visitor_id,
)
from edgeseg.events import decode, device, enrich, flatten, tracking_message
from edgeseg.insights import outcome_query
from edgeseg.profiles import (
    affinity,
    changes,
    identity,
    ledger,
    list_store,
    profile,
    redis_index,
)
from edgeseg.settings import PREFIX, Settings
from tests.unit.docs.pages import DOCS

PAGE: Final = (DOCS / "reference/limits.md").read_text("utf-8")
FIXED: Final = {
    "a request's line and headers": slow_clients.MAX_HEAD_BYTES,
    "the rest of a body that is refused": slow_clients.MAX_REFUSED_BYTES,
    "rest between two requests of a connection": uvicorn.Config("").timeout_keep_alive,
    "what may come at once, at either rate": flood.BURST_S,
    "visitors, or networks, whose rate a worker remembers for sure": flood.MAX_BUCKETS,
    "address of a page": enrich.MAX_URL,
    "query parameters of a page's address": enrich.MAX_QUERY,
    "title of a page": enrich.MAX_TITLE,
    "agent of a browser": device.MAX_AGENT,
    "time zone, language and place in a body": classify_body.MAX_SHORT,
    "slots of a request": classify_body.MAX_SLOTS,
    "name of an event or of a property": decode.MAX_NAME,
    "properties of an event, members of `context.custom`": decode.MAX_PROPERTIES,
    "text in a property": decode.MAX_STRING,
    "elements of a list in a property": decode.MAX_LIST,
    "age of an event": decode.MAX_PAST_MS // DAY_MS,
    "`messageId` of an event": decode.MAX_NAME,
    "purposes of consent, those of the cookie included": changes.MAX_PURPOSES,
    "name of a purpose": consent.MAX_PURPOSE,
    "names of all purposes, as JSON": consent.MAX_BYTES,
    "members in the query of a fragment": page_address.MAX_QUERY,
    "the visitor cookie": visitor_id.MAX_COOKIE,
    "visitor cookies of a request, should another host of the site have set some": (
        caller.MAX_COOKIES
    ),
    "token of a preview link": preview_link.MAX_TOKEN,
    "body of `POST /v1/consent`": privacy._MAX_BODY,
    "body of `POST /v1/me/identify`": me._MAX_BODY,
    "identity token": identity_token.MAX_TOKEN,
    "validity of an identity token": identity_token.MAX_AHEAD_MS // HOUR_MS,
    "a person's id or e-mail address": identity.MAX_NAME,
    "visitors found by one address": redis_index.MAX_VISITORS,
    "an id in a message": tracking_message.MAX_ID,
    "profiles that a call joins with one person": tracking_sort.MAX_SAME,
    "objects within objects": flatten.MAX_DEPTH,
    "`problems` that an answer tells": tracking_sort.MAX_PROBLEMS,
    "flags of one answer": ofrep.MAX_FLAGS,
    "`language`, `timeZone`, place and their like": flag_context.MAX_SHORT,
    "tags of a visitor, or lists": memberships.MAX_TAGS,
    "name of a tag": memberships.MAX_TAG,
    "lists": list_store.MAX_LISTS,
    "members of a list": list_store.MAX_MEMBERS,
    "products of a catalogue": catalogue.MAX_PRODUCTS,
    "days of a report of outcomes": outcome_query.MAX_DAYS,
    "message ids known, so that repeats are dropped": profile.MAX_RECENT_IDS,
    "names of events counted each by itself": profile.MAX_EVENT_NAMES,
    "different values counted of a property": profile.MAX_DISTINCT,
    "orders, or appointments, that follow what is told of them later": ledger.MAX_ENTRIES,
    "values of an interest": affinity.MAX_VALUES,
    "changes of one consent": changes.MAX_CHANGES,
    "purposes of consent that a profile remembers": changes.MAX_PURPOSES,
    "addresses that a visitor is found by": profile.MAX_INDEX_ENTRIES,
    "former ids that lead to a profile": profile.MAX_ALIASES,
    "time of one rendering": sandbox.MAX_RENDER_S,
    "text that one rendering puts out": sandbox.MAX_OUTPUT_CHARS,
    "turns of loops, calls and inclusions in one rendering": sandbox.MAX_STEPS,
    "size of what one filter or method works on": sandbox.MAX_WORK,
    "a number": sandbox.MAX_BITS,
}
"""Bound → how much, in the unit of the page."""


class Row(NamedTuple):
    """One bound as the page tells it."""

    name: str
    amount: float
    setting: str
    beyond: str


def _rows() -> Iterator[Row]:
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and (number := re.match(r"[\d.,]*\d", cells[1])):
            amount = float(number[0].replace(",", ""))
            yield Row(cells[0], amount, cells[2].strip("`"), cells[3])


ROWS: Final = list(_rows())


def test_every_fixed_bound_is_as_the_code_has_it() -> None:
    """A number that was changed in the code alone would be found out by a refused request."""
    assert {row.name: row.amount for row in ROWS if row.setting == "fixed"} == FIXED


@pytest.mark.parametrize("row", [row for row in ROWS if row.setting != "fixed"])
def test_every_other_bound_is_the_default_of_its_setting(row: Row) -> None:
    """Both pages say the same."""
    assert row.amount == getattr(Settings(), row.setting.removeprefix(PREFIX).lower())


def test_every_bound_that_is_a_setting_is_told() -> None:
    """Whoever looks here must find all of them."""
    named = {row.setting.removeprefix(PREFIX).lower() for row in ROWS}
    assert {name for name in Settings.__struct_fields__ if name.startswith("max_")} <= named


def test_it_is_told_what_happens_beyond_every_bound() -> None:
    """A number alone does not say whether something is refused or lost."""
    assert all(row.beyond for row in ROWS)
