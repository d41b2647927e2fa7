"""What is said when nobody tells where the masters are."""

import pytest

from edgeseg.errors import StoreUnavailable
from edgeseg.profiles.address import parse_location
from edgeseg.profiles.discovery import SentinelCouncil
from tests.e2e.service import find_free_port


async def test_sentinels_that_do_not_answer_are_named() -> None:
    """By address and by what is wrong, for logs and /status; not by the insides of a client."""
    seeds = f"127.0.0.1:{find_free_port()},127.0.0.1:{find_free_port()}"
    council = SentinelCouncil(parse_location(f"redis+sentinel://:secret@{seeds}/main"))
    try:
        with pytest.raises(StoreUnavailable) as caught:
            await council.find_master()
    finally:
        await council.close()

    told = str(caught.value)
    assert f"the sentinels {seeds.replace(',', ', ')} know no master" in told
    assert "ConnectionError" in told
    assert "redis.asyncio" not in told
