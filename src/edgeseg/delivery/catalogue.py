"""``/v1/catalogue``: the products to recommend, from the shop's own server."""

from typing import Final

import msgspec
from litestar import Response, get, put
from litestar.handlers import HTTPRouteHandler

from edgeseg.delivery.calls import AnyRequest, admit_server
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import UNCACHED
from edgeseg.errors import InputError, TooLargeError

_NAMES: Final = {
    "text/csv": "catalogue.csv",
    "application/x-ndjson": "catalogue.jsonl",
    "application/jsonl": "catalogue.jsonl",
    "application/json": "catalogue.json",
}
"""Content type → the name of a file of that kind."""


class RowProblem(msgspec.Struct, frozen=True):
    """A row that was left out."""

    line: int
    message: str
    suggestion: str = ""


class CatalogueAnswer(msgspec.Struct, frozen=True):
    """The catalogue in force; ``source`` is the file that it comes from, "" for this call."""

    version: str
    products: int
    problems: list[RowProblem]
    source: str = ""


def catalogue_routes(edge: Edge, max_bytes: int) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""

    @get("/v1/catalogue", summary="The catalogue in force")
    async def show_catalogue(request: AnyRequest) -> Response[CatalogueAnswer]:
        admit_server(request, edge)
        return Response(_answer(edge), headers=UNCACHED)

    @put("/v1/catalogue", summary="Replace the catalogue", request_max_body_size=max_bytes)
    async def replace_catalogue(request: AnyRequest) -> Response[CatalogueAnswer]:
        admit_server(request, edge)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _NAMES:
            message = f"expected one of {', '.join(_NAMES)}"
            raise InputError(message, field="content-type")
        body = await request.body()
        if len(body) > max_bytes:
            message = f"at most {max_bytes:,} bytes, a setting: EDGESEG_MAX_CATALOGUE_BYTES"
            raise TooLargeError(message, field="body")
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"no UTF-8: {error}", field="body") from error
        await edge.products.replace(text, _NAMES[kind])
        return Response(_answer(edge), headers=UNCACHED)

    return [show_catalogue, replace_catalogue]


def _answer(edge: Edge) -> CatalogueAnswer:
    products = edge.products
    return CatalogueAnswer(
        version=products.catalogue.version,
        products=len(products.catalogue.products),
        problems=[
            RowProblem(each.line, each.message, each.suggestion) for each in products.problems
        ],
        source=str(products.file.path) if products.file else "",
    )
