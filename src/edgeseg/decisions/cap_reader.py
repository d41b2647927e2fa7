"""Read caps, and turn them into conditions on what was shown."""

from collections.abc import Iterable, Iterator
from typing import Final

import yaml

from edgeseg.decisions.campaign import Cap
from edgeseg.segments.condition import CapTest, Condition, Test
from edgeseg.segments.event_reader import OUTCOMES
from edgeseg.segments.rule_files import RuleReader
from edgeseg.segments.test_reader import DURATION, TestReader

PERIODS: Final = ("visit", "day", "lifetime")
MAX_OFTEN: Final = 100
"""Most times that a cap may allow; so many instants are kept of each visitor."""
EXPOSURE: Final = "campaign_"
"""How the names of these events begin."""


def read_caps(reader: RuleReader, node: yaml.Node) -> tuple[Cap, ...]:
    """Read a list of caps."""
    return tuple(read_cap(reader, part) for part in reader.sequence(node))


def read_cap(reader: RuleReader, node: yaml.Node, *also: str) -> Cap:
    """Read one cap; ``also`` are keys that the caller reads.

    Raises:
        Unreadable: a part is wrong; the problem is reported.
    """
    parts = reader.mapping(node, (*also, "per", "at_most", "cool_down", "after"))
    after = reader.one_of(parts["after"], OUTCOMES) if "after" in parts else OUTCOMES[0]
    if "cool_down" in parts:
        for name in ("per", "at_most"):
            if name in parts:
                raise reader.fail(parts[name], f"`{name}` and `cool_down` do not go together")
        return Cap(within_ms=TestReader(reader).duration_ms(parts["cool_down"]), after=after)
    if "per" not in parts or "at_most" not in parts:
        hint = "such as {per: visit, at_most: 3} or {cool_down: 3d}"
        raise reader.fail(node, "a cap needs `per` and `at_most`, or `cool_down`", hint)
    at_most = reader.integer(parts["at_most"], low=1, high=MAX_OFTEN)
    period, within_ms = _period(reader, parts["per"])
    return Cap(at_most=at_most, per=period, within_ms=within_ms, after=after)


def _period(reader: RuleReader, node: yaml.Node) -> tuple[str, int | None]:
    """Read ``visit``, ``day``, ``lifetime`` or a duration."""
    text = reader.text(node)
    if DURATION.fullmatch(text):
        return "", TestReader(reader).duration_ms(node)
    period = reader.one_of(node, PERIODS)
    return ("" if period == "lifetime" else period), None


def cap_conditions(caps: Iterable[Cap], **where: str) -> Iterator[Condition]:
    """Iterate over the conditions that hold while the caps are not reached.

    Args:
        caps: on the same events.
        where: properties of these events, such as ``campaign``; none for those of all.
    """
    tests = tuple((name, (Test("eq", value),)) for name, value in where.items())
    for cap in caps:
        yield CapTest(EXPOSURE + cap.after, cap.at_most, tests, cap.per, cap.within_ms)
