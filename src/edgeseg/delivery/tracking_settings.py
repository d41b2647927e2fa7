"""What Segment's browser SDK asks besides sending events: its settings, and its own metrics.

With ``AnalyticsBrowser.load({writeKey, cdnURL: "https://this.service"})`` the SDK gets its
settings here and from them learns to send events here; without that it would call home.
"""

from typing import Annotated, Final

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from edgeseg.delivery.calls import AnyRequest
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import header, is_among, is_encrypted
from edgeseg.errors import NotFoundError

_HOUR: Final = {"Cache-Control": "private, max-age=3600"}


class Destination(msgspec.Struct, frozen=True, rename="camel"):
    """Where the SDK sends events, without the protocol in front of the host."""

    api_key: str
    api_host: str
    protocol: str


class Sampling(msgspec.Struct, frozen=True, rename="camel"):
    """How many of its own metrics the SDK sends: none."""

    sample_rate: int = 0


class SdkSettings(msgspec.Struct, frozen=True, rename="camel"):
    """Body of the answer, in the members that the SDK reads."""

    integrations: dict[str, Destination]
    metrics: Sampling = Sampling()
    plan: dict[str, object] = {}
    enabled_middleware: dict[str, object] = {}


def tracking_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""

    @get(
        "/v1/projects/{write_key:str}/settings",
        sync_to_thread=False,
        summary="Settings of Segment's browser SDK",
    )
    def sdk_settings(
        request: AnyRequest,
        write_key: Annotated[str, Parameter(description="One of EDGESEG_WRITE_KEYS.")],
    ) -> Response[SdkSettings]:
        """Tell the SDK to send events to the address by which it asks."""
        if not is_among(write_key, edge.limits.write_keys):
            message = "this is none of EDGESEG_WRITE_KEYS"
            raise NotFoundError(message, field="write_key")
        scope = request.scope
        protocol = "https" if is_encrypted(scope) else "http"
        destination = Destination(write_key, f"{header(scope, b'host')}/v1", protocol)
        return Response(SdkSettings({"Segment.io": destination}), headers=_HOUR)

    @post("/v1/m", status_code=200, sync_to_thread=False, summary="Metrics of the SDK itself")
    def sdk_metrics() -> dict[str, bool]:
        """Say thanks and look at nothing: the SDK's own figures serve its maker only."""
        return {"success": True}

    return [sdk_settings, sdk_metrics]
