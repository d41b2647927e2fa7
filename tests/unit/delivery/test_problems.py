"""What a refusal says of a body that does not fit."""

import msgspec
import pytest

from edgeseg.delivery.classify_body import ClassifyRequest
from edgeseg.delivery.privacy import ConsentRequest
from edgeseg.delivery.problems import decode_body, problem_of
from edgeseg.delivery.tracking_body import located
from edgeseg.errors import (
    InputError,
    ProfileCorrupt,
    ProfileTooNew,
    StoreError,
    StoreUnavailable,
)


class _Anything(msgspec.Struct):
    a: object


@pytest.mark.parametrize(
    ("body", "field", "hint"),
    [
        ({"page": {"url": "/"}, "visitors": "x"}, "visitors", "did you mean `visitor`?"),
        ({"page": {"url": "/", "ref": ""}}, "page.ref", "known: referrer, title, url"),
        ({"page": {"url": "/"}, "events": [{"events": "x"}]}, "events[0].events", "`event`?"),
        ({"page": {"url": "/"}, "context": {"languages": "x"}}, "context.languages", "`language`?"),
    ],
)
def test_an_unknown_member_is_refused_with_those_that_there_are(
    body: object, field: str, hint: str
) -> None:
    """At every depth; the refusal names the member and what was meant, perhaps."""
    with pytest.raises(InputError) as refused:
        decode_body(msgspec.json.encode(body), ClassifyRequest)
    assert refused.value.field == field
    assert hint in str(refused.value)


def test_a_word_that_is_none_of_some_is_refused_with_those_that_there_are() -> None:
    """The refusal names the member, too."""
    with pytest.raises(InputError) as refused:
        decode_body(b'{"consent": {}, "source": "banner"}', ConsentRequest)
    assert refused.value.field == "source"
    told = "`banner` is not an allowed value; known: cookie, form, gcm, tcf"
    assert str(refused.value) == told


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_without_end_is_refused(opening: bytes) -> None:
    """Where that is depends on the Python: from 1,000 levels on, or where its stack is full."""
    with pytest.raises(InputError, match="nested too deep"):
        decode_body(b'{"a":' + opening * 1_000_000, _Anything)


@pytest.mark.parametrize(("index", "field"), [(None, "event"), (3, "batch[3].event")])
def test_a_message_names_its_member_the_same_way_everywhere(index: int | None, field: str) -> None:
    """Alone or in a batch."""
    assert located(InputError("no", field=".event"), index).field == field


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (StoreUnavailable("gone"), "store"),
        (ProfileTooNew("format 9"), "newer-profile"),
        (ProfileCorrupt("junk"), "corrupt-profile"),
    ],
)
def test_what_is_wrong_with_a_profile_is_not_taken_for_the_store(
    error: StoreError, name: str
) -> None:
    """Whoever is called at night looks in the right place."""
    document = problem_of(error)
    assert (document.status, document.type.rpartition("/")[2].rpartition(":")[2]) == (503, name)
