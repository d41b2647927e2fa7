"""Swap in a new snapshot when the rule files change, beside the requests."""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from edgeseg.decisions.snapshot import Snapshot, take_apart
from edgeseg.errors import Problem, RulesError
from edgeseg.kept_rules import KeptRules
from edgeseg.rule_folder import Fingerprint, RuleFolder, RuleTexts, without_collector
from edgeseg.telemetry import Telemetry

SWITCH_S: Final = 0.001
"""Longest that rules are built without letting a request go on. Python's own is five times it."""
SWEEP_AFTER: Final = 100
"""Rebuilds after which garbage is looked for once, with all requests waiting for it."""
MAX_POSTPONED: Final = 5
"""Looks in a row at files that change while rules are built of them, before these are taken."""
RETIRE_LOOKS: Final = 10
"""Looks at the files after which old rules are left to whoever still uses them."""
_ONLY_OURS: Final = 2
"""References to something that nobody else holds: the attribute, and the one that counts."""

_log = logging.getLogger(__name__)


class LiveRules:
    """The rules in force. A request takes `current` once and keeps it to its end.

    Attributes:
        current: the latest snapshot that had no problem.
        problems: what was wrong with the files at the last look, empty for nothing.
        loaded_at_ms: when `current` came into force.
    """

    def __init__(
        self,
        folder: RuleFolder,
        telemetry: Telemetry,
        clock: Callable[[], int],
        kept: KeptRules | None = None,
    ) -> None:
        """Load the rules; where the files are broken, those that are kept.

        Raises:
            RulesError: they have problems and none are kept; the service must not start.
        """
        self._folder = folder
        self._telemetry = telemetry
        self._clock = clock
        self._kept = kept or KeptRules()
        self._retired: list[_Retired] = []
        self._rebuilds = 0
        self._postponed = 0
        self._seen = folder.fingerprint()
        # Files that are all gone at once are being replaced, or out of reach. Without rules
        # profiles would forget what the rules ask about.
        self._has_files = False
        self.problems: tuple[Problem, ...] = ()
        self.current = self._load()
        self.loaded_at_ms = clock()
        self._tell_size()

    def refresh(self) -> bool:
        """Look at the files; swap the snapshot if they changed and are right.

        Answers whether they changed. Broken files leave the last good rules in force.
        """
        seen = self._folder.fingerprint()
        if seen == self._seen:
            return False
        self._seen = seen
        self._rebuilds += 1
        try:
            with _beside_requests(sweep=self._rebuilds % SWEEP_AFTER == 0):
                texts = self._folder.read(may_be_empty=not self._has_files)
                snapshot = self._folder.compile(texts)
        except RulesError as error:
            self._refuse(error)
            return True
        except Exception:
            self._telemetry.reloaded.set(0)  # a fault of ours is no reason for an alert to end
            raise
        if self._is_being_written(seen):
            return True
        self.problems = ()
        self._telemetry.reloaded.set(1)
        self._has_files = bool(texts.rules)
        self._keep(texts)
        if snapshot.version != self.current.version:
            self._retired.append(_Retired(self.current))
            self.current = snapshot
            self.loaded_at_ms = self._clock()
            self._tell_size()
            self._telemetry.reloads.labels("loaded").inc()
            _log.info("rules %s loaded", snapshot.version)
        return True

    def _is_being_written(self, seen: Fingerprint) -> bool:
        """Tell whether the files have changed since; then the next look takes them.

        Half of a file, or of several, may be rules as well. Profiles that followed them, for a
        moment, would forget what the others ask.
        """
        is_settled = self._folder.fingerprint() == seen
        self._postponed = 0 if is_settled else self._postponed + 1
        return 0 < self._postponed <= MAX_POSTPONED

    async def watch(self, interval_s: float) -> None:
        """Refresh for ever, off the event loop, every ``interval_s`` seconds."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await asyncio.to_thread(self.refresh)
                await self._retire()
            except Exception:  # noqa: BLE001 - the watch must outlive whatever one look meets
                _log.exception("looking for changed rules failed")

    def _load(self) -> Snapshot:
        kept = self._kept.load()
        try:
            texts = self._folder.read(may_be_empty=kept is None or not kept.rules)
            snapshot = self._folder.compile(texts)
        except RulesError as error:
            if kept is None:
                raise
            texts = kept
            snapshot = self._folder.compile(kept)
            self._refuse(error)
        else:
            self._telemetry.reloaded.set(1)
            self._keep(texts)
        self._has_files = bool(texts.rules)
        return snapshot

    def _tell_size(self) -> None:
        self._telemetry.rules.set(self.current.size)
        self._telemetry.segments.set(len(self.current.definitions.segments))

    def _refuse(self, error: RulesError) -> None:
        self.problems = error.problems
        self._telemetry.reloaded.set(0)
        self._telemetry.reloads.labels("refused").inc()
        _log.error("rules not loaded, the last good ones are in force:\n%s", error)

    def _keep(self, texts: RuleTexts) -> None:
        try:
            self._kept.keep(texts)
        except OSError as error:
            _log.warning("cannot keep the rules for workers to come: %s", error)

    async def _retire(self) -> None:
        """Free old rules piece by piece: to free them at once would hold every request up."""
        waiting, self._retired = self._retired, []
        for old in waiting:
            old.looks += 1
            if sys.getrefcount(old.snapshot) <= _ONLY_OURS:
                await asyncio.to_thread(take_apart, old.snapshot)
            elif old.looks < RETIRE_LOOKS:
                self._retired.append(old)


class _Retired:
    """Rules that are not in force any more, and how often they were found in use since."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.looks = 0


@contextmanager
def _beside_requests(*, sweep: bool) -> Iterator[None]:
    """Build rules so that requests go on: take short turns, and leave garbage alone.

    What was built is kept from the garbage collector, which would otherwise look through
    all of it, with every request waiting. So rules must not refer to themselves: they are
    freed when nobody refers to them any more. Only templates do, some 10 KB each.

    Args:
        sweep: whether to look for garbage this once, for those templates.
    """
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with without_collector():
            if sweep:
                gc.unfreeze()
                gc.collect()
            yield
            gc.freeze()
    finally:
        sys.setswitchinterval(interval_s)
