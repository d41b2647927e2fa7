"""Findings as SARIF 2.1.0, the form in which code hosts take them.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edgeseg.cli.problem_report import ERROR, FAILED_EXAMPLE, INVALID, WARNING, Finding

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ERRORS: Final = {
    INVALID: "Something that keeps the rules from loading",
    FAILED_EXAMPLE: "An example of a segment that is not as the segment says",
}


def sarif_log(
    findings: Sequence[Finding], codes: Mapping[str, str], *, version: str, folder: Path
) -> dict[str, object]:
    """Answer one run with all findings.

    Args:
        findings: errors and warnings.
        codes: code of every kind of warning → what it is about.
        version: of edgeseg.
        folder: that paths are to be relative to, where they lie below it; absolute.
    """
    kinds = {**_ERRORS, **codes}
    ranks = {code: rank for rank, code in enumerate(kinds)}
    rules = [
        {
            "id": code,
            "shortDescription": {"text": text},
            "defaultConfiguration": {"level": ERROR if code in _ERRORS else WARNING},
        }
        for code, text in kinds.items()
    ]
    driver = {"name": "edgeseg", "semanticVersion": version, "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(each, ranks[each.code], folder) for each in sorted(findings)],
            }
        ],
    }


def _result(finding: Finding, rank: int, folder: Path) -> dict[str, object]:
    problem = finding.problem
    about = f"[{problem.at}] " if problem.at else ""
    hint = f" ({problem.suggestion})" if problem.suggestion else ""
    place = {
        "artifactLocation": {"uri": _uri(problem.file, folder)},
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    return {
        "ruleId": finding.code,
        "ruleIndex": rank,
        "level": finding.level,
        "message": {"text": f"{about}{problem.message}{hint}"},
        "locations": [{"physicalLocation": place}],
    }


def _uri(file: str, folder: Path) -> str:
    """Answer a reference relative to the folder, or an absolute one for what is elsewhere."""
    path = Path(folder, file)
    if path.is_relative_to(folder):
        return quote(path.relative_to(folder).as_posix())
    return path.as_uri()
