"""What calls that Litestar answers have in common: how a server is let in, and who is meant."""

from typing import Annotated, Any, TypeVar

from litestar import Request, Response
from litestar.params import Parameter

from edgeseg.delivery.caller import id_named
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import Headers, is_server
from edgeseg.errors import AccessError, InputError

AnyRequest = Request[Any, Any, Any]
VisitorId = Annotated[
    str,
    Parameter(
        description="Id of the visitor, 1 to 100 characters; or `user:` and the id of a person on "
        "the site; or `anonymous:` and the anonymousId of an SDK."
    ),
]
Body = TypeVar("Body")


def admit_server(request: AnyRequest, edge: Edge) -> None:
    """Let a server's request in.

    Raises:
        AccessError: it shows no server key.
        InputError: a name in its path has a slash: the path is that of another name.
    """
    limits = edge.limits
    if not is_server(request.scope, limits.server_keys, limits.write_keys):
        message = "a server key is needed: `Authorization: Bearer KEY`"
        raise AccessError(message)
    path = request.scope["raw_path"].partition(b"?")[0]  # as tests and some servers give it
    if b"%2f" in path.lower():
        message = (
            "a name with a slash does not fit into a path; name the visitor in a body, or by the "
            "id that `GET /v1/visitors` finds"
        )
        raise InputError(message, field="path")


def admit(request: AnyRequest, edge: Edge, name: str) -> str:
    """Let a server's request for a visitor in; answer the visitor's id.

    Raises:
        AccessError: it shows no server key.
        InputError: the name is not one.
    """
    admit_server(request, edge)
    return id_named(name, edge.identities)


def respond(content: Body, headers: Headers, status: int = 200) -> Response[Body]:
    """Answer with headers as the hot routes have them."""
    named = {name.decode(): value.decode("latin-1") for name, value in headers}
    return Response(content, headers=named, status_code=status)
