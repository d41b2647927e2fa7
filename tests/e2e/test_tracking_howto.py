"""The examples of "Send events from your SDK" run as printed, with another address and key."""

import os
import subprocess
import sys

import pytest

from tests.e2e.service import SERVER_KEY, Service
from tests.e2e.test_tracking_sdks import CLIENTS, NODE
from tests.e2e.tracking_visitors import Visitors
from tests.unit.docs.pages import BLOCKS, Block

PAGE = "docs/how-to/send-events-from-your-sdk.md"
RUN = {
    "python": [sys.executable, "-"],
    "js": ["node", "--input-type=module", "-"],
    "sh": ["sh", "-e"],
}
EXAMPLES = [
    pytest.param(block, id=f"{block.language}:{block.line}", marks=NODE if is_node else ())
    for block in BLOCKS
    if block.page == PAGE and block.language in RUN and "Order Completed" in block.text
    for is_node in [block.language == "js"]
]


@pytest.mark.parametrize("block", EXAMPLES)
def test_the_example_tells_of_an_order(service: Service, block: Block) -> None:
    """Each reaches the profile of the person whom it names."""
    user_id = f"howto-{block.line}"
    program = (
        block.text.replace("https://edge.example.org", service.url)
        .replace('"SERVER_KEY"', f'"{SERVER_KEY}"')
        .replace('"42"', f'"{user_id}"')
    )

    ran = subprocess.run(
        RUN[block.language],
        input=program,
        cwd=CLIENTS,
        env={**os.environ, "SERVER_KEY": SERVER_KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    visitors = Visitors(service)
    assert visitors.events(visitors.identities.known(user_id)) == {"order_completed": 1}


def test_every_sdk_has_an_example() -> None:
    """Two of Python, two of Node and the browser's, which a test beside runs in one."""
    languages = [block.language for block in BLOCKS if block.page == PAGE]

    assert [languages.count(each) for each in ("python", "js")] == [2, 3]
