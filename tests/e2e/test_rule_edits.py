"""Rules edited while the service runs: taken over whole, or not at all."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import RULES, TEMPLATES, Service, wait_for
from tests.e2e.views import view_page

SEEN_WITHIN_S = 10
TAKEN = "edgeseg_rules_last_reload_successful"
READERS = """segments:
  - id: readers
    name: Readers
    when: {context: path, starts_with: /blog}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the sample rules, to be edited."""
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy of the sample templates, to be edited."""
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))


@pytest.fixture
def workers() -> int:
    """How many workers the service has, unless a test says so."""
    return 2


@pytest.fixture
def edited(new_service: StartService, rules: Path, templates: Path, workers: int) -> Service:
    """A service over the copies that looks at them often."""
    return new_service(
        rules=rules, templates=templates, reload_s=0.1, budget_ms=5_000, workers=workers
    ).start()


@pytest.fixture
def stranger(edited: Service) -> Iterator[httpx.Client]:
    """A client of that service, one connection a request, so that it meets every worker."""
    with httpx.Client(base_url=edited.url, timeout=20, headers={"Connection": "close"}) as client:
        yield client


def _version(service: Service) -> str:
    return str(service.status()["rules"]["version"])


def _segments(client: httpx.Client) -> list[str]:
    segments: list[str] = view_page(client, "https://shop.example/blog/1").json()["segments"]
    return segments


def test_a_new_segment_is_answered_soon(
    edited: Service, stranger: httpx.Client, rules: Path
) -> None:
    """A rule file added while it runs counts from then on; removed, it does so no more."""
    before = _version(edited)
    assert "readers" not in _segments(stranger)
    (rules / "segments" / "blog.yaml").write_text(READERS, "utf-8")

    def is_answered() -> bool:
        answer = view_page(stranger, "https://shop.example/blog/1").json()
        return "readers" in answer["segments"] and answer["rules"] != before

    wait_for(is_answered, SEEN_WITHIN_S, "a page view is answered by the new rules")
    (rules / "segments" / "blog.yaml").unlink()
    wait_for(lambda: _version(edited) == before, SEEN_WITHIN_S, "the old rules are back")


def test_an_edited_template_is_shown_soon(
    edited: Service, stranger: httpx.Client, templates: Path
) -> None:
    """Templates are part of the rules' version and are reloaded like them."""
    before = _version(edited)
    (templates / "hero-default.html").write_text("<h1>Edited</h1>", "utf-8")

    def is_shown() -> bool:
        answer = view_page(stranger, slots=["home-hero"]).json()
        return (
            answer["slots"]["home-hero"]["html"] == "<h1>Edited</h1>" and answer["rules"] != before
        )

    wait_for(is_shown, SEEN_WITHIN_S, "the page view shows the edited template")


@pytest.mark.parametrize("workers", [1, 2], ids=["one worker", "two workers"])
def test_broken_edits_leave_the_last_good_rules(
    edited: Service, stranger: httpx.Client, rules: Path
) -> None:
    """The service goes on; /status, /metrics and the log say what is wrong and where."""
    before = _version(edited)
    assert edited.count(TAKEN) == 1
    good = (rules / "segments" / "lifecycle.yaml").read_text("utf-8")
    (rules / "segments" / "lifecycle.yaml").write_text(good.replace("metric:", "metrik:"), "utf-8")

    def problems() -> list[dict[str, object]]:
        found: list[dict[str, object]] = edited.status()["rules"]["problems"]
        return found

    found = wait_for(problems, SEEN_WITHIN_S, "the problems are seen")
    assert {problem["file"] for problem in found} == {f"{rules}/segments/lifecycle.yaml"}
    assert all(problem["line"] and problem["column"] and problem["at"] for problem in found)
    assert _version(edited) == before
    assert "everyone" in _segments(stranger)
    assert edited.count("edgeseg_rule_reloads_total") >= 1
    assert edited.count(TAKEN) == 0
    assert "segments/lifecycle.yaml:" in edited.output()

    (rules / "segments" / "lifecycle.yaml").write_text(good, "utf-8")
    wait_for(lambda: all(not problems() for _ in range(6)), SEEN_WITHIN_S, "the problems are gone")
    wait_for(lambda: edited.count(TAKEN) == 1, SEEN_WITHIN_S, "every worker took them over")
    assert _version(edited) == before


def test_workers_respawned_beside_broken_files_have_the_last_good_rules(
    new_service: StartService, rules: Path, templates: Path
) -> None:
    """What was edited last and was right, not what the service started with."""
    service = new_service(rules=rules, templates=templates, reload_s=0.1, workers=2).start()
    headers = {"Connection": "close"}
    with httpx.Client(base_url=service.url, timeout=20, headers=headers) as client:
        (rules / "segments/readers.yaml").write_text(READERS, "utf-8")
        wait_for(lambda: _all(client, "readers"), SEEN_WITHIN_S, "every worker has the segment")
        (rules / "segments/broken.yaml").write_text("segments: [", "utf-8")
        wait_for(lambda: service.status()["rules"]["problems"], SEEN_WITHIN_S, "it is noticed")
        before = service.worker_pids()
        assert len(before) == 2
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: _respawned(service, before), 20, "new workers have come")
        wait_for(lambda: _all(client, "readers"), 20, "every new worker has the segment")
        assert service.status()["rules"]["problems"]
        (rules / "segments/broken.yaml").unlink()
        wait_for(lambda: _sound(service), SEEN_WITHIN_S, "the files are right again")
        wait_for(lambda: service.count(TAKEN) == 1, SEEN_WITHIN_S, "those killed count no more")
    assert service.worker_pids() == _respawned(service, before)


def _all(client: httpx.Client, segment: str) -> bool:
    """Tell whether ten requests in a row, each at whichever worker, have the segment."""
    try:
        return all(segment in _segments(client) for _ in range(10))
    except httpx.TransportError:
        return False  # that worker is not there yet


def _respawned(service: Service, before: set[int]) -> set[int]:
    now = service.worker_pids()
    return now if len(now) == len(before) and not now & before else set()


def _sound(service: Service) -> bool:
    return not any(service.status()["rules"]["problems"] for _ in range(10))
