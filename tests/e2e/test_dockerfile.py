"""The image's steps, performed as far as they go without a container engine.

The first stage of the Dockerfile is read and carried out in a temporary
directory: its COPY lines copy, its RUN lines run, with ``/opt`` moved. What
comes out is what the image would start.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from edgeseg import __version__
from edgeseg.settings_reader import read_settings

ROOT = Path(__file__).parents[2]
STEP_TIMEOUT_S = 600


class Step(NamedTuple):
    """One instruction of a Dockerfile."""

    word: str
    rest: str


def steps(dockerfile: str) -> Iterator[Step]:
    """Yield the instructions in order, continued lines joined, comments left out."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            yield Step(*line.split(maxsplit=1))


def stages() -> list[list[Step]]:
    """Return each stage's instructions, from its FROM on."""
    found: list[list[Step]] = []
    for step in steps((ROOT / "Dockerfile").read_text()):
        if step.word == "FROM":
            found.append([])
        found[-1].append(step)
    return found


def copied(step: Step) -> tuple[list[str], str]:
    """Return sources and destination of a COPY from the build context."""
    *sources, destination = step.rest.split()
    return sources, destination


def from_context(stage: list[Step]) -> list[Step]:
    """Return a stage's COPY instructions that read the build context."""
    return [step for step in stage if step.word == "COPY" and "--from" not in step.rest]


def perform_copy(step: Step, build: Path) -> None:
    """Copy as the builder would: a directory's contents, or files into a directory."""
    sources, destination = copied(step)
    target = build / destination
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, target)


def perform_run(step: Step, build: Path, opt: Path) -> None:
    """Run a stage-one command with this Python and with ``/opt`` moved."""
    command = re.sub(r"(?<![\w/])python(?= )", sys.executable, step.rest)
    environment = {**os.environ, "PIP_CONSTRAINT": "", "PYTHONPATH": ""}
    done = subprocess.run(
        ["sh", "-euc", command.replace("/opt/", f"{opt}/")],
        cwd=build,
        env=environment,
        capture_output=True,
        text=True,
        timeout=STEP_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{step.rest}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``/opt`` that the first stage leaves behind."""
    build = tmp_path_factory.mktemp("build")
    opt = tmp_path_factory.mktemp("opt")
    for step in stages()[0]:
        if step.word == "COPY":
            perform_copy(step, build)
        elif step.word == "RUN":
            perform_run(step, build, opt)
    return opt


def run_edgeseg(built: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the built command away from the checkout and its environment."""
    return subprocess.run(
        [str(built / "edgeseg" / "bin" / "edgeseg"), *arguments],
        cwd=built,
        env={"PATH": os.environ["PATH"], "HOME": str(built)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_built_environment_runs_the_command(built: Path) -> None:
    """An image whose entry point fails at import would only show it in production."""
    answer = run_edgeseg(built, "--version")
    assert answer.returncode == 0, answer.stderr
    assert __version__ in answer.stdout


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("command", ["serve", "healthcheck", "demo"])
def test_the_commands_that_the_image_names_exist(built: Path, command: str) -> None:
    """CMD and HEALTHCHECK name subcommands by string; renaming one must show here."""
    answer = run_edgeseg(built, command, "--help")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["rules", "templates"])
def test_the_wheel_carries_the_samples(built: Path, kind: str) -> None:
    """The demo has to run where there is no checkout."""
    (site_packages,) = (built / "edgeseg" / "lib").glob("python3*/site-packages")
    samples = site_packages / "edgeseg" / "samples" / kind
    expected = {path.relative_to(ROOT / kind) for path in (ROOT / kind).rglob("*.*")}
    assert {path.relative_to(samples) for path in samples.rglob("*.*")} == expected


def test_the_build_context_lets_every_copied_path_through() -> None:
    """What .dockerignore holds back, COPY does not find."""
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    for stage in stages():
        for step in from_context(stage):
            for source in copied(step)[0]:
                assert any(fnmatch(source, pattern) for pattern in allowed), source


def test_the_settings_of_the_image_are_known_ones() -> None:
    """An unknown setting stops the service at start, so a misspelt one stops every container."""
    environment = dict(
        assignment.split("=", 1)
        for step in stages()[-1]
        if step.word == "ENV"
        for assignment in step.rest.split()
    )
    settings = read_settings(environment)
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)


def test_the_image_does_not_run_as_root() -> None:
    """The last USER before the entry point is a number that is not root's."""
    users = [step.rest for step in stages()[-1] if step.word == "USER"]
    assert users
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
