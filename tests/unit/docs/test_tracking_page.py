"""The page of the tracking protocol names every address, member, status and outcome."""

import re

import msgspec
import pytest

from edgeseg.delivery import tracking_record
from edgeseg.delivery.openapi_tracking import BatchBody
from edgeseg.delivery.tracking import PATHS, TrackingAnswer, TrackingRefusal
from edgeseg.delivery.tracking_sort import TrackingProblem
from edgeseg.events.tracking_message import (
    KINDS,
    CampaignContext,
    Message,
    MessageContext,
    PageContext,
)
from tests.unit.docs.pages import DOCS

PAGE = (DOCS / "reference/tracking.md").read_text("utf-8")
METRICS = (DOCS / "reference/metrics.md").read_text("utf-8")
BODIES = (
    *(Message, MessageContext, PageContext, CampaignContext, BatchBody),
    *(TrackingAnswer, TrackingProblem),
)


@pytest.mark.parametrize("word", [*PATHS, *KINDS])
def test_every_address_and_kind_stands_on_the_page(word: str) -> None:
    """The list of calls is whole."""
    assert re.search(rf"`(POST )?{word}`", PAGE)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_member_stands_on_the_page(body: type[msgspec.Struct]) -> None:
    """No member that is read or answered is left for a developer to guess."""
    for member in msgspec.structs.fields(body):
        assert re.search(rf'`[^`\n]*\b{member.encode_name}\b[^`\n]*`|"{member.encode_name}":', PAGE)


def test_what_sdks_look_for_in_a_refusal_stands_on_the_page() -> None:
    """Beside the members of every problem document."""
    own = set(TrackingRefusal.__struct_fields__) - set(TrackingRefusal.__mro__[1].__struct_fields__)

    assert own == {"code", "message"}
    assert all(f"`{name}`" in PAGE for name in own)


@pytest.mark.parametrize(
    "outcome",
    [
        tracking_record.RECORDED,
        tracking_record.DENIED,
        tracking_record.OPTED_OUT,
        tracking_record.UNCONSENTED,
        "refused",
        "value_dropped",
    ],
)
def test_every_outcome_stands_among_the_metrics(outcome: str) -> None:
    """A dashboard is built from this table."""
    assert f"`{outcome}`" in METRICS
