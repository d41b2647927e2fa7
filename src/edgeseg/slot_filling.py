"""What one slot shows: the choice, rendered, or the fallback."""

import msgspec

from edgeseg.decisions.campaign import Slot
from edgeseg.decisions.choose import Choice, Reason
from edgeseg.decisions.content import NO_CONTENT, NothingToShow, Reader
from edgeseg.decisions.render import RenderError
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.telemetry import Telemetry


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
    except RenderError as error:
        _note(error, variant.template, telemetry)
        return _fall_back(slot, Reason.ERROR, reader, rules, telemetry)
    return SlotContent(
        campaign=campaign.id,
        variant=variant.id,
        kind=slot.kind,
        html=content.html,
        reason=choice.reason,
        popup=content.popup,
        values=content.values,
        layer=choice.layer,
        experiment=choice.experiment,
        preview=choice.preview,
    )


def _fall_back(
    slot: Slot, reason: Reason, reader: Reader, rules: Snapshot, telemetry: Telemetry
) -> SlotContent:
    content, failed = NO_CONTENT, reason is Reason.ERROR
    try:
        content = rules.contents.of_fallback(slot, reader)
    except RenderError as error:
        _note(error, slot.fallback, telemetry)
        failed = True
    return SlotContent(
        campaign="",
        variant="",
        kind=slot.kind,
        html=content.html,
        reason=reason,
        values=content.values,
        failed=failed,
    )


def _note(error: RenderError, template: str, telemetry: Telemetry) -> None:
    """Count a template that failed, and tell the log where; nothing of what it was given."""
    telemetry.render_errors.labels(template).inc()
    key = (template, error.kind)
    telemetry.rarely.tell(key, "template %s failed at %s: %s", template, error.place, error.kind)
