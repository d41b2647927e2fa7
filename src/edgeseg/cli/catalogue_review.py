"""What is wrong with the file of products."""

from edgeseg.catalogue_file import CatalogueFile
from edgeseg.cli.problem_report import Finding, find_errors
from edgeseg.errors import InputError, Problem


def review_catalogue(file: CatalogueFile | None) -> list[Finding]:
    """Answer each row that is no product, or why nothing of the file can be read."""
    if file is None:
        return []
    try:
        problems = file.read().problems
    except (InputError, OSError, UnicodeDecodeError) as error:
        name = file.path.as_posix()
        problems = (Problem(file=name, line=1, column=1, message=str(error)),)
    return find_errors(problems)
