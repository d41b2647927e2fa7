"""Flags through the OpenFeature SDKs of Python and Node, as their makers publish them."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails

from tests.e2e.faulty_server import serving
from tests.e2e.flag_rules import flag_service
from tests.e2e.service import SERVER_KEY, Service
from tests.plugins.needs import path_of

CLIENTS = Path(__file__).parents[1] / "clients"
AS_SERVER = {"Authorization": f"Bearer {SERVER_KEY}"}
GOLD = {"targetingKey": "somebody", "plan": "gold"}
Call = tuple[str, str, Any, dict[str, Any] | None]
"""Type of the flag, its key, the value in code, and the context."""
Found = dict[str, Any]
Resolve = Callable[..., list[Found]]


def _by_python(url: str, calls: list[Call], headers: dict[str, str] | None = None) -> list[Found]:
    provider = OFREPProvider(url, headers_factory=lambda: headers or {})
    api.set_provider(provider)
    client = api.get_client()
    found = []
    for kind, key, otherwise, context in calls:
        kind = {"number": "float"}.get(kind, kind)  # noqa: PLW2901 - Python tells them apart
        given = dict(context or {})
        evaluation = EvaluationContext(given.pop("targetingKey", None), given) if given else None
        if context and not given:
            evaluation = EvaluationContext(context["targetingKey"])
        resolve = getattr(client, f"get_{kind}_details")
        details: FlagEvaluationDetails[Any] = resolve(key, otherwise, evaluation)
        found.append(
            {
                "value": details.value,
                "variant": details.variant,
                "reason": str(details.reason),
                "code": details.error_code.value if details.error_code else None,
                "told": details.flag_metadata,
            }
        )
    provider.session.close()
    api.clear_providers()
    return found


def _by_node(url: str, calls: list[Call], headers: dict[str, str] | None = None) -> list[Found]:
    program = path_of("node")
    assert program is not None
    named = [
        (f"get{kind.capitalize()}Details", key, otherwise, context)
        for kind, key, otherwise, context in calls
    ]
    asked = {"baseUrl": url, "headers": list((headers or {}).items()), "calls": named}
    done = subprocess.run(
        [program, str(CLIENTS / "openfeature_node.mjs"), json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [
        {
            "value": each["value"],
            "variant": each.get("variant"),
            "reason": each["reason"],
            "code": each.get("errorCode"),
            "told": each.get("flagMetadata"),
        }
        for each in json.loads(done.stdout)
    ]


@pytest.fixture(
    params=[
        pytest.param(_by_python, id="python"),
        pytest.param(_by_node, id="node", marks=pytest.mark.needs("node", "npm-clients")),
    ]
)
def resolve(request: pytest.FixtureRequest) -> Resolve:
    """Each SDK: address, calls, headers → what was found."""
    function: Resolve = request.param
    return function


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with every kind of flag."""
    with flag_service(tmp_path_factory.mktemp("flags"), max_flag_calls=500) as running:
        yield running


def test_each_type_arrives_as_itself(resolve: Resolve, service: Service) -> None:
    """Booleans, texts and objects; whole numbers with a point stay numbers with one."""
    calls: list[Call] = [
        ("boolean", "segment/gold", False, GOLD),
        ("string", "slot/hero", "", GOLD),
        ("string", "campaign/gold-hero", "", GOLD),
        ("object", "slot/pricing", {}, GOLD),
    ]
    segment, hero, campaign, pricing = resolve(service.url, calls)
    assert (segment["value"], segment["variant"]) == (True, "in")
    assert segment["reason"] == "TARGETING_MATCH"
    assert hero["value"] == "<p>for gold</p>"
    assert hero["variant"] == "gold-hero/only"
    assert hero["told"]["campaign"] == "gold-hero"
    assert hero["told"]["degraded"] is False
    assert (campaign["value"], campaign["variant"]) == ("only", "only")
    assert pricing["value"] == {"rate": 1.0, "label": "High", "count": 3, "open": True}
    assert {each["code"] for each in (segment, hero, campaign, pricing)} == {None}


def test_what_is_not_targeted_has_a_reason_as_well(resolve: Resolve, service: Service) -> None:
    """Each reason is one that the SDK knows, each answer has a variant."""
    calls: list[Call] = [
        ("boolean", "segment/gold", True, {"targetingKey": "k"}),
        ("string", "slot/hero", "", {"targetingKey": "k"}),
        ("string", "campaign/gold-hero", "", {"targetingKey": "k"}),
    ]
    found = [
        (each["value"], each["variant"], each["reason"]) for each in resolve(service.url, calls)
    ]
    assert found == [
        (False, "out", "TARGETING_MATCH"),
        ("<p>for everyone</p>", "fallback", "STATIC"),
        ("off", "off", "STATIC"),
    ]


def test_refusals_give_the_value_in_code(resolve: Resolve, service: Service) -> None:
    """With the code that the protocol has for each."""
    calls: list[Call] = [
        ("boolean", "segment/no-such", True, GOLD),
        ("boolean", "no/such/flag at all", True, GOLD),
        ("boolean", "slot/hero", True, GOLD),
        ("boolean", "segment/gold", True, None),
        ("boolean", "segment/gold", True, {"targetingKey": "k" * 300}),
    ]
    found = resolve(service.url, calls)
    assert [each["value"] for each in found] == [True] * 5
    assert [each["code"] for each in found] == [
        "FLAG_NOT_FOUND",
        "FLAG_NOT_FOUND",
        "TYPE_MISMATCH",
        "TARGETING_KEY_MISSING",
        "INVALID_CONTEXT",
    ]


def view_shop(service: Service, visitor: str) -> httpx.Response:
    """Let a visitor, whom a server names, be in the segment of the shop."""
    view = {
        "visitor": visitor,
        "page": {"url": f"{service.url}/shop"},
        "consent": {"marketing": True},
    }
    answer = httpx.post(f"{service.url}/v1/classify", json=view, headers=AS_SERVER, timeout=20)
    assert answer.status_code == 200
    return answer


def test_a_server_names_its_visitor(resolve: Resolve, service: Service) -> None:
    """With its key it sees the visitor's segments, without it nothing."""
    view_shop(service, "crm-4711")
    calls: list[Call] = [("boolean", "segment/shoppers", False, {"targetingKey": "crm-4711"})]
    [known] = resolve(service.url, calls, AS_SERVER)
    [nobody] = resolve(service.url, calls)
    assert (known["value"], known["reason"]) == (True, "TARGETING_MATCH")
    assert (nobody["value"], nobody["reason"]) == (False, "UNKNOWN")


def test_the_metadata_tell_until_when(resolve: Resolve, service: Service) -> None:
    """As text, which SDKs hand on: the end of a window, the most there is, or nothing."""
    answer = view_shop(service, "crm-4712")
    calls: list[Call] = [
        ("boolean", "segment/shoppers", False, {"targetingKey": "crm-4712"}),
        ("string", "slot/hero", "", {"targetingKey": "crm-4712"}),
        ("boolean", "segment/nothing", False, {"targetingKey": "crm-4712"}),
    ]
    *known, missing = resolve(service.url, calls, AS_SERVER)
    assert [each["told"]["valid_until"] for each in known] == [answer.json()["valid_until"]] * 2
    assert "valid_until" not in (missing["told"] or {})
    [nobody] = resolve(service.url, calls[1:2])
    until = datetime.fromisoformat(nobody["told"]["valid_until"])
    assert until.time() == time.min
    assert timedelta(days=363) < until - datetime.now(UTC) < timedelta(days=365)


def test_an_unknown_key_is_an_error(resolve: Resolve, service: Service) -> None:
    """Not a silent visitor without rights."""
    [found] = resolve(
        service.url,
        [("boolean", "segment/gold", True, GOLD)],
        {"Authorization": "Bearer not-a-key-that-is-known"},
    )
    assert (found["value"], found["code"]) == (True, "GENERAL")


def test_a_service_that_is_away_gives_the_value_in_code(resolve: Resolve) -> None:
    """As does one whose proxy answers for it."""
    with serving(status=503) as port:
        [found] = resolve(f"http://127.0.0.1:{port}", [("boolean", "segment/gold", True, GOLD)])
    assert found["value"] is True
    assert found["code"]
