"""Whatever a client of the tracking protocol sends, nothing breaks."""

import gzip
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.app import create_app
from edgeseg.delivery.tracking import PATHS
from edgeseg.events.tracking_message import KINDS, Message
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings

KEY: Final = "server-key-of-the-tests"
MEMBERS: Final = [field.encode_name for field in msgspec.structs.fields(Message)]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["2026-11-22T09:30:00Z", "Order Completed", "$consent", "http://[", "\x00"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
contexts = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("page", "campaign", "traits", "consent", "identityToken", "ip"), values
    ),
) | st.just({"consent": {"marketing": True}})
messages = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={name: values for name in MEMBERS if name not in {"type", "context"}}
    | {"context": contexts | values, "anonymousId": st.text(max_size=5) | values},
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service over the memory store."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    (folder / "all.yaml").write_text("segments:\n  - {id: everyone, when: {all: []}}\n", "utf-8")
    chosen = Settings(
        rules=str(folder),
        templates=str(folder),
        secret=("secret-of-the-tests",),
        server_keys=(KEY,),
        write_key_consent=("marketing",),
        reload_s=0,
    )
    return create_app(chosen, store=MemoryStore())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batch=st.lists(messages | values, max_size=6),
    path=st.sampled_from(sorted(PATHS)),
    pack=st.booleans(),
)
async def test_any_json_gets_an_answer(
    app: Any, batch: list[Any], path: str, *, pack: bool
) -> None:
    """Never an error of the service's own, whatever the shapes."""
    single = {**batch[0], "writeKey": KEY} if batch and isinstance(batch[0], dict) else batch
    sent = {"batch": batch, "writeKey": KEY} if PATHS[path] == "batch" else single
    body = msgspec.json.encode(sent)
    transport = httpx.ASGITransport(app=app)

    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.post(path, content=gzip.compress(body) if pack else body)

    assert answer.status_code in {200, 400, 401, 413}
    assert "success" in answer.json() or answer.json()["code"]
