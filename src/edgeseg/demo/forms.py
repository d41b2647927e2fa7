"""What the site's forms do: consent, request an account, fill a cart, be someone else.

They are for browsers without scripts, but for the last one, which all browsers send.
"""

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from edgeseg.demo.catalog import PRODUCTS
from edgeseg.demo.page_list import REQUEST_PATH
from edgeseg.demo.personas import PERSONAS, Persona, describe
from edgeseg.demo.plain import PLAIN, PlainPages
from edgeseg.demo.service import Answered, Service

AnyRequest = Request[Any, Any, Any]
CONSENT_PATH: Final = "/demo/consent"
PERSONA_PATH: Final = "/demo/persona"
CART_PATH: Final = "/demo/cart"
_PRODUCTS: Final = {product.id: product for product in PRODUCTS}
_MAX_FIELDS: Final = 10


def form_routes(plain: PlainPages) -> list[HTTPRouteHandler]:
    """Build the handlers."""

    @post(REQUEST_PATH, include_in_schema=False, name="demo-form", status_code=200)
    async def request_account(request: AnyRequest) -> Response[str]:
        """Thank; what was typed is not read, the event alone counts."""
        return await plain.thank(request)

    @post(CONSENT_PATH, include_in_schema=False, name="demo-consent", status_code=303)
    async def decide(request: AnyRequest) -> Response[str]:
        fields = await _read_form(request)
        answered = await Service(request).consent(marketing=fields.get("marketing") == "yes")
        return _go_home(fields, answered)

    @post(CART_PATH, include_in_schema=False, name="demo-cart", status_code=303)
    async def add(request: AnyRequest) -> Response[str]:
        product = _PRODUCTS.get((await _read_form(request)).get("product", ""))
        if product is None:
            return Response("no such product", status_code=404, media_type="text/plain")
        added = {"event": "product_added", "properties": {**describe(product), "quantity": 1}}
        answered = await Service(request).classify(events=[added], view=False)
        return _go_to(f"/cart?{PLAIN}", answered)

    @post(PERSONA_PATH, include_in_schema=False, name="demo-persona", status_code=303)
    async def become(request: AnyRequest) -> Response[str]:
        fields = await _read_form(request)
        persona = PERSONAS.get(fields.get("persona", ""))
        if persona is None:
            return Response("no such persona", status_code=404, media_type="text/plain")
        return _go_home(fields, await _start_life(request, persona))

    return [request_account, decide, add, become]


async def _start_life(request: AnyRequest, persona: Persona) -> Answered:
    """Tell the service of the persona's past, as a visitor that it has not met."""
    service = Service(request, as_visitor=False)
    past = persona.events(datetime.now(UTC))
    return await service.classify(events=past, consent={"marketing": True}, view=False)


def _go_home(fields: dict[str, str], answered: Answered) -> Response[str]:
    return _go_to(f"/?{PLAIN}" if PLAIN in fields else "/", answered)


def _go_to(address: str, answered: Answered) -> Response[str]:
    headers = {"Location": address, "Cache-Control": "no-store", **answered.cookie}
    return Response("", status_code=303, headers=headers)


async def _read_form(request: AnyRequest) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:  # more fields than any form of ours has
        return {}
    return {name: values[0] for name, values in fields.items()}
