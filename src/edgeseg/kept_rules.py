"""The last good rules, kept for workers that start while the rule files are broken.

The supervisor of several workers makes a place for them and checks the files before it
starts any; each worker keeps what it has loaded without a problem. Rules in a folder that
somebody is editing are thus no reason for a worker to stay away.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from edgeseg.rule_folder import RuleTexts

KEPT_RULES: Final = "EDGESEG_KEPT_RULES"
"""Environment variable by which the supervisor tells its workers the place; not a setting."""


class KeptRules:
    """One file, replaced as a whole; without a place nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        """Keep the rules at ``path``."""
        self._path = path

    def keep(self, texts: RuleTexts) -> None:
        """Remember the texts, unless they are remembered already.

        Raises:
            OSError: the place cannot be written.
        """
        if self._path is None or self.load() == texts:
            return
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        fresh.write_bytes(msgspec.msgpack.encode(texts))
        fresh.replace(self._path)

    def load(self) -> RuleTexts | None:
        """Answer the texts kept last, None where there are none."""
        if self._path is None:
            return None
        try:
            return msgspec.msgpack.decode(self._path.read_bytes(), type=RuleTexts)
        except (OSError, msgspec.MsgspecError):
            return None


def kept_rules_from(environment: Mapping[str, str]) -> KeptRules:
    """Answer the place that the supervisor has made, if there is one."""
    path = environment.get(KEPT_RULES)
    return KeptRules(Path(path) if path else None)
