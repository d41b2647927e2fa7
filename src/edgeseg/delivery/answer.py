"""The answer of classify, as it goes over the wire."""

from typing import Any

import msgspec

from edgeseg.clock import instant
from edgeseg.decisions.campaign import Popup
from edgeseg.decisions.explain_slot import SlotReport, explain_slot
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.personalize import Decision
from edgeseg.segments.explain import Explanation, explain_segment


class PopupAnswer(msgspec.Struct, frozen=True):
    """How the page opens a popup; ``trigger`` as in the rule file."""

    title: str
    trigger: dict[str, bool | int | str]
    modal: bool


class SlotAnswer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one slot shows; campaign and variant are null for the fallback.

    Attributes:
        values: content of a ``json`` slot.
        experiment: the campaign, where chance decides what it shows.
        layer: of the campaign.
        holdout: that keeps campaigns from the visitor here.
        preview: whether a signed link asked for it; then it is no exposure.
    """

    campaign: str | None
    variant: str | None
    kind: str
    html: str
    reason: str
    popup: PopupAnswer | None = None
    values: dict[str, Any] | None = None
    experiment: str = ""
    layer: str = ""
    holdout: str = ""
    preview: bool = False


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Body of the answer.

    Attributes:
        visitor: null for a visitor who is not remembered.
        valid_until: RFC 3339; time alone changes nothing before it.
        rules: version of the rules that decided.
        degraded: whether the store failed: decided without the profile, or by a copy of it, or
            what happened is not stored, or not erased yet.
        consent: purpose → granted, as the visitor has decided; left out where nothing is known.
        explain: segment → why, held or not; only when asked for.
        names: segment → display name; only with ``explain``.
        explain_slots: slot → what became of each campaign for it; only with ``explain``.
    """

    visitor: str | None
    segments: list[str]
    slots: dict[str, SlotAnswer]
    valid_until: str
    rules: str
    degraded: bool
    consent: dict[str, bool] = {}
    explain: dict[str, Explanation] | None = None
    names: dict[str, str] | None = None
    explain_slots: dict[str, SlotReport] | None = None


def answer_of(decision: Decision, *, consent: dict[str, bool]) -> Answer:
    """Answer the wire form of a decision that was made under ``consent``."""
    return Answer(
        decision.visitor_id or None,
        decision.segments,
        {slot: _slot(content) for slot, content in decision.slots.items()},
        instant(decision.valid_until_ms),
        decision.rules,
        decision.degraded,
        consent,
    )


def explained_answer_of(
    decision: Decision, rules: Snapshot, now_ms: int, *, consent: dict[str, bool]
) -> Answer:
    """Answer the wire form of a decision that was made under ``consent``, with its reasons."""
    segments = rules.definitions.segments
    return msgspec.structs.replace(
        answer_of(decision, consent=consent),
        explain={id_: _explain(id_, decision, rules, now_ms) for id_ in segments},
        names={id_: segment.name for id_, segment in segments.items()},
        explain_slots={
            slot: explain_slot(rules.slots[slot], rules, decision.facts, decision.chance, now_ms)
            for slot in decision.slots
        },
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
        None if content.values is None else dict(content.values),
        content.experiment,
        content.layer,
        content.holdout,
        content.preview,
    )


def popup_answer(popup: Popup) -> PopupAnswer:
    """Answer the wire form of a popup."""
    trigger: dict[str, bool | int | str] = {}
    if popup.exit_intent:
        trigger["exit_intent"] = True
    if popup.delay_s:
        trigger["delay_s"] = popup.delay_s
    if popup.scroll_percent:
        trigger["scroll_percent"] = popup.scroll_percent
    if popup.inactivity_s:
        trigger["inactivity_s"] = popup.inactivity_s
    if popup.event:
        trigger["event"] = popup.event
    return PopupAnswer(popup.title, trigger, popup.modal)
