"""Log lines tell what happened and where, and nothing of visitors."""

import asyncio
import json
import logging
import logging.config
from collections.abc import Callable, Iterator

import pytest

from edgeseg.log_format import JsonFormatter, LogFormat, TextFormatter, logging_config

SECRET = "eva@example.com"


def _fail(text: str) -> None:
    raise ValueError(text)


def _record(fail: Callable[[], None] | None = None) -> logging.LogRecord:
    try:
        if fail:
            fail()
    except Exception as error:  # noqa: BLE001 - any will do
        found = (type(error), error, error.__traceback__)
        return logging.LogRecord("edgeseg.x", logging.ERROR, "f", 1, "request failed", (), found)
    return logging.LogRecord("edgeseg.x", logging.WARNING, "f", 1, "%d is %s", (7, "much"), None)


def _chained() -> None:
    try:
        _fail(SECRET)
    except ValueError as error:
        message = f"about {SECRET}"
        raise LookupError(message) from error


def test_a_json_line_has_what_a_machine_looks_for() -> None:
    """Instant, level, logger, process and message; no exceptions where there is none."""
    text = JsonFormatter().format(_record())
    line = json.loads(text)

    assert "\n" not in text
    assert line.pop("time").endswith("Z")
    assert line.pop("process") > 0
    assert line == {"level": "warning", "logger": "edgeseg.x", "message": "7 is much"}


def test_exceptions_are_told_without_their_texts() -> None:
    """Kind and place of each, the first cause first: the text may quote what somebody sent."""
    text = JsonFormatter().format(_record(_chained))
    raised = json.loads(text)["exceptions"]

    assert SECRET not in text
    assert [each["type"] for each in raised] == ["ValueError", "LookupError"]
    assert raised[0]["frames"][-1].endswith(" _fail")
    assert "test_log_format.py:" in raised[1]["frames"][0]


def test_text_lines_leave_the_texts_out_as_well() -> None:
    """They are for people, who may read logs but not everybody's data."""
    text = TextFormatter("%(levelname)s %(message)s").format(_record(_chained))

    assert SECRET not in text
    assert text.startswith("ERROR request failed\nValueError\n  ")
    assert "which led to LookupError" in text


def test_a_deep_recursion_does_not_fill_the_log() -> None:
    """Only the innermost calls are listed."""

    def recurse() -> None:
        recurse()

    text = JsonFormatter().format(_record(recurse))
    assert len(json.loads(text)["exceptions"][0]["frames"]) == 30


@pytest.fixture
def as_before() -> Iterator[None]:
    """Give the loggers back as they were."""
    names = ("root", "edgeseg", "asyncio", "uvicorn", "uvicorn.error", "uvicorn.access")
    loggers = [logging.getLogger(name) for name in names]
    before = [
        (each, each.handlers[:], each.filters[:], each.level, each.propagate) for each in loggers
    ]
    yield
    for logger, handlers, filters, level, propagates in before:
        logger.handlers, logger.filters, logger.propagate = handlers, filters, propagates
        logger.setLevel(level)


@pytest.mark.usefixtures("as_before")
def test_the_server_and_the_service_write_alike(capfd: pytest.CaptureFixture[str]) -> None:
    """One format for the lines of both."""
    logging.config.dictConfig(logging_config(LogFormat.JSON))
    logging.getLogger("edgeseg.rule_reload").info("rules %s loaded", "3f9a")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")

    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [each["logger"] for each in lines] == ["edgeseg.rule_reload", "uvicorn.error"]
    assert lines[0]["message"] == "rules 3f9a loaded"


@pytest.mark.usefixtures("as_before")
async def test_other_libraries_write_alike(capfd: pytest.CaptureFixture[str]) -> None:
    """An exporter of traces that finds no collector, and what asyncio says of a lost exception."""
    logging.config.dictConfig(logging_config(LogFormat.JSON))
    logging.getLogger("opentelemetry.exporter").error("cannot export")
    told = {"message": "never retrieved", "exception": ValueError(SECRET)}
    asyncio.get_running_loop().default_exception_handler(told)

    text = capfd.readouterr().err
    lines = [json.loads(line) for line in text.splitlines()]
    assert [each["message"] for each in lines] == ["cannot export", "never retrieved"]
    assert SECRET not in text
