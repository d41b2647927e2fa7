"""``edgeseg demo``: the service with its sample rules and a site to click through."""

import asyncio
import os
import secrets
from contextlib import ExitStack, suppress
from importlib.resources import files
from pathlib import Path

import msgspec
import rich_click as click
import uvicorn
from rich.console import Console

from edgeseg.app import create_door
from edgeseg.assembly import store_from
from edgeseg.cli.failures import FAILED, plain_errors, rules_options, settings_with
from edgeseg.cli.serve import check_ports, ends_in_order, server_options
from edgeseg.cli.stores import open_store_server
from edgeseg.demo.site import demo_routes
from edgeseg.errors import SettingsError
from edgeseg.settings import Settings


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8_800, show_default=True)
@rules_options
def demo(port: int, rules: str | None, templates: str | None) -> None:
    """Run the service with its sample rules and a site to click through.

    Edit the files under rules/ and templates/ while it runs and watch the site change.
    """
    with plain_errors(), ends_in_order(), ExitStack() as stack:
        settings = demo_settings(port, rules, templates)
        check_ports(settings)
        address = stack.enter_context(open_store_server(settings, exclusive=True))
        settings = msgspec.structs.replace(settings, redis_url=address)
        app = create_door(settings, store=store_from(settings), more_routes=demo_routes())
        config = uvicorn.Config(app, host=settings.host, port=port, **server_options(settings))
        asyncio.run(_serve_demo(uvicorn.Server(config), settings))


def demo_settings(port: int, rules: str | None, templates: str | None) -> Settings:
    """Answer the settings of the demo: the sample rules, explanations for everybody."""
    folder = os.environ.get("EDGESEG_DATA_DIR") or ".edgeseg/demo"
    settings = settings_with(
        port=port,
        rules=rules or os.environ.get("EDGESEG_RULES") or _sample("rules"),
        templates=templates or os.environ.get("EDGESEG_TEMPLATES") or _sample("templates"),
        data_dir=folder,
        public_explain=True,
    )
    return msgspec.structs.replace(
        settings,
        write_keys=settings.write_keys or (f"write-{secrets.token_urlsafe(16)}",),
        server_keys=settings.server_keys or (f"server-{secrets.token_urlsafe(16)}",),
    )


async def _serve_demo(server: uvicorn.Server, settings: Settings) -> None:
    serving = asyncio.create_task(server.serve())
    while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    if server.started:
        _welcome(settings)
    with suppress(asyncio.CancelledError):
        await serving
    if not server.started:
        raise SystemExit(FAILED)


def _welcome(settings: Settings) -> None:
    site = f"http://{settings.host}:{settings.port}"
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"""
[bold green]edgeseg is running.[/]

  The demo site     [bold]{site}/[/]
  What to try       {site}/about-this-demo
  The API, live     {site}/openapi
  Status, metrics   {site}/status  {site}/metrics

  Write key         {settings.write_keys[0]}
  Server key        {settings.server_keys[0]}

  1. Open the site and agree to marketing.
  2. Read an accounts page: you join “Prospective Account Clients”.
  3. Go back to the home page: its hero has changed.
  4. Request an account: you leave the segment, and the hero with it.
  5. Change a file under {settings.rules}/ and reload the page.

Ctrl-C stops it. Profiles are kept in {settings.data_dir}.
""")


def _sample(name: str) -> str:
    """Answer the folder of sample files: of this checkout, else of the package."""
    if Path(name).is_dir():
        return name
    packaged = files("edgeseg").joinpath("samples", name)
    if not packaged.is_dir():
        message = f"no folder `{name}` here, and none in the package; name one with --{name}"
        raise SettingsError(message)
    return str(packaged)
