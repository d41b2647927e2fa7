"""Tests of texts: each takes time linear in the text, whatever the pattern."""

from collections.abc import Callable

import re2
import semver

from edgeseg.segments.formula import SEMVER_ORDERS, Literal

TextTest = Callable[[str], object]


def build_text_test(literal: Literal) -> TextTest:
    """Answer the test of a literal with a text operator, without regard to its sign.

    Raises:
        re2.error: the regular expression is not one of RE2's.
        ValueError: the constant is not a semantic version.
    """
    operand = literal.operand
    op = literal.op
    if op == "matches":
        search: TextTest = compile_regex(str(operand), ignore_case=literal.ignore_case).search
        return search
    if op == "glob":
        return _glob_test(str(operand), ignore_case=literal.ignore_case)
    if op in SEMVER_ORDERS:
        return _semver_test(str(operand), SEMVER_ORDERS[op])
    constants = operand if isinstance(operand, tuple) else (operand,)
    texts = tuple(each for each in constants if isinstance(each, str))
    if not literal.ignore_case:
        return _plain_test(op, texts)
    test = _plain_test(op, tuple(each.casefold() for each in texts))
    return lambda text: test(text.casefold())


def compile_regex(pattern: str, *, ignore_case: bool = False) -> re2._Regexp:
    """Compile a regular expression in RE2's syntax, which never backtracks.

    Raises:
        re2.error: it is not one.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    return re2.compile(pattern, options)


def parse_version(text: str) -> semver.Version | None:
    """Answer a version of https://semver.org, with or without a leading ``v``."""
    try:
        return semver.Version.parse(text.removeprefix("v"))
    except ValueError:
        return None


def glob_to_regex(pattern: str) -> str:
    """Translate a glob: ``*`` and ``?`` stay within one path segment, ``**`` crosses them."""
    pieces = []
    position = 0
    while position < len(pattern):
        if pattern.startswith("**", position):
            pieces.append("(?s:.*)")
            position += 2
            continue
        character = pattern[position]
        pieces.append({"*": "[^/]*", "?": "[^/]"}.get(character) or re2.escape(character))
        position += 1
    return "".join(pieces)


def _glob_test(pattern: str, *, ignore_case: bool) -> TextTest:
    folded = pattern.casefold() if ignore_case else pattern
    fullmatch: TextTest = compile_regex(glob_to_regex(folded)).fullmatch
    return (lambda text: fullmatch(text.casefold())) if ignore_case else fullmatch


def _plain_test(op: str, texts: tuple[str, ...]) -> TextTest:
    match op:
        case "starts_with":
            return lambda text: text.startswith(texts)
        case "ends_with":
            return lambda text: text.endswith(texts)
        case "contains":
            return lambda text: texts[0] in text
        case _:
            return frozenset(texts).__contains__


def _semver_test(operand: str, allowed: tuple[int, ...]) -> TextTest:
    constant = parse_version(operand)
    if constant is None:
        message = f"{operand!r} is not a semantic version"
        raise ValueError(message)

    def passes(text: str) -> bool:
        version = parse_version(text)
        return version is not None and version.compare(constant) in allowed

    return passes
