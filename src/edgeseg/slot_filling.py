"""What one slot shows: the choice, rendered, or the fallback."""

import msgspec

from edgeseg.decisions.campaign import Popup, Slot, Values
from edgeseg.decisions.choose import Choice, Reason
from edgeseg.decisions.content import Content, NothingToShow, Reader
from edgeseg.decisions.render import RenderError
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.telemetry import Telemetry


class SlotContent(msgspec.Struct, frozen=True, kw_only=True):
    """What one slot shows; campaign and variant are "" for the fallback.

    Attributes:
        values: content of a ``json`` slot, None for other kinds.
        holdout: the holdout that keeps campaigns from the visitor here, "" for none.
        layer: of the campaign, "" for none.
        experiment: id of the campaign where chance decides what it shows, else "".
        preview: whether a signed link asked for it; then it is no exposure.
        withheld: the campaign that it would show if it were not for the holdout, "" for none.
    """

    campaign: str
    variant: str
    kind: str
    html: str
    reason: Reason
    popup: Popup | None = None
    values: Values | None = None
    holdout: str = ""
    layer: str = ""
    experiment: str = ""
    preview: bool = False
    withheld: str = ""


def fill_slot(
    slot: Slot, choice: Choice, reader: Reader, rules: Snapshot, telemetry: Telemetry
) -> SlotContent:
    """Render the choice; a template that fails gives the fallback."""
    campaign, variant = choice.campaign, choice.variant
    if campaign is None or variant is None:
        fallback = _fall_back(slot, choice.reason, reader, rules, telemetry)
        if not choice.holdout:
            return fallback
        withheld = choice.withheld.id if choice.withheld else ""
        return msgspec.structs.replace(fallback, holdout=choice.holdout, withheld=withheld)
    try:
        content = rules.contents.of_variant(campaign, variant, reader)
    except NothingToShow:
        return _fall_back(slot, Reason.DEFAULT, reader, rules, telemetry)
    except RenderError:
        telemetry.render_errors.labels(variant.template).inc()
        return _fall_back(slot, Reason.ERROR, reader, rules, telemetry)
    layer = campaign.experiment.layer
    return SlotContent(
        campaign=campaign.id,
        variant=variant.id,
        kind=slot.kind,
        html=content.html,
        reason=choice.reason,
        popup=content.popup,
        values=content.values,
        layer=layer.layer if layer else "",
        experiment=campaign.id if campaign.is_experiment else "",
        preview=choice.preview,
    )


def _fall_back(
    slot: Slot, reason: Reason, reader: Reader, rules: Snapshot, telemetry: Telemetry
) -> SlotContent:
    content = Content("")
    try:
        content = rules.contents.of_fallback(slot, reader)
    except RenderError:
        telemetry.render_errors.labels(slot.fallback).inc()
    return SlotContent(
        campaign="",
        variant="",
        kind=slot.kind,
        html=content.html,
        reason=reason,
        values=content.values,
    )
