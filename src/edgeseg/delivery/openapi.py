"""The OpenAPI document, and a page to read and try it that needs no other host.

Litestar describes its own handlers; the bare ASGI routes are described here.
"""

from importlib.resources import files
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import (
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
)

from edgeseg import __version__
from edgeseg.delivery.answer import Answer
from edgeseg.delivery.calls import AnyRequest
from edgeseg.delivery.classify_body import ClassifyRequest
from edgeseg.delivery.openapi_bodies import BODIES, describe_bodies
from edgeseg.delivery.openapi_flags import (
    FLAG_BODIES,
    all_flags_item,
    flag_events_item,
    flag_item,
)
from edgeseg.delivery.openapi_problems import describe_problems
from edgeseg.delivery.openapi_security import describe_security, schemes
from edgeseg.delivery.openapi_tracking import TRACKING_BODIES, tracking_items
from edgeseg.delivery.problems import ProblemDocument
from edgeseg.delivery.segment_key_route import SegmentKeyAnswer

PATH: Final = "/openapi"
_REF: Final = "#/components/schemas/{name}"


class OfflinePage(OpenAPIRenderPlugin):
    """The page at ``/openapi``: reads the document and tries calls, without any other host."""

    def __init__(self) -> None:
        """Read the page that is shipped in the package."""
        super().__init__(path="/")
        self._page = files("edgeseg.delivery").joinpath("static/openapi.html").read_bytes()

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        """Answer the page; it loads the document itself."""
        del request, openapi_schema
        return self._page


def openapi_config() -> OpenAPIConfig:
    """Answer the configuration; Litestar's own pages load from other hosts and stay off."""
    return OpenAPIConfig(
        title="edgeseg",
        version=__version__,
        description="A personalization edge component: segments and content per page view.",
        path=PATH,
        render_plugins=[OfflinePage()],
        use_handler_docstrings=True,
    )


def describe_hot_routes(app: Litestar, cookie: str) -> None:
    """Add the ASGI routes and their bodies to the application's document, and who may call.

    ``cookie`` is the name of the visitor's.
    """
    document = app.openapi_schema
    paths = document.paths if document.paths is not None else {}
    paths["/v1/classify"] = _classify()
    paths["/v1/fragment/{slot}"] = _fragment()
    paths["/v1/segment-key"] = _segment_key()
    paths["/ofrep/v1/evaluate/flags/{key}"] = flag_item()
    paths["/ofrep/v1/evaluate/flags"] = all_flags_item()
    paths["/ofrep/v1/events"] = flag_events_item()
    paths |= tracking_items()
    describe_bodies(paths)
    describe_security(paths)
    describe_problems(paths)
    document.paths = dict(sorted(paths.items()))
    own = (ClassifyRequest, Answer, SegmentKeyAnswer, ProblemDocument)
    bodies = (*own, *BODIES, *FLAG_BODIES, *TRACKING_BODIES)
    _schemas, components = msgspec.json.schema_components(bodies, ref_template=_REF)
    # Plain schemas among Litestar's own; its renderer takes both.
    document.components.schemas |= components
    document.components.security_schemes = {**schemes(cookie)}


def _classify() -> PathItem:
    return PathItem(
        post=Operation(
            operation_id="Classify",
            tags=["personalize"],
            summary="Record a page view; answer segments and slot contents",
            description=(
                "A browser is known by its signed cookie; a server names the visitor and shows "
                "its key as `Authorization: Bearer KEY`. Nothing is stored without consent."
            ),
            request_body=RequestBody(
                required=True, content={"application/json": _body("ClassifyRequest")}
            ),
            responses={
                "200": OpenAPIResponse(
                    description="What was decided", content={"application/json": _body("Answer")}
                ),
                **{
                    status: OpenAPIResponse(
                        description=text,
                        content={"application/problem+json": _body("ProblemDocument")},
                    )
                    for status, text in (
                        ("400", "Not acceptable; `field` names the member"),
                        ("401", "The key is unknown or missing"),
                        ("405", "Not a POST"),
                        ("413", "Over a limit; the detail names it"),
                    )
                },
            },
        )
    )


def _fragment() -> PathItem:
    text = Schema(type="string")  # type: ignore[arg-type]
    return PathItem(
        get=Operation(
            operation_id="Fragment",
            tags=["personalize"],
            summary="One slot as HTML, for CMS templates",
            description=(
                "Reads only; always 200: the variant, the fallback or a comment. With a segment "
                "key, a slot that varies on segments is decided from the key alone, and cacheable."
            ),
            parameters=[
                Parameter(name="slot", param_in="path", required=True, schema=text),
                Parameter(
                    name="url",
                    param_in="query",
                    schema=text,
                    description="Address of the page; default: the Referer header.",
                ),
                Parameter(
                    name="Edgeseg-Segment-Key",
                    param_in="header",
                    schema=text,
                    description="A segment key; also as the member `segment_key` of the query.",
                ),
            ],
            responses={
                "200": OpenAPIResponse(
                    description="HTML; the header `Edgeseg-Status` says what it is",
                    headers={
                        "Edgeseg-Status": OpenAPIHeader(
                            schema=text, description="Variant, fallback or comment, and why."
                        ),
                        "Edgeseg-Valid-Until": OpenAPIHeader(
                            schema=Schema(type="string", format="date-time"),  # type: ignore[arg-type]
                            description="Time alone changes nothing in it before, if known.",
                        ),
                    },
                    content={"text/html": OpenAPIMediaType(schema=text)},
                )
            },
        )
    )


def _segment_key() -> PathItem:
    text = Schema(type="string")  # type: ignore[arg-type]
    return PathItem(
        get=Operation(
            operation_id="SegmentKey",
            tags=["personalize"],
            summary="A short signed text that stands for the visitor's segments, for CDNs",
            description="Of the visitor of the cookie; reads only.",
            parameters=[
                Parameter(
                    name="url",
                    param_in="query",
                    schema=text,
                    description="Address of the page; default: the Referer header.",
                )
            ],
            responses={
                "200": OpenAPIResponse(
                    description="The key, also in the header `Edgeseg-Segment-Key`",
                    content={"application/json": _body("SegmentKeyAnswer")},
                )
            },
        )
    )


def _body(name: str) -> OpenAPIMediaType:
    return OpenAPIMediaType(schema=Reference(ref=_REF.format(name=name)))
