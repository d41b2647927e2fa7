"""``edgeseg copy``: a smart segment, made one's own."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import rich_click as click
from rich.console import Console
from rich.table import Table

from edgeseg.cli.failures import plain_errors, settings_with
from edgeseg.errors import InputError, Problem, RulesError
from edgeseg.rule_folder import RuleFolder
from edgeseg.segments.copying import Copy, plan_copy
from edgeseg.segments.definitions import read_definitions, read_sections
from edgeseg.segments.rule import Segment
from edgeseg.settings import Settings
from edgeseg.spelling import suggest

SUFFIXES: Final = (".yaml", ".yml")


@click.command()
@click.argument("smart_id", required=False)
@click.option("--to", metavar="DIR", help="Folder to write in, default segments/ of the rules.")
@click.option("--rules", metavar="DIR", help="Folder of the rule files.")
def copy(smart_id: str | None, to: str | None, rules: str | None) -> None:
    """Copy the smart segment SMART_ID into your rules, to use or to change it.

    Without SMART_ID the smart segments are listed. What the rules define already,
    such as the metric `orders`, is not written again. Nothing is overwritten.

    Example: edgeseg copy cart-abandoners
    """
    if smart_id is None:
        _list_segments(smart_files())
        return
    with plain_errors():
        settings = settings_with(rules=rules)
        text = _find_text(smart_id)
        folder = Path(to) if to else Path(settings.rules) / "segments"
        path = folder / f"{smart_id}.yaml"
        if path.exists():
            raise InputError(f"{path} exists already and is left as it is")
        planned = _plan(text, path, settings)
        _write(path, planned.text)
    _tell(smart_id, path, planned.shared, settings)


def smart_files() -> dict[str, str]:
    """Answer the rule files of the smart segments that come with edgeseg, by id."""
    found = (files("edgeseg") / "smart").iterdir()
    texts = {each.name: each.read_text("utf-8") for each in found if each.name.endswith(SUFFIXES)}
    return {name.partition(".")[0]: texts[name] for name in sorted(texts)}


def read_smart(text: str) -> Segment:
    """Answer the segment of a smart segment's file."""
    problems: list[Problem] = []
    definitions, _readers = read_definitions(read_sections({"smart": text}, problems))
    if problems:
        raise RulesError(problems)
    (segment,) = definitions.segments.values()
    return segment


def _list_segments(texts: Mapping[str, str]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for text in texts.values():
        segment = read_smart(text)
        table.add_row(f"[bold]{segment.id}[/]", segment.description)
    console = Console(highlight=False)
    console.print(table)
    console.print("\nCopy one into your rules: edgeseg copy SMART_ID")


def _find_text(smart_id: str) -> str:
    texts = smart_files()
    if smart_id not in texts:
        hint = suggest(smart_id, tuple(texts))
        raise InputError(f"unknown smart segment `{smart_id}`; {hint}", field="SMART_ID")
    return texts[smart_id]


def _plan(text: str, path: Path, settings: Settings) -> Copy:
    """Plan the copy, and refuse one that would keep the rules from loading."""
    root = Path(settings.rules)
    if not path.resolve().is_relative_to(root.resolve()):
        root = path.parent
    there = _read_texts(root)
    planned = plan_copy(text, there, settings.zone)
    problems: list[Problem] = []
    sections = read_sections({**there, path.as_posix(): planned.text}, problems)
    read_definitions(sections, settings.zone)
    if problems:
        raise InputError(f"the copy does not fit the rules there: {problems[0]}")
    return planned


def _read_texts(root: Path) -> dict[str, str]:
    """Answer the rule files below a folder, by the name they are reached by from here."""
    paths: Iterable[str] = (path for path, *_mark in RuleFolder(root, root).fingerprint())
    return {path: Path(path).read_text("utf-8") for path in paths if path.endswith(SUFFIXES)}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def _tell(smart_id: str, path: Path, shared: Iterable[str], settings: Settings) -> None:
    click.echo(f"Wrote {path}")
    for name in shared:
        click.echo(f"Your rules define {name} already; the copy uses that.")
    click.echo("Change what differs for your site, and its examples with it. Then:")
    inside = path.resolve().is_relative_to(Path(settings.rules).resolve())
    folder = settings.rules if inside else path.parent
    click.echo(f"  edgeseg check {folder}")
    click.echo(f"  edgeseg describe {smart_id} --rules {folder}")
