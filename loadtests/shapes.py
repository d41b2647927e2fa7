"""How much load at which time of the run.

Pure functions of the seconds since the start, so that they can be tested and drawn. The
load of a closed loop is its users, that of an open loop its arrivals a second.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Span:
    """A run: how long it lasts, and the load it is made for."""

    duration_s: float
    load: float


def steady(span: Span, _at_s: float) -> float:
    """Answer the same load all the time."""
    return span.load


def ramp(span: Span, at_s: float) -> float:
    """Answer a load that grows evenly from a tenth to the whole."""
    return span.load * (0.1 + 0.9 * at_s / span.duration_s)


def spike(span: Span, at_s: float) -> float:
    """Answer a fifth of the load, and the whole in the middle fifth of the run."""
    share = at_s / span.duration_s
    return span.load if 0.4 <= share < 0.6 else span.load / 5


def steps(span: Span, at_s: float) -> float:
    """Answer a load that grows in ten equal steps, to find where the service saturates."""
    return span.load * min(10, int(10 * at_s / span.duration_s) + 1) / 10


def soak(span: Span, _at_s: float) -> float:
    """Answer seven tenths of the load, to be held for long."""
    return span.load * 0.7


SHAPES: dict[str, Callable[[Span, float], float]] = {
    "steady": steady,
    "ramp": ramp,
    "spike": spike,
    "steps": steps,
    "soak": soak,
}
