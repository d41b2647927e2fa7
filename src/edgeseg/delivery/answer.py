"""The answer of classify, as it goes over the wire."""

import msgspec

from edgeseg.decisions.campaign import Popup
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.personalize import Decision, SlotContent
from edgeseg.segments.explain import Explanation, explain_segment, instant


class PopupAnswer(msgspec.Struct, frozen=True):
    """How the page opens a popup; ``trigger`` as in the rule file."""

    title: str
    trigger: dict[str, bool | int]
    modal: bool


class SlotAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one slot shows; campaign and variant are null for the fallback."""

    campaign: str | None
    variant: str | None
    kind: str
    html: str
    reason: str
    popup: PopupAnswer | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of the answer.

    Attributes:
        visitor: null for a visitor who is not remembered.
        valid_until: RFC 3339; time alone changes nothing before it.
        rules: version of the rules that decided.
        degraded: whether the store did not answer, so that only the request counted.
        explain: segment → why, held or not; only when asked for.
        names: segment → display name; only with ``explain``.
    """

    visitor: str | None
    segments: list[str]
    slots: dict[str, SlotAnswer]
    valid_until: str
    rules: str
    degraded: bool
    explain: dict[str, Explanation] | None = None
    names: dict[str, str] | None = None


def answer_of(decision: Decision, rules: Snapshot, now_ms: int, *, explain: bool) -> Answer:
    """Answer the wire form of a decision."""
    definitions = rules.definitions
    reasons = None
    names = None
    if explain:
        reasons = {
            segment.id: _explain(segment.id, decision, rules, now_ms)
            for segment in definitions.segments.values()
        }
        names = {segment.id: segment.name for segment in definitions.segments.values()}
    return Answer(
        visitor=decision.visitor_id or None,
        segments=decision.segments,
        slots={slot: _slot(content) for slot, content in decision.slots.items()},
        valid_until=instant(decision.valid_until_ms),
        rules=decision.rules,
        degraded=decision.degraded,
        explain=reasons,
        names=names,
    )


def _explain(segment: str, decision: Decision, rules: Snapshot, now_ms: int) -> Explanation:
    definitions = rules.definitions
    return explain_segment(definitions.segments[segment], definitions, decision.facts, now_ms)


def _slot(content: SlotContent) -> SlotAnswer:
    return SlotAnswer(
        content.campaign or None,
        content.variant or None,
        content.kind,
        content.html,
        content.reason,
        popup_answer(content.popup) if content.popup else None,
    )


def popup_answer(popup: Popup) -> PopupAnswer:
    """Answer the wire form of a popup."""
    trigger: dict[str, bool | int] = {}
    if popup.exit_intent:
        trigger["exit_intent"] = True
    if popup.delay_s:
        trigger["delay_s"] = popup.delay_s
    if popup.scroll_percent:
        trigger["scroll_percent"] = popup.scroll_percent
    return PopupAnswer(popup.title, trigger, popup.modal)
