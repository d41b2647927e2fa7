"""What one core is to reach, as ratios to the bare hello and the plain stack of the same run."""

from collections.abc import Iterable, Iterator

from benchmarks.classify.round import Round, by_contender
from benchmarks.figures import Better, Figure, ratios


def list_figures(rounds: Iterable[Round]) -> list[Figure]:
    """Answer the figures of a whole run."""
    found = by_contender(rounds)
    return [*_against_hello(found), *_against_plain_stack(found), *_of_the_store(found)]


def _against_hello(found: dict[str, list[Round]]) -> Iterator[Figure]:
    bars = {
        "classify": (0.30, 0.40),
        "classify returning": (0.30, 0.40),
        "fragment returning": (0.45, 0.60),
        "flag returning": (0.45, 0.60),
    }
    hello = found["hello"]
    for name, own in found.items():
        if name == "hello":
            continue
        reach, beyond = bars.get(name, (None, None))
        yield Figure(
            name=f"{name}: requests / s, of hello's",
            values=ratios([each.rps for each in own], [each.rps for each in hello]),
            better=Better.HIGHER,
            reach=reach,
            beyond=beyond,
        )
        yield Figure(
            name=f"{name}: processor time, in units of hello's",
            values=ratios(
                [each.processor_us for each in own], [each.processor_us for each in hello]
            ),
        )


def _against_plain_stack(found: dict[str, list[Round]]) -> Iterator[Figure]:
    plain = found["plain stack"]
    for name in ("classify", "classify returning"):
        own = found[name]
        yield Figure(
            name=f"{name}: requests / s, of the plain stack's",
            values=ratios([each.rps for each in own], [each.rps for each in plain]),
            better=Better.HIGHER,
            reach=2.5,
            beyond=3.5,
        )
        yield Figure(
            name=f"{name}: processor time of the store, of the plain stack's",
            values=ratios([each.store_us for each in own], [each.store_us for each in plain]),
            reach=0.25,
            beyond=0.15,
        )


def _of_the_store(found: dict[str, list[Round]]) -> Iterator[Figure]:
    yield Figure(
        name="classify: written to the append-only file, per page view",
        values=[each.written_bytes for each in found["classify"]],
        unit="bytes",
        reach=300,
    )
