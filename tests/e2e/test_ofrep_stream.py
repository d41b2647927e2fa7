"""Notice of changes: who hears it, how many may listen, and how it ends."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.flag_rules import edit_hero, flag_service
from tests.e2e.service import Service, wait_for

EVENTS = "/ofrep/v1/events"
FLAGS = "/ofrep/v1/evaluate/flags"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the service's files."""
    return tmp_path_factory.mktemp("streams")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    """A service of two workers that tell three listeners each."""
    with flag_service(folder, max_flag_streams=3) as running:
        yield running


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_every_listener_hears_of_new_rules(service: Service, folder: Path) -> None:
    """Whichever worker each is connected to; the version told is the one in force."""
    with ExitStack() as stack:
        streams = [
            stack.enter_context(httpx.stream("GET", service.url + EVENTS, timeout=30))
            for _ in range(3)
        ]
        heard = []
        begun = [stream.iter_lines() for stream in streams]
        for stream, lines in zip(streams, begun, strict=True):
            assert stream.status_code == 200
            assert stream.headers["content-type"] == "text/event-stream"
            assert next(lines) == "retry: 3000"
            assert next(lines).startswith("id: ")
        edit_hero(folder, "<p>everyone again</p>")
        for lines in begun:
            heard.append(next(_events(lines)))  # noqa: PERF401 - one after the other is the test
    assert [event["type"] for event in heard] == ["refetchEvaluation"] * 3
    assert len({event["etag"] for event in heard}) == 1
    assert heard[0]["lastModified"] > 1_700_000_000
    wait_for(lambda: service.status()["rules"]["version"] == heard[0]["etag"], 5, "all know it")


def test_whoever_comes_back_hears_what_was_missed(service: Service) -> None:
    """The id of the last event says what was heard."""
    headers = {"Last-Event-ID": "an-older-version"}
    with httpx.stream("GET", service.url + EVENTS, headers=headers, timeout=30) as stream:
        assert next(_events(stream.iter_lines()))["type"] == "refetchEvaluation"


def test_asking_again_with_what_was_told_is_understood(service: Service) -> None:
    """Clients pass the event's words on as members of the query."""
    body = {"context": {"targetingKey": "k"}}
    first = httpx.post(service.url + FLAGS, json=body, timeout=20)
    told = {"flagConfigEtag": "abc", "flagConfigLastModified": "1771622898"}
    headers = {"If-None-Match": first.headers["etag"]}
    again = httpx.post(service.url + FLAGS, json=body, params=told, headers=headers, timeout=20)
    assert (again.status_code, again.content) == (304, b"")


def test_a_stream_can_be_asked_about(service: Service) -> None:
    """HEAD has an end, and the connection goes on."""
    with httpx.Client(base_url=service.url, timeout=10) as client:
        for _ in range(2):
            asked = client.head(EVENTS)
            assert (asked.status_code, asked.headers["content-type"]) == (200, "text/event-stream")


def test_only_so_many_may_listen(service: Service) -> None:
    """Over the limit they are told to poll, and places are free again when listeners go."""
    wait_for(lambda: service.count("edgeseg_flag_streams") == 0, 10, "the others have gone")
    with ExitStack() as stack:
        streams = [
            stack.enter_context(httpx.stream("GET", service.url + EVENTS, timeout=30))
            for _ in range(10)
        ]
        refused = [stream for stream in streams if stream.status_code == 503]
        told = [stream for stream in streams if stream.status_code == 200]
        assert len(refused) + len(told) == 10
        assert 3 <= len(told) <= 6  # whichever of the two workers each has reached
        assert all(stream.headers["retry-after"].isdigit() for stream in refused)
    wait_for(lambda: service.count("edgeseg_flag_streams") == 0, 10, "all have gone")


def test_a_service_that_is_told_to_end_ends_its_streams(tmp_path: Path) -> None:
    """Listeners do not keep it from ending, and their streams end in good order."""
    with flag_service(tmp_path, drain_s=0, workers=1) as service:
        with httpx.stream("GET", service.url + EVENTS, timeout=30) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 3000"
            service.signal(signal.SIGTERM)
            assert [line for line in lines if line.startswith("data: ")] == []
        assert service.wait(15) == 0
