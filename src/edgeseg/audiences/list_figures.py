"""What is counted of lists."""

from collections.abc import Sequence

from edgeseg.profiles.list_store import MAX_LISTS, ListStatus
from edgeseg.telemetry import Telemetry

_OTHERS = "(other)"


class ListFigures:
    """Tells sizes and failures of lists, the first hundred that it meets by name."""

    def __init__(self, telemetry: Telemetry) -> None:
        """Tell ``telemetry``."""
        self._telemetry = telemetry
        self._named: set[str] = set()

    def count_failure(self, name: str) -> None:
        """Take note that the source of a list could not be read."""
        self._telemetry.list_failures.labels(self._label(name)).inc()

    def show(self, lists: Sequence[ListStatus]) -> None:
        """Tell how large lists are now; those that are gone have no members."""
        sizes = dict.fromkeys(self._named, 0)
        for each in lists:
            label = self._label(each.name)
            sizes[label] = sizes.get(label, 0) + each.members
        for label, size in sizes.items():
            self._telemetry.list_members.labels(label).set(size)

    def _label(self, name: str) -> str:
        if name not in self._named and len(self._named) >= MAX_LISTS:
            return _OTHERS
        self._named.add(name)
        return name
