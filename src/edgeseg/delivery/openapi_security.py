"""Who may make which call, as the OpenAPI document describes it: by a key, or by the cookie.

Litestar knows nothing of it: handlers look for themselves who calls.
"""

from collections.abc import Mapping
from typing import Final

from litestar.openapi.spec import Operation, PathItem, SecurityRequirement, SecurityScheme

from edgeseg.delivery.tracking import PATHS as TRACKED

_SERVER: Final[SecurityRequirement] = {"serverKey": []}
_WRITER: Final[SecurityRequirement] = {"writeKey": []}
_KEY_AS_USER: Final[SecurityRequirement] = {"keyAsUser": []}
_SERVER_BY_NAME: Final[SecurityRequirement] = {"serverKeyHeader": []}
_COOKIE: Final[SecurityRequirement] = {"visitorCookie": []}
_ANYBODY: Final[SecurityRequirement] = {}
_BROWSER: Final = (_ANYBODY, _COOKIE)
"""Who has no cookie is somebody new."""
_TELLING: Final = frozenset({"/v1/me", "/v1/me/export"})
"""Without the cookie there is nobody to tell of."""
_BELOW: Final[Mapping[str, tuple[SecurityRequirement, ...]]] = {
    "/v1/classify": (*_BROWSER, _SERVER),
    "/v1/fragment/": _BROWSER,
    "/v1/segment-key": _BROWSER,
    "/v1/consent": _BROWSER,
    "/v1/me": _BROWSER,
    "/v1/visitors": (_SERVER,),
    "/v1/lists": (_SERVER,),
    "/v1/campaigns": (_SERVER,),
    "/v1/catalogue": (_SERVER,),
    "/ofrep/v1/evaluate/": (*_BROWSER, _SERVER, _SERVER_BY_NAME),
}
"""Beginning of a path → who may call, any one of them; nothing of it where nobody is asked."""
_TRACKING: Final = (_WRITER, _SERVER, _KEY_AS_USER)


def schemes(cookie: str) -> dict[str, SecurityScheme]:
    """Answer what a caller may show; ``cookie`` is the name of the visitor's."""
    return {
        "serverKey": SecurityScheme(
            type="http",
            scheme="bearer",
            description="One of EDGESEG_SERVER_KEYS: the secret key of another server.",
        ),
        "serverKeyHeader": SecurityScheme(
            type="apiKey",
            name="X-API-Key",
            security_scheme_in="header",
            description="One of EDGESEG_SERVER_KEYS, as clients of OpenFeature may show it.",
        ),
        "writeKey": SecurityScheme(
            type="http",
            scheme="bearer",
            description="One of EDGESEG_WRITE_KEYS: public, and reads nothing back. Tracking "
            "calls take a key as `writeKey` in the body, too, without any header.",
        ),
        "keyAsUser": SecurityScheme(
            type="http",
            scheme="basic",
            description="One of EDGESEG_WRITE_KEYS or EDGESEG_SERVER_KEYS as the user name; the "
            "password is not looked at.",
        ),
        "visitorCookie": SecurityScheme(
            type="apiKey",
            name=cookie,
            security_scheme_in="cookie",
            description="Signed: the visitor's id and consents, as edgeseg has set it.",
        ),
    }


def describe_security(paths: Mapping[str, PathItem]) -> None:
    """Let each call that looks at who makes it tell what it looks for."""
    for path, item in paths.items():
        if path in _TELLING and item.get is not None:
            item.get.security = [_COOKIE]
        for operation in (item.get, item.post, item.put, item.delete):
            if operation is not None and operation.security is None and (known := _known(path)):
                operation.security = [*known]


def is_for_browsers(operation: Operation) -> bool:
    """Tell whether pages of the site make the call, with the visitor's cookie."""
    return _COOKIE in (operation.security or ())


def _known(path: str) -> tuple[SecurityRequirement, ...]:
    if path in TRACKED:
        return _TRACKING
    found = (callers for beginning, callers in _BELOW.items() if path.startswith(beginning))
    return next(found, ())
