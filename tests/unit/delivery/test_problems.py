"""What a refusal says of a body that does not fit."""

import msgspec
import pytest

from edgeseg.delivery.classify_body import ClassifyRequest
from edgeseg.delivery.problems import decode_body
from edgeseg.delivery.tracking_body import located
from edgeseg.errors import InputError


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


@pytest.mark.parametrize(("index", "field"), [(None, "event"), (3, "batch[3].event")])
def test_a_message_names_its_member_the_same_way_everywhere(index: int | None, field: str) -> None:
    """Alone or in a batch."""
    assert located(InputError("no", field=".event"), index).field == field
