"""Counts the bytecodes and frames that the interpreter executes in this thread."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import msgspec

_OWN: Final = str(Path(__file__).parent)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one function takes of a request.

    Attributes:
        function: module, line and name.
        bytecodes: executed in it, on average.
        frames: how often it was called, or went on after an ``await``.
    """

    function: str
    bytecodes: float
    frames: float


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a request takes; functions come with the most first."""

    bytecodes: float
    frames: float
    functions: list[Share]


class BytecodeCounter:
    """What was executed while it counted; the benchmark's own functions are left out.

    What a C function does in one bytecode shows as one. Time depends on more than this, but
    this does not depend on what else the machine does.
    From Python 3.12 on the first call of a function that is ever watched counts no bytecodes, so
    let a counter that is thrown away see one of each before.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self._bytecodes = Counter[CodeType]()
        self._frames = Counter[CodeType]()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count until the end of the block."""
        before = sys.gettrace()
        sys.settrace(self._see_call)
        try:
            yield
        finally:
            sys.settrace(before)

    def work(self, requests: int) -> Work:
        """Answer what was counted, for each of ``requests``."""
        return Work(
            bytecodes=self._bytecodes.total() / requests,
            frames=self._frames.total() / requests,
            functions=[
                Share(
                    function=_name_of(code),
                    bytecodes=times / requests,
                    frames=self._frames[code] / requests,
                )
                for code, times in self._bytecodes.most_common()
            ],
        )

    def _see_call(self, frame: FrameType, _event: str, _what: object) -> Any:  # noqa: ANN401 - sys.settrace's own
        if frame.f_code.co_filename.startswith(_OWN):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        self._frames[frame.f_code] += 1
        return self._see_opcode

    def _see_opcode(self, frame: FrameType, event: str, _what: object) -> Any:  # noqa: ANN401 - as above
        if event == "opcode":
            self._bytecodes[frame.f_code] += 1
        return self._see_opcode


def _name_of(code: CodeType) -> str:
    """Answer such as ``edgeseg/personalize.py:80 personalize``."""
    path = Path(code.co_filename)
    for base in map(Path, sorted(sys.path, key=len, reverse=True)):
        if path.is_relative_to(base):
            path = path.relative_to(base)
            break
    return f"{path}:{code.co_firstlineno} {code.co_qualname}"
