"""What a User-Agent header tells of device, system and browser."""

from time import process_time

import pytest

from edgeseg.events.agent_families import agent_families
from edgeseg.events.device import MAX_AGENT, Device, DeviceDetector

_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1"
_MOBILE = "Mobile/15E148 Safari/604.1"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0"
SEEN = {
    f"Mozilla/5.0 (X11; Linux x86_64) {_CHROME} Safari/537.36": Device(
        "desktop", "Linux", "Chrome"
    ),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/120.0.0.0": Device(
        "desktop", "Windows", "Edge"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0": Device(
        "desktop", "Windows", "Firefox"
    ),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15": Device(
        "desktop", "Mac OS X", "Safari"
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) {_SAFARI} {_MOBILE}": Device(
        "mobile", "iOS", "Mobile Safari"
    ),
    f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {_SAFARI} {_MOBILE}": Device(
        "tablet", "iOS", "Mobile Safari"
    ),
    f"Mozilla/5.0 (Linux; Android 13; SM-S901B) {_CHROME} Mobile Safari/537.36": Device(
        "mobile", "Android", "Chrome Mobile"
    ),
    f"Mozilla/5.0 (Linux; Android 13; SM-X906C) {_CHROME} Safari/537.36": Device(
        "tablet", "Android", "Chrome"
    ),
    f"Mozilla/5.0 (Linux; Android 9; KFTRWI) {_CHROME} Silk/104.4.4 like Chrome/104.0": Device(
        "tablet", "Android", "Amazon Silk"
    ),
    # A telephone whose maker is called like a robot.
    f"Mozilla/5.0 (Linux; Android 11; CUBOT X30 Build/RP1A) {_CHROME} Mobile Safari/537.36": Device(
        "mobile", "Android", "Chrome Mobile"
    ),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": Device(
        "bot", "", "Googlebot"
    ),
    "curl/8.5.0": Device("desktop", "", "curl"),
    "": Device(),
    "no browser at all": Device("desktop", "", ""),
    "\x00 \ud800 ü": Device("desktop", "", ""),
}


@pytest.mark.parametrize(("agent", "device"), SEEN.items(), ids=range(len(SEEN)))
def test_a_header_tells_the_device(agent: str, device: Device) -> None:
    """Kind, system and browser of what most visitors and some robots send."""
    assert DeviceDetector().detect(agent) == device


def test_a_name_is_put_together_from_what_the_header_says() -> None:
    """Families may hold groups of the pattern, as "Samsung $1" does."""
    agent = b"Mozilla/5.0 (Linux; Android 13; SM-S901B) Mobile Safari/537.36"
    assert agent_families().devices.find(agent) == "Samsung SM-S901B"


@pytest.mark.parametrize("word", ["bot ", "spider", "Mozilla/5.0 (", "Android 1; ", "/1.", "a"])
def test_a_header_made_to_be_slow_is_not(word: str) -> None:
    """A header as long as any that is looked at takes milliseconds, whatever it repeats."""
    detect = DeviceDetector().detect
    detect("a browser")  # the patterns are compiled
    began_s = process_time()
    detect(word * MAX_AGENT)
    assert process_time() - began_s < 0.5
