"""When requests of an open loop are meant to start: whoever is slow is sent more all the same.

Pure: the only input is the random generator handed in.
"""

from collections.abc import Callable, Iterator
from random import Random


def poisson(chance: Random, rate: Callable[[float], float], duration_s: float) -> Iterator[float]:
    """Answer instants, seconds from the start, of independent arrivals.

    Args:
        chance: where the gaps come from.
        rate: arrivals a second at an instant, more than 0.
        duration_s: when it ends.
    """
    at_s = 0.0
    while True:
        at_s += chance.expovariate(rate(at_s))
        if at_s >= duration_s:
            return
        yield at_s
