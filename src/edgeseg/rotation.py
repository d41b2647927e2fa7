"""A bounded copy of what lies elsewhere: what nobody asks for goes, the rest is renewed in turn."""

from collections import OrderedDict
from typing import Generic, TypeVar

Copied = TypeVar("Copied")


class Rotation(Generic[Copied]):
    """Values by name.

    Over its bound it forgets what was not asked for for longest; apart from that it tells
    what was not renewed for longest.
    """

    def __init__(self, bound: int) -> None:
        """Hold at most ``bound`` values."""
        self._bound = bound
        self._renewed: OrderedDict[str, Copied] = OrderedDict()
        self._asked: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._renewed)

    def get(self, name: str) -> Copied | None:
        """Answer a value that is asked for; None where it is not here."""
        found = self._renewed.get(name)
        if found is not None:
            self._asked.move_to_end(name)
        return found

    def put(self, name: str, value: Copied) -> None:
        """Add a value that was asked for."""
        self._renewed[name] = value
        self._renewed.move_to_end(name)
        self._asked[name] = None
        self._asked.move_to_end(name)
        if len(self._renewed) > self._bound:
            forgotten, _none = self._asked.popitem(last=False)
            del self._renewed[forgotten]

    def renew(self, name: str, value: Copied) -> None:
        """Replace a value, unless it was forgotten meanwhile."""
        if name in self._renewed:
            self._renewed[name] = value
            self._renewed.move_to_end(name)

    def oldest(self, number: int) -> list[str]:
        """Answer the names that were not renewed for longest, the oldest first."""
        names = iter(self._renewed)
        return [name for name, _place in zip(names, range(number), strict=False)]
