"""Figures say whether they reach their bars, what became worse, and what the docs show."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.classify.bars import list_figures
from benchmarks.classify.round import Round
from benchmarks.classify.run import CONTENDERS
from benchmarks.figures import Better, Figure, Verdict, figure_rows, ratios
from benchmarks.history import Document, find_last, list_regressions, read_results
from benchmarks.publish import BEGIN, END, PAGE, NothingKept, publish

HERE = {"processor": "2 x P", "system": "Linux", "Python": "3.11", "load average": "0.2"}


def _figure(*values: float, name: str = "wait", better: Better = Better.LOWER) -> Figure:
    return Figure(name=name, values=list(values), better=better, reach=5.0, beyond=3.0)


@pytest.mark.parametrize(
    ("values", "better", "expected"),
    [
        ((6, 7, 5.5), Better.LOWER, Verdict.MISSED),
        ((4, 4, 90), Better.LOWER, Verdict.REACHED),
        ((3,), Better.LOWER, Verdict.BEYOND),
        ((2,), Better.HIGHER, Verdict.MISSED),
    ],
)
def test_a_figure_is_judged_by_its_median(
    values: tuple[float, ...], better: Better, expected: Verdict
) -> None:
    """Missed, reached or beyond, whichever way is better."""
    figure = Figure(name="f", values=list(values), better=better, reach=5, beyond=3)
    assert figure.verdict is expected


def test_a_figure_without_a_bar_is_not_judged() -> None:
    """It is told, and no more."""
    figure = Figure(name="f", values=[1.0], unit="ms")
    assert figure_rows([figure]) == [("f", "1.00 ± 0.00 ms", "", "")]
    assert figure_rows([_figure(4)])[0][2] == "≤ 5, beyond ≤ 3"


def test_a_ratio_is_taken_within_its_round() -> None:
    """What disturbs the machine disturbs both sides; a round without a measure is left out."""
    assert ratios([2, 20, 3], [1, 10, 0]) == [2, 2]


@pytest.mark.parametrize(
    ("now", "better", "is_worse"),
    [
        ((20, 21, 22), Better.LOWER, True),
        ((20, 21, 22), Better.HIGHER, False),
        ((10, 11, 30), Better.LOWER, False),  # within the spread
        ((10.3, 10.3, 10.3), Better.LOWER, False),  # hardly
        ((5, 5, 6), Better.HIGHER, True),
    ],
)
def test_only_what_is_worse_beyond_the_spread_is_told(
    now: tuple[float, ...], *, better: Better, is_worse: bool
) -> None:
    """Noise is no regression, and what got better is none."""
    before = [_figure(9.8, 10, 10.2, better=better), _figure(1, name="gone")]
    found = list_regressions(before, [_figure(*now, better=better), _figure(9, name="new")])
    assert [each.name for each in found] == (["wait"] if is_worse else [])


def test_what_hardly_varies_is_told_sooner() -> None:
    """A count is worse by two in a hundred, a time is not."""
    before = [_figure(100, name="count"), _figure(100)]
    now = [msgspec.structs.replace(_figure(102, name="count"), slack=0.01), _figure(102)]
    assert [each.name for each in list_regressions(before, now)] == ["count"]


def _keep(folder: Path, name: str, *, quick: bool = False, **environment: str) -> None:
    document = Document(
        environment=HERE | environment, quick=quick, figures={"latency": [_figure(4)]}
    )
    (folder / name).write_bytes(msgspec.json.encode(document))


def test_a_run_is_compared_with_the_last_one_like_it(tmp_path: Path) -> None:
    """On the same machine and as long; older files without figures are passed over."""
    (tmp_path / "20261120T000000Z.json").write_text('{"environment": {}, "results": {}}')
    (tmp_path / "broken.json").write_text("{")
    _keep(tmp_path, "20261121T000000Z.json")
    _keep(tmp_path, "20261122T000000Z.json", processor="96 x Q")
    _keep(tmp_path, "20261123T000000Z.json", quick=True)
    kept = list(read_results(tmp_path))

    last = find_last(kept, HERE, "latency", quick=False)
    assert last is not None
    assert last.path == "20261121T000000Z.json"
    assert find_last(kept, HERE, "memory", quick=False) is None


def test_the_docs_show_the_latest_full_run(tmp_path: Path) -> None:
    """Between the marks, and nothing else of the page is touched."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    with pytest.raises(NothingKept):
        publish(tmp_path, page)
    _keep(tmp_path, "20261121T000000Z.json")
    _keep(tmp_path, "20261123T000000Z.json", quick=True)
    publish(tmp_path, page)
    text = page.read_text("utf-8")

    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "| wait | 4.00 ± 0.00 | ≤ 5, beyond ≤ 3 | reached |" in text
    assert "2026-11-21, 2 x P, Python 3.11" in text
    assert "load average 0.2." in text
    assert "old" not in text


def test_the_page_has_a_place_for_figures() -> None:
    """So that publishing works when somebody measures."""
    text = PAGE.read_text("utf-8")
    assert 0 < text.index(BEGIN) < text.index(END)


def test_every_bar_of_one_core_is_a_figure() -> None:
    """The ratios to hello and to the plain stack, and what the store takes."""
    rounds = [
        Round(
            contender=name, rps=100.0 * number, processor_us=10, store_us=4, written_bytes=180,
            p50_us=1, p99_us=2, bad=0,
        )
        for number, name in enumerate(CONTENDERS, 1)
    ]  # fmt: skip
    found = {each.name: each for each in list_figures(rounds)}

    assert found["classify: requests / s, of hello's"].values == [2.0]
    assert found["classify: requests / s, of the plain stack's"].reach == 2.5
    assert found["flag returning: requests / s, of hello's"].reach == 0.45
    assert found["classify: written to the append-only file, per page view"].verdict == "reached"
