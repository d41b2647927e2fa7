"""What schemathesis makes of the OpenAPI document is answered as the document says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.service import SERVER_KEY, WRITE_KEY, Service

SEED = "20261122"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


@pytest.fixture(scope="module")
def open_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that takes whatever comes, as fast as it comes."""
    folder = tmp_path_factory.mktemp("schema") / "data"
    settings = {"budget_ms": 5_000, "visitor_rate": 0}
    with closing(Service(folder, **settings)) as running:  # type: ignore[arg-type]
        yield running.start()


def _attack(service: Service, folder: Path, *options: str) -> None:
    program = Path(sys.executable).with_name("st")
    command = [program, "run", f"{service.url}/openapi/openapi.json", "--checks", CHECKS]
    command += ["--seed", SEED, "--no-color", "--generation-database", "none", "--warnings", "off"]
    # How easily it makes up what a description allows is no concern of ours.
    command += ["--suppress-health-check", "filter_too_much,too_slow"]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert "Traceback" not in service.output()


@pytest.mark.parametrize("key", [SERVER_KEY, pytest.param(WRITE_KEY, marks=pytest.mark.long)])
def test_generated_calls_are_answered_as_described(
    open_service: Service, tmp_path: Path, key: str
) -> None:
    """Two of each kind, with a server's key, which is let in everywhere."""
    key_header = f"Authorization: Bearer {key}"
    _attack(open_service, tmp_path, "-H", key_header, "--phases=fuzzing", "--max-examples=2")


@pytest.mark.long
@pytest.mark.parametrize("key", [SERVER_KEY, WRITE_KEY, ""])
def test_every_kind_of_call_is_answered_as_described(
    open_service: Service, tmp_path: Path, key: str
) -> None:
    """Boundaries, wrong types, missing members, strange headers, sequences of calls."""
    headers = ["-H", f"Authorization: Bearer {key}"] if key else []
    phases = "--phases=coverage,fuzzing,stateful"
    _attack(open_service, tmp_path, *headers, phases, "--max-examples=25")
