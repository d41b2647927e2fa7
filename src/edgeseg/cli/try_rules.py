"""``edgeseg try``: conditions on made-up visitors, one a line, without a service."""

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

import msgspec
import rich_click as click

from edgeseg.assembly import rules_from
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.clock import instant, system_clock
from edgeseg.delivery.problems import decode_body
from edgeseg.errors import InputError, RulesError
from edgeseg.personalize import VALID_AT_MOST_MS
from edgeseg.segments.trial import Trial, Trials

_GARBAGE: Final = 100_000
"""Objects made between two looks for garbage."""
_log = logging.getLogger(__name__)
_ENCODER: Final = msgspec.json.Encoder()


class Outcome(msgspec.Struct, frozen=True):
    """A line of output.

    Attributes:
        valid_until: RFC 3339; time alone changes nothing before it. At most a year on.
    """

    holds: bool
    valid_until: str


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a line.

    Attributes:
        code: ``bad-condition``, ``bad-input`` or ``internal``.
        at: ``line:column`` within the condition, or the path of a member, "" for the whole.
    """

    code: str
    message: str
    at: str


class Refusal(msgspec.Struct, frozen=True):
    """A line of output for a line of input that is not acceptable."""

    error: Fault


@click.command("try")
@click.argument("file", default="-")
@rules_options
def try_rules(file: str, rules: str | None, templates: str | None) -> None:
    """Try conditions on made-up visitors; FILE has one JSON object a line.

    Each line has a condition (`when`) and what there is to know of the visitor: `fields`,
    `context`, `events`, `consents`, `tags`, `lists`, `visitor` and `now`, all optional. Each
    line of output says whether it holds and until when that stays, or what is wrong with
    the line. Without FILE, or with -, lines come from the standard input.

    With --rules, conditions may name its metrics and segments, and values must fit its fields.

    Example: echo '{"when": {"tag": "vip"}, "tags": ["vip"]}' | edgeseg try
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        definitions = rules_from(settings).build().definitions if rules else None
        trials = Trials(definitions, time_zone=settings.zone)
        output = sys.stdout.buffer
        _collect_rarely()
        with _opened(file) as lines:
            for line in lines:
                if line.strip():
                    output.write(_ENCODER.encode(outcome(line, trials)) + b"\n")
                    output.flush()  # whoever writes line by line reads line by line


def outcome(line: bytes, trials: Trials) -> Outcome | Refusal:
    """Answer what one line comes to; whatever is wrong with it is in the answer."""
    try:
        trial = decode_body(line, Trial)
        verdict = trials.judge(trial, now_ms=system_clock())
    except RulesError as error:
        first, *others = error.problems
        hint = f" ({first.suggestion})" if first.suggestion else ""
        more = f", and {len(others)} more" if others else ""
        message = f"{first.message}{hint}{more}"
        return Refusal(Fault("bad-condition", message, f"{first.line}:{first.column}"))
    except InputError as error:
        return Refusal(Fault("bad-input", str(error), error.field))
    except Exception as error:  # noqa: BLE001 - one line must not stop the rest
        _log.debug("a trial failed", exc_info=True)
        return Refusal(Fault("internal", f"{type(error).__name__}: {error}", ""))
    latest_ms = verdict.now_ms + VALID_AT_MOST_MS
    change_ms = latest_ms if verdict.change_ms is None else min(verdict.change_ms, latest_ms)
    return Outcome(verdict.holds, instant(change_ms))


def _collect_rarely() -> None:
    """Look for garbage less often: a compiled condition is made of many small parts."""
    gc.freeze()
    gc.set_threshold(_GARBAGE)


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    """Open the file, or the standard input for ``-``.

    Raises:
        InputError: it cannot be read.
    """
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with open(file, "rb") as lines:  # noqa: PTH123 - the name is as the caller gave it
            yield lines
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", field="FILE") from error
