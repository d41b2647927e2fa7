"""Settings come from the environment and a file, are checked, and keep their secrets."""

from pathlib import Path

import pytest

from edgeseg.errors import SettingsError
from edgeseg.settings import Settings
from edgeseg.settings_reader import read_settings

SECRET = "not-for-other-eyes-1"


def test_without_anything_set_the_defaults_hold() -> None:
    """An empty environment is a working one."""
    settings = read_settings({})
    assert settings == Settings()
    assert str(settings.zone) == "UTC"


def test_every_setting_says_what_it_is() -> None:
    """Each setting is described where it is declared."""
    source = Path(__file__).parents[2] / "src" / "edgeseg" / "settings.py"
    lines = [line.strip() for line in source.read_text("utf-8").splitlines()]
    for name in Settings.__struct_fields__:
        declared = next(at for at, line in enumerate(lines) if line.startswith(f"{name}:"))
        assert lines[declared + 1].startswith('"""'), name


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("EDGESEG_PORT", "9000", "port", 9_000),
        ("EDGESEG_RELOAD_S", "0.5", "reload_s", 0.5),
        ("EDGESEG_RESPECT_GPC", "false", "respect_gpc", False),
        ("EDGESEG_RESPECT_GPC", "0", "respect_gpc", False),
        ("EDGESEG_PUBLIC_EXPLAIN", "true", "public_explain", True),
        ("EDGESEG_TIME_ZONE", "Europe/Prague", "time_zone", "Europe/Prague"),
        ("EDGESEG_SERVER_KEYS", f"{SECRET}, {SECRET}2,", "server_keys", (SECRET, f"{SECRET}2")),
        ("EDGESEG_ALLOWED_ORIGINS", "", "allowed_origins", ()),
    ],
)
def test_the_environment_sets(variable: str, text: str, name: str, value: object) -> None:
    """Texts are taken as the setting's own type; lists are separated by commas."""
    assert getattr(read_settings({variable: text, "HOME": "/"}), name) == value


def test_a_file_sets_and_the_environment_wins(tmp_path: Path) -> None:
    """The TOML file gives values of its own types; a variable of the same name goes first."""
    file = tmp_path / "edgeseg.toml"
    file.write_text(f'port = 9000\nworkers = 3\nsecret = ["{SECRET}"]\nreload_s = 2.5\n', "utf-8")
    settings = read_settings({"EDGESEG_CONFIG": str(file), "EDGESEG_PORT": "9001"})
    assert (settings.port, settings.workers, settings.reload_s) == (9_001, 3, 2.5)
    assert settings.secret == (SECRET,)


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """The name with _FILE names a file, whose last line end does not count; one without wins."""
    file = tmp_path / "keys"
    file.write_text(f"{SECRET},{SECRET}2\n", "utf-8")
    assert read_settings({"EDGESEG_SECRET_FILE": str(file)}).secret == (SECRET, f"{SECRET}2")
    both = {"EDGESEG_SECRET": SECRET, "EDGESEG_SECRET_FILE": str(file)}
    assert read_settings(both).secret == (SECRET,)
    assert read_settings(dict(reversed(both.items()))).secret == (SECRET,)


@pytest.mark.parametrize(
    ("variable", "text", "says"),
    [
        ("EDGESEG_PROT", "1", "EDGESEG_PROT: unknown setting, did you mean EDGESEG_PORT?"),
        ("EDGESEG_BUDGET", "1", "did you mean EDGESEG_BUDGET_MS?"),
        ("EDGESEG_XYZZY", "1", "EDGESEG_XYZZY: unknown setting"),
        ("EDGESEG_XYZZY_FILE", "/x", "EDGESEG_XYZZY_FILE: unknown setting"),
        ("EDGESEG_PORT", "x", "EDGESEG_PORT: expected a whole number"),
        ("EDGESEG_PORT", "65536", "EDGESEG_PORT: expected a whole number <= 65535"),
        ("EDGESEG_STALE_S", "long", "EDGESEG_STALE_S: expected a number"),
        ("EDGESEG_LOG_FORMAT", "xml", "EDGESEG_LOG_FORMAT: expected one of text, json"),
        ("EDGESEG_UNKNOWN_EVENTS", "no", "expected one of accept, drop, refuse"),
        ("EDGESEG_WORKERS", "0", "EDGESEG_WORKERS"),
        ("EDGESEG_MAX_EVENTS", "19", "EDGESEG_MAX_EVENTS"),  # the snippet sends as many as 20
        ("EDGESEG_BUDGET_MS", "nan", "EDGESEG_BUDGET_MS"),
        ("EDGESEG_RELOAD_S", "nan", "EDGESEG_RELOAD_S"),
        ("EDGESEG_RESPECT_GPC", "maybe", "EDGESEG_RESPECT_GPC: expected true or false"),
        ("EDGESEG_COOKIE", "a b", "EDGESEG_COOKIE"),
        ("EDGESEG_SECRET", "short", "EDGESEG_SECRET: expected text of length >= 16"),
        ("EDGESEG_SECRET_FILE", "/no/such/file", "EDGESEG_SECRET_FILE: cannot read the file"),
        ("EDGESEG_REDIS_URL_FILE", "/dev/null", "EDGESEG_REDIS_URL_FILE: the file is empty"),
        ("EDGESEG_HOST", "", "EDGESEG_HOST: expected"),
        ("EDGESEG_TIME_ZONE", "Europe/Nowhere", "EDGESEG_TIME_ZONE: unknown time zone"),
        ("EDGESEG_TIME_ZONE", "../../etc/passwd", "EDGESEG_TIME_ZONE: unknown time zone"),
        ("EDGESEG_TIME_ZONE", "Europe", "an IANA name is needed, such as Europe/Prague"),
        ("EDGESEG_CONFIG", "/no/such/file", "EDGESEG_CONFIG: cannot read /no/such/file"),
    ],
)
def test_what_does_not_fit_is_named(variable: str, text: str, says: str) -> None:
    """An unknown name or a value out of bounds is an error that names the variable."""
    with pytest.raises(SettingsError) as caught:
        read_settings({variable: text})
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prot = 1", "edgeseg.toml: prot: unknown setting, did you mean port?"),
        ("EDGESEG_PORT = 1", "edgeseg.toml: EDGESEG_PORT: unknown setting, did you mean port?"),
        ("port = 'x'", "EDGESEG_PORT: expected a whole number"),
        ("port = ", "EDGESEG_CONFIG: cannot read"),
        ("[server]\nport = 1", "unknown setting"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """The file is held to the same names and bounds."""
    file = tmp_path / "edgeseg.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_settings({"EDGESEG_CONFIG": str(file)})
    assert says in str(caught.value)


def test_secrets_are_never_shown() -> None:
    """Neither the text of the settings nor what doctor lists holds a secret."""
    settings = read_settings(
        {
            "EDGESEG_SECRET": SECRET,
            "EDGESEG_SERVER_KEYS": SECRET,
            "EDGESEG_WRITE_KEYS": SECRET,
            "EDGESEG_REDIS_URL": f"redis://:{SECRET}@localhost/",
        }
    )
    for text in (repr(settings), str(settings), f"{settings}", str(settings.shown())):
        assert SECRET not in text
        assert "***" in text
    assert "secret=()" in repr(Settings())


def test_a_refused_secret_is_not_in_the_message() -> None:
    """An error about a secret names the setting, not the value."""
    with pytest.raises(SettingsError) as caught:
        read_settings({"EDGESEG_SECRET": "tooshort"})
    assert "tooshort" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"EDGESEG_CURRENCY": "EUR", "EDGESEG_CURRENCY_RATES": "USD"}, "such as USD=0.92"),
        ({"EDGESEG_CURRENCY_RATES": "USD=0.92"}, "needs EDGESEG_CURRENCY"),
        ({"EDGESEG_CURRENCY": "euro"}, "EDGESEG_CURRENCY"),
    ],
)
def test_currencies_that_lead_nowhere_are_refused(variables: dict[str, str], problem: str) -> None:
    """A rate has a form, and a currency that it leads to."""
    with pytest.raises(SettingsError, match=problem):
        read_settings(variables)
