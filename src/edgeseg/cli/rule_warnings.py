"""What is wrong with rules that load, each at the place in the file that it is about."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from edgeseg.cli.problem_report import ERROR, FAILED_EXAMPLE, WARNING, Finding
from edgeseg.decisions.campaign_reader import Placements
from edgeseg.decisions.review import review_rules
from edgeseg.errors import Problem, RulesError
from edgeseg.rule_folder import RuleFolder
from edgeseg.segments.definitions import Entry, read_definitions, read_sections
from edgeseg.segments.examples import run_examples
from edgeseg.segments.review import Remark
from edgeseg.segments.rule_files import peek_id
from edgeseg.settings import Settings


def review_files(folder: RuleFolder, settings: Settings, *, now_ms: int) -> list[Finding]:
    """Read files that load once more, with their places; run their examples and review them.

    Args:
        folder: which files there are.
        settings: that name the folders and the time zone of the site.
        now_ms: the instant of examples that name none.

    Raises:
        RulesError: the files were changed since, and do not load any more.
    """
    rules, templates = Path(settings.rules), Path(settings.templates)
    paths = [Path(path) for path, *_mark in folder.fingerprint()]
    texts = {
        path.relative_to(rules).as_posix(): path.read_text("utf-8")
        for path in paths
        if path.suffix in {".yaml", ".yml"} and path.is_relative_to(rules)
    }
    known = {
        path.relative_to(templates).as_posix() for path in paths if path.is_relative_to(templates)
    }
    problems: list[Problem] = []
    sections = read_sections(texts, problems)
    definitions, readers = read_definitions(sections, settings.zone)
    placements = Placements(
        sections,
        readers,
        templates=known,
        segments=definitions.segments,
        time_zone=settings.zone,
    )
    if problems:
        raise RulesError(problems)
    entries = {
        (section, peek_id(entry.node)): entry
        for section, found in sections.items()
        for entry in found
    }
    failed = run_examples(sections["segments"], definitions, now_ms=now_ms)
    return [
        *(Finding(ERROR, _reached(problem, rules), FAILED_EXAMPLE) for problem in failed),
        *(
            _locate(remark, entries[remark.section, remark.id], rules)
            for remark in review_rules(definitions, placements)
        ),
    ]


def _reached(problem: Problem, rules: Path) -> Problem:
    """Name the file as it is reached from here, so that editors and CI can follow."""
    return msgspec.structs.replace(problem, file=(rules / problem.file).as_posix())


def _locate(remark: Remark, entry: Entry, rules: Path) -> Finding:
    mark = _find_word(entry.node, remark.word, remark.beside).start_mark
    problem = Problem(
        file=(rules / entry.reader.file).as_posix(),
        line=mark.line + 1,
        column=mark.column + 1,
        message=remark.message,
        at=remark.id,
        suggestion=remark.suggestion,
    )
    return Finding(WARNING, problem, remark.code)


def _find_word(node: yaml.Node, word: str, beside: str = "") -> yaml.Node:
    """Answer the first scalar that is the word, a name only if no value is.

    Args:
        node: the whole definition; the answer where the word is not found.
        word: what to look for, "" for nothing.
        beside: a value of the innermost mapping to look in, "" for the definition.
    """
    if not word:
        return node
    parts = list(_parts(node))
    if beside:
        near = [part for part in parts if isinstance(part, yaml.MappingNode)]
        near = [part for part in near if any(at.value == beside for _key, at in part.value)]
        found = [_find_word(part, word) for part in near]
        return next((each for each in found if isinstance(each, yaml.ScalarNode)), node)
    names = [
        key for part in parts if isinstance(part, yaml.MappingNode) for key, _value in part.value
    ]
    scalars = [part for part in parts if isinstance(part, yaml.ScalarNode)]
    return next((each for each in (*scalars, *names) if each.value == word), node)


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    """Iterate over a node and all values in it, from the outside to the inside."""
    pending = [node]
    while pending:
        part = pending.pop(0)
        yield part
        match part:
            case yaml.MappingNode():
                pending += [value for _key, value in part.value]
            case yaml.SequenceNode():
                pending += part.value
