"""The command line, one module a group of commands."""

import rich_click as click

from edgeseg import __version__
from edgeseg.cli.bench import bench
from edgeseg.cli.check import check
from edgeseg.cli.copy_segment import copy
from edgeseg.cli.demo import demo
from edgeseg.cli.describe import describe
from edgeseg.cli.diff import diff
from edgeseg.cli.doctor import doctor
from edgeseg.cli.explain import explain
from edgeseg.cli.export import export
from edgeseg.cli.import_files import import_files
from edgeseg.cli.lists import lists
from edgeseg.cli.outcomes import outcomes
from edgeseg.cli.preview import preview, preview_link
from edgeseg.cli.recalculate import recalculate
from edgeseg.cli.replay import replay
from edgeseg.cli.schema import schema
from edgeseg.cli.serve import healthcheck, serve
from edgeseg.cli.snippet import snippet
from edgeseg.cli.try_rules import try_rules

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgeseg")
def main() -> None:
    """Classify visitors in real time and choose what each of them sees.

    New here? `edgeseg demo` starts everything with a site to click through.

    Settings are environment variables `EDGESEG_*`; `edgeseg doctor` lists them all
    with what is in force. Exit codes: 0 fine, 1 the work failed or found problems,
    2 wrong use, settings or rules.
    """


for _command in (
    demo,
    serve,
    check,
    copy,
    schema,
    try_rules,
    explain,
    preview,
    preview_link,
    describe,
    diff,
    outcomes,
    export,
    import_files,
    lists,
    recalculate,
    replay,
    snippet,
    doctor,
    bench,
    healthcheck,
):
    main.add_command(_command)
