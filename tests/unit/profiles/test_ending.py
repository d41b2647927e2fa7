"""Ending tasks that do not always hear of it."""

import asyncio

import pytest

from edgeseg.profiles.ending import end


async def _deaf(times: int) -> None:
    """Lose some cancellations, as `asyncio.wait_for` does."""
    lost = 0
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
            if lost > times:
                raise


@pytest.mark.parametrize("times", [0, 2])
async def test_a_task_ends_even_if_it_loses_cancellations(times: int) -> None:
    """It is told again."""
    task = asyncio.create_task(_deaf(times))
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()


async def test_a_task_that_is_over_is_left_alone() -> None:
    """Whatever came of it."""

    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    await end(task)
    assert isinstance(task.exception(), ValueError)
