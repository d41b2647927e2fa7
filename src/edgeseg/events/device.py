"""Tell device, operating system and browser from the User-Agent header."""

from functools import lru_cache
from typing import Final, NamedTuple

from edgeseg.events.agent_families import agent_families

MAX_AGENT: Final = 512
"""Characters of a User-Agent header that are looked at."""
BOT: Final = "bot"
"""The kind of device that a robot is."""
_REMEMBERED: Final = 4_096
_TABLETS: Final = ("iPad", "Kindle", "Tablet", "Nexus 7", "Nexus 9", "Nexus 10")


class Device(NamedTuple):
    """What a User-Agent header tells; "" for what it does not.

    Attributes:
        kind: ``desktop``, ``mobile``, ``tablet`` or ``bot``.
    """

    kind: str = ""
    os: str = ""
    browser: str = ""


class DeviceDetector:
    """Parses User-Agent headers by the ua-parser project's patterns, remembering the latest."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._detect = lru_cache(_REMEMBERED)(_parse)

    def detect(self, agent: str) -> Device:
        """Answer what the header says; the patterns are linear in its length."""
        return self._detect(agent[:MAX_AGENT])


def _parse(agent: str) -> Device:
    if not agent:
        return Device()
    browsers, systems, devices = agent_families()
    raw = agent.encode("utf-8", "replace")
    return Device(_kind(agent, devices.find(raw)), systems.find(raw), browsers.find(raw))


def _kind(agent: str, family: str) -> str:
    if family == "Spider":
        return BOT
    if any(word in family or word in agent for word in _TABLETS):
        return "tablet"
    if "Mobi" in agent or "Phone" in agent:
        return "mobile"
    return "tablet" if "Android" in agent else "desktop"
