"""``edgeseg snippet``: the tag that a website includes, ready to be pasted."""

from html import escape
from urllib.parse import urlsplit

import rich_click as click

from edgeseg.delivery.snippet import SCRIPT, TYPES, SnippetFile, read_snippet_file


@click.command()
@click.option(
    "--endpoint",
    metavar="URL",
    default="",
    help="Where the service is, if not under the site's own host, "
    "such as https://edge.example.org.",
)
@click.option("--stable", is_flag=True, help="The address that always has the latest version.")
@click.option("--types", is_flag=True, help="Print the TypeScript types instead.")
def snippet(endpoint: str, *, stable: bool, types: bool) -> None:
    """Print the tag that puts the snippet on a page.

    The tag names this version of the snippet by its content: browsers keep it for a year and
    check its hash. After an upgrade of edgeseg, print the tag again; with --stable the tag
    stays the same and browsers ask for a newer script every five minutes.

    Example: edgeseg snippet --endpoint https://edge.example.org
    """
    if types:
        click.echo(read_snippet_file(TYPES).source.decode(), nl=False)
        return
    click.echo(write_tag(read_snippet_file(SCRIPT), _check_endpoint(endpoint), stable=stable))


def write_tag(file: SnippetFile, endpoint: str, *, stable: bool) -> str:
    """Answer the tag; ``endpoint`` is "" for the site's own host, else without a last slash."""
    name = file.name if stable else file.pinned_name
    attributes = [f'src="{escape(endpoint)}/{name}"']
    if not stable:
        attributes.append(f'integrity="{file.integrity}"')
        if endpoint:
            attributes.append('crossorigin="anonymous"')
    return f"<script async {' '.join(attributes)}></script>"


def _check_endpoint(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if endpoint and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query):
        message = f"--endpoint {endpoint!r}: an address such as https://edge.example.org"
        raise click.UsageError(message)
    return endpoint.rstrip("/")
