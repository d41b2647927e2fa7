"""The marker that ties a test to a program on the machine."""

import pytest

pytest_plugins = ["pytester"]

MARKED = """
import pytest

@pytest.mark.needs("no-such-program-anywhere")
def test_marked():
    raise AssertionError("must not run")

@pytest.mark.needs("sh")
def test_served():
    pass
"""


@pytest.fixture
def marked_run(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory with one test whose program is missing and one whose program is there."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(MARKED)
    return pytester


def test_a_missing_program_skips_its_tests_and_says_so_once(
    marked_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away from CI a developer without the program still gets a useful run."""
    monkeypatch.delenv("CI", raising=False)
    outcome = marked_run.runpytest_inprocess("-p", "tests.plugins.needs", "-p", "no:randomly")
    outcome.assert_outcomes(passed=1, skipped=1)
    outcome.stdout.fnmatch_lines(["*missing here: no-such-program-anywhere (1)*"])


def test_in_ci_a_missing_program_fails_its_tests(
    marked_run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI that quietly tests less than it should is worse than a red one."""
    monkeypatch.setenv("CI", "true")
    outcome = marked_run.runpytest_inprocess("-p", "tests.plugins.needs", "-p", "no:randomly")
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*CI=true allows no such skip*"])
