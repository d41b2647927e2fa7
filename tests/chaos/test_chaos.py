"""A short run of chaos; the long one is `make chaos`."""

from pathlib import Path

from tests.chaos.run import run_chaos

SEED = 20_261_122
SHORT_S = 9


async def test_chaos_leaves_nothing_unaccounted_for(tmp_path: Path) -> None:
    """What was acknowledged is stored, no answer was another's, no error was undocumented."""
    report = await run_chaos(tmp_path, SHORT_S, SEED, calm_s=0.4)
    told = "\n".join(report.lines())
    print(told)
    assert not report.account.wrongs, told
    assert not report.lost, told
    assert not report.invented, told
    assert report.account.acknowledged.total() > 100, told
    assert report.account.outcomes["degraded"] > 0, told
    assert len(report.faults) >= 3, told
