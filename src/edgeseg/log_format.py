"""How log lines look: text for people, or one JSON object a line for machines.

Neither tells of visitors. Our own messages name none, and of an exception only its kind and
where it was raised is written: its text may quote what somebody sent.
"""

import logging
import traceback
from collections.abc import Iterator
from copy import deepcopy
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, TypeAlias

import msgspec
from uvicorn.config import LOGGING_CONFIG
from uvicorn.logging import DefaultFormatter

from edgeseg.clock import SECOND_MS, instant

MAX_FRAMES: Final = 30
"""Of the calls that led to an exception, the innermost."""
_ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class LogFormat(StrEnum):
    """For whom log lines are written."""

    TEXT = "text"
    JSON = "json"


class Raised(msgspec.Struct, frozen=True):
    """An exception without its text.

    Attributes:
        frames: ``file:line function``, outermost first.
    """

    type: str
    frames: list[str]


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the JSON format.

    Attributes:
        exceptions: what was raised, after what caused it.
    """

    time: str
    level: str
    logger: str
    process: int
    message: str
    exceptions: list[Raised] = []


class TextFormatter(DefaultFormatter):
    """As uvicorn writes, but for the texts of exceptions."""

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - named by logging
        """Write the exceptions, each with where it was raised."""
        parts = (
            "\n".join([each.type, *(f"  {frame}" for frame in each.frames)])
            for each in _list_raised(ei[1])
        )
        return "\nwhich led to ".join(parts)


class JsonFormatter(logging.Formatter):
    """One object a line, see `Line`."""

    _encoder: Final = msgspec.json.Encoder()

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line = Line(
            time=instant(int(record.created * SECOND_MS)),
            level=record.levelname.lower(),
            logger=record.name,
            process=record.process or 0,
            message=record.getMessage(),
            exceptions=list(_list_raised(record.exc_info[1] if record.exc_info else None)),
        )
        return self._encoder.encode(line).decode()


class FirstLine(logging.Filter):
    """Leaves the first line of a message: asyncio quotes exceptions in the others."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the message; no line is left out."""
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
        return True


_FORMATTERS: Final[dict[LogFormat, dict[str, Any]]] = {
    LogFormat.TEXT: {"()": TextFormatter, "fmt": "%(levelprefix)s %(message)s"},
    LogFormat.JSON: {"()": JsonFormatter},
}


def logging_config(log_format: LogFormat) -> dict[str, Any]:
    """Answer the configuration of `logging` for a server process and its workers."""
    config = deepcopy(LOGGING_CONFIG)
    config["formatters"]["default"] = _FORMATTERS[log_format]
    config["root"] = {"handlers": ["default"], "level": "WARNING"}  # other libraries, too
    config["loggers"]["edgeseg"] = {"level": "INFO"}
    config["filters"] = {"first line": {"()": FirstLine}}
    config["loggers"]["asyncio"] = {"filters": ["first line"]}
    return config


def _list_raised(error: BaseException | None) -> Iterator[Raised]:
    """Iterate over an exception and what caused it, the first cause first."""
    if error is None:
        return
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    yield from _list_raised(cause)
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    kind = type(error)
    yield Raised(
        f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        [f"{each.filename}:{each.lineno} {each.name}" for each in frames],
    )
