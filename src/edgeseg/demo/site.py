"""The routes of the demo site.

No page depends on who asks (that is edgeseg's part), so all are rendered once,
at start, and served from memory.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from edgeseg.demo.assets import Asset, answer_asset, load_assets, make_asset
from edgeseg.demo.catalog import ACCOUNTS, CATEGORIES, CURRENCY, PRODUCTS

HERE: Final = Path(__file__).parent
SITE_NAME: Final = "Larkfield Bank & Goods"
REQUEST_PATH: Final = "/accounts/request"
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types edgeseg",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


def demo_routes() -> list[HTTPRouteHandler]:
    """Build the handlers of the demo site: its pages, its form and its static files."""
    assets = load_assets(HERE / "static")
    templates = _open_templates(assets)
    thanks = _render(templates, "request.html", path=REQUEST_PATH, is_sent=True)
    return [_serve_pages(_render_pages(templates)), _accept_form(thanks), _serve_static(assets)]


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
        asset=lambda name: f"/assets/{name}?v={assets[name].version}",
    )
    return templates


def _render(templates: Environment, name: str, *, path: str, **facts: object) -> Asset:
    """Render one page for one path."""
    html = templates.get_template(name).render(path=path, **facts)
    return make_asset(html.encode(), MediaType.HTML)


def _render_pages(templates: Environment) -> dict[str, Asset]:
    """Render every page; the keys are the paths of the site."""
    pages = {
        path: _render(templates, name, path=path)
        for path, name in (
            ("/", "home.html"),
            ("/accounts", "accounts.html"),
            ("/shop", "shop.html"),
            ("/cart", "cart.html"),
            ("/checkout", "checkout.html"),
            ("/about-this-demo", "about.html"),
        )
    }
    pages[REQUEST_PATH] = _render(templates, "request.html", path=REQUEST_PATH, is_sent=False)
    for account in ACCOUNTS:
        path = f"/accounts/{account.slug}"
        pages[path] = _render(templates, "account.html", path=path, account=account)
    for product in PRODUCTS:
        path = f"/shop/{product.id}"
        pages[path] = _render(templates, "product.html", path=path, product=product)
    return pages


def _serve_pages(pages: Mapping[str, Asset]) -> HTTPRouteHandler:
    """Make the handler of all pages."""

    @get(list(pages), include_in_schema=False, name="demo-pages")
    async def serve_page(request: Request[Any, Any, Any]) -> Response[bytes]:
        page = pages[request.scope["path"].rstrip("/") or "/"]
        return answer_asset(page, request, SECURITY_HEADERS)

    return serve_page


def _accept_form(thanks: Asset) -> HTTPRouteHandler:
    """Make the handler that thanks visitors whose browser runs no scripts; it keeps nothing."""

    @post(REQUEST_PATH, include_in_schema=False, name="demo-form", status_code=200)
    async def thank() -> Response[bytes]:
        return Response(thanks.body, media_type=thanks.media_type, headers=SECURITY_HEADERS)

    return thank


def _serve_static(assets: Mapping[str, Asset]) -> HTTPRouteHandler:
    """Make the handler of scripts, styles and pictures; other names have no route."""
    by_path = {f"/assets/{name}": asset for name, asset in assets.items()}

    @get(list(by_path), include_in_schema=False, name="demo-assets")
    async def serve_asset(request: Request[Any, Any, Any]) -> Response[bytes]:
        return answer_asset(by_path[request.scope["path"].rstrip("/")], request)

    return serve_asset
