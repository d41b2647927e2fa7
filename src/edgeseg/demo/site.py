"""The routes of the demo site.

No page depends on who asks (that is edgeseg's part), so all are rendered once, at start,
and served from memory. Browsers without scripts get pages that the site's server puts
together with fragments, as a CMS would: see `plain`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler

from edgeseg.demo.assets import Asset, answer_asset, load_assets, make_asset
from edgeseg.demo.catalog import ACCOUNTS, CATEGORIES, CURRENCY, PRODUCTS
from edgeseg.demo.forms import form_routes
from edgeseg.demo.page_list import PageFacts, list_pages
from edgeseg.demo.personas import PERSONAS
from edgeseg.demo.plain import PLAIN, PlainPages

HERE: Final = Path(__file__).parent
SITE_NAME: Final = "Larkfield Bank & Goods"
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types edgeseg",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


def demo_routes() -> list[HTTPRouteHandler]:
    """Build the handlers of the demo site: its pages, its forms and its static files."""
    assets = load_assets(HERE / "static")
    templates = _open_templates(assets)
    pages = list_pages()
    plain = PlainPages(templates, pages, SECURITY_HEADERS)
    return [
        _serve_pages(templates, pages, plain),
        *form_routes(plain),
        _serve_static(assets),
        _serve_lost(templates),
    ]


def _open_templates(assets: Mapping[str, Asset]) -> Environment:
    """Open the folder of pages; ``asset(name)`` gives the versioned address of a file."""
    templates = Environment(
        loader=FileSystemLoader(HERE / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(
        site_name=SITE_NAME,
        accounts=ACCOUNTS,
        products=PRODUCTS,
        categories=CATEGORIES,
        currency=CURRENCY,
        personas=PERSONAS,
        asset=lambda name: f"/assets/{name}?v={assets[name].version}",
        # What a server that asks edgeseg itself fills in; nothing where the snippet does it.
        plain=None,
        fragments={},
    )
    return templates


def _serve_pages(
    templates: Environment, pages: Mapping[str, PageFacts], plain: PlainPages
) -> HTTPRouteHandler:
    """Make the handler of all pages."""
    rendered = {
        path: make_asset(page.render(templates).encode(), MediaType.HTML)
        for path, page in pages.items()
    }

    @get(list(rendered), include_in_schema=False, name="demo-pages")
    async def serve_page(request: Request[Any, Any, Any]) -> Response[Any]:
        path = request.scope["path"].rstrip("/") or "/"
        if PLAIN in request.query_params:
            return await plain.answer(request, path)
        return answer_asset(rendered[path], request, SECURITY_HEADERS)

    return serve_page


def _serve_lost(templates: Environment) -> HTTPRouteHandler:
    """Make the handler of addresses where the site has no page; those of the API stay its own."""
    page = PageFacts(path="", template="lost.html").render(templates)
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}

    @get(
        ["/{name:str}", "/accounts/{name:str}", "/shop/{name:str}"],
        include_in_schema=False,
        name="demo-lost",
        status_code=404,
    )
    async def serve_lost() -> Response[str]:
        return Response(page, status_code=404, media_type=MediaType.HTML, headers=headers)

    return serve_lost


def _serve_static(assets: Mapping[str, Asset]) -> HTTPRouteHandler:
    """Make the handler of scripts, styles and pictures; other names have no route."""
    by_path = {f"/assets/{name}": asset for name, asset in assets.items()}

    @get(list(by_path), include_in_schema=False, name="demo-assets")
    async def serve_asset(request: Request[Any, Any, Any]) -> Response[bytes]:
        return answer_asset(by_path[request.scope["path"].rstrip("/")], request)

    return serve_asset
