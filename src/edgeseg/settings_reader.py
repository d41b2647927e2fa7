"""Reads the settings, once, from a TOML file and the environment.

Environment variables ``EDGESEG_NAME`` win over the file named by
``EDGESEG_CONFIG``; ``EDGESEG_NAME_FILE`` reads a value from a file, for secrets.
Only `app` and `cli` read them.
"""

import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from edgeseg.errors import SettingsError
from edgeseg.events.currency import read_rates
from edgeseg.kept_rules import KEPT_RULES
from edgeseg.settings import PREFIX, Settings

_CONFIG: Final = "EDGESEG_CONFIG"
_NOT_SETTINGS: Final = frozenset({_CONFIG, KEPT_RULES})
_PLAIN: Final = {", got `str`": "", "`int`": "a whole number", "`float`": "a number",
    "`bool`": "true or false", "`str`": "text"}  # fmt: skip
"""What msgspec calls a type → what it is called here."""
_DEFAULTS: Final = zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True)
_LISTS: Final = frozenset(name for name, default in _DEFAULTS if default == ())


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Args:
        environment: variables, as ``os.environ`` holds them.

    Raises:
        SettingsError: a name is unknown, a value does not fit, a file cannot be read.
    """
    values: dict[str, object] = {}
    if _CONFIG in environment:
        values |= _read_toml(Path(environment[_CONFIG]))
    for variable, text in sorted(environment.items(), key=_comes_later):
        if variable.startswith(PREFIX) and variable not in _NOT_SETTINGS:
            name, text = _name_and_text(variable, text)  # noqa: PLW2901 - the file's content
            values[name] = _split(text) if name in _LISTS else text
    try:
        settings = msgspec.convert(values, Settings, strict=False)
        _check_rates(settings)
        _ = settings.zone
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error))) from error
    except (KeyError, ValueError, OSError) as error:
        message = f"EDGESEG_TIME_ZONE: unknown time zone {values.get('time_zone')!r}; "
        message += "an IANA name is needed, such as Europe/Prague"
        raise SettingsError(message) from error
    return settings


def _check_rates(settings: Settings) -> None:
    try:
        read_rates(settings.currency_rates)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}CURRENCY_RATES: {error}") from error
    if settings.currency_rates and not settings.currency:
        message = f"{PREFIX}CURRENCY_RATES: needs {PREFIX}CURRENCY, the currency they lead to"
        raise SettingsError(message)


def _read_toml(path: Path) -> dict[str, object]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{_CONFIG}: cannot read {path}: {error}"
        raise SettingsError(message) from error
    for name in values:
        _check_name(name, f"{path}: {name}", str)
    return values


def _comes_later(variable: tuple[str, str]) -> bool:
    """Put a variable behind the one that names a file: it wins."""
    return not variable[0].endswith("_FILE")


def _name_and_text(variable: str, text: str) -> tuple[str, str]:
    name = variable.removeprefix(PREFIX).lower()
    if name.endswith("_file") and name.removesuffix("_file") in Settings.__struct_fields__:
        try:
            text = Path(text).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"{variable}: cannot read the file: {error}"
            raise SettingsError(message) from error
        if not text:  # no store or no secret would mean one of our own
            raise SettingsError(f"{variable}: the file is empty")
        return name.removesuffix("_file"), text
    _check_name(name, variable, _variable)
    return name, text


def _check_name(name: str, shown: str, written: Callable[[str], str]) -> None:
    if name in Settings.__struct_fields__:
        return
    plain = name.lower().removeprefix("edgeseg_")
    close = get_close_matches(plain, Settings.__struct_fields__, n=1)
    hint = f", did you mean {written(close[0])}?" if close else ""
    raise SettingsError(f"{shown}: unknown setting{hint}")


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _explain(text: str) -> str:
    """Turn msgspec's ``Expected ... - at `$.name``` into ``EDGESEG_NAME: expected ...``."""
    what, _at, where = text.partition(" - at `$.")
    name = where.rstrip("`").partition("[")[0]
    kind = Settings.__annotations__.get(name)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        what = f"Expected one of {', '.join(kind)}"
    for type_, plain in _PLAIN.items():
        what = what.replace(type_, plain)
    return f"{_variable(name)}: {what[0].lower()}{what[1:]}" if name else text
