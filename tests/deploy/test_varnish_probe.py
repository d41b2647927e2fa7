"""What the shipped VCL asks to find out whether edgeseg is there."""

import re
from http import HTTPStatus
from pathlib import Path

from httpx import ASGITransport, AsyncClient

from edgeseg.app import create_app
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings

ROOT = Path(__file__).parents[2]


async def test_the_probe_is_answered_beside_a_management_port(tmp_path: Path) -> None:
    """Else Varnish would take a service for dead that keeps its health from the public."""
    [path] = re.findall(
        r'probe = \{\s+\.url = "(.*)";', (ROOT / "deploy/varnish/edgeseg.vcl").read_text("utf-8")
    )
    settings = Settings(
        data_dir=str(tmp_path),
        rules=str(ROOT / "rules"),
        templates=str(ROOT / "templates"),
        management_port=9_000,
    )
    app = create_app(settings, store=MemoryStore())
    transport = ASGITransport(app)  # type: ignore[arg-type]
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/healthz")).status_code == HTTPStatus.NOT_FOUND
        assert (await client.get(path)).status_code == HTTPStatus.OK
