"""What one slot shows, whoever it is told to."""

import msgspec

from edgeseg.decisions.campaign import Popup, Values
from edgeseg.decisions.choose import Reason


class SlotContent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one slot shows; campaign and variant are "" for the fallback.

    Attributes:
        values: content of a ``json`` slot, None for other kinds.
        holdout: the holdout that keeps campaigns from the visitor here, "" for none.
        layer: of the campaign, "" for none.
        experiment: id of the campaign where chance decides what it shows, else "".
        preview: whether a signed link asked for it; then it is no exposure.
        withheld: the campaign that it would show if it were not for the holdout, "" for none.
        failed: whether a template failed on the way to this.
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
    failed: bool = False
