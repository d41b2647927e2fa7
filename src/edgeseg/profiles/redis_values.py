"""The stored values of visitors: where they are, what they say, and what is done with damaged ones.

Keys, both in the slot of the visitor (``{prefix}`` is the constructor's)::

    {prefix}p:{VISITOR}            the profile, see `codec`
    {prefix}quarantine:{VISITOR}   a corrupt value that was there before
"""

from edgeseg.errors import ProfileCorrupt, StoreError
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.compaction import Reading, read_profile
from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.redis_erasure import is_wrong_type
from edgeseg.profiles.redis_upkeep import Upkeep
from edgeseg.profiles.router import Router


class RedisValues:
    """Reads the values; one that is no profile is moved out of the way, behind the request.

    Attributes:
        prefix: how the key of every profile begins.
    """

    def __init__(self, router: Router, upkeep: Upkeep, prefix: str) -> None:
        """Send commands over ``router``; ``upkeep`` moves what is corrupt."""
        self._router = router
        self._upkeep = upkeep
        self.prefix = f"{prefix}p:{{"
        self._quarantine_prefix = f"{prefix}quarantine:{{"

    def key(self, visitor_id: str) -> str:
        """Answer the key of a profile."""
        return f"{self.prefix}{visitor_id}}}"

    def quarantine_key(self, visitor_id: str) -> str:
        """Answer where a corrupt value of the visitor goes."""
        return f"{self._quarantine_prefix}{visitor_id}}}"

    async def execute(self, visitor_id: str, *commands: Command) -> list[Reply]:
        """Send commands on the visitor's profile.

        Raises:
            ProfileCorrupt: its key holds no string.
            StoreError: as `Router.execute` does.
        """
        try:
            return await self._router.execute(self.key(visitor_id), *commands)
        except StoreError as error:
            self.heed(visitor_id, error)
            raise

    def heed(self, visitor_id: str, error: StoreError) -> None:
        """Put aside what is no string, if ``error`` says so.

        Raises:
            ProfileCorrupt: it does.
        """
        if is_wrong_type(error):
            self.put_aside(visitor_id, b"")
            raise ProfileCorrupt("the key of the profile holds no string") from error

    def parse(self, visitor_id: str, value: bytes | None) -> StoredProfile | None:
        """Take a value apart, None for none.

        Raises:
            ProfileCorrupt: it is not a profile.
            ProfileTooNew: a newer version wrote it.
        """
        if value is None:
            return None
        try:
            return codec.parse_value(value)
        except ProfileCorrupt:
            self.put_aside(visitor_id, value)
            raise

    def read(self, visitor_id: str, stored: StoredProfile, plan: MetricPlan) -> Reading:
        """Fold what is stored by ``plan``.

        Raises:
            ProfileCorrupt: a part of it does not decode.
        """
        try:
            return read_profile(stored, plan)
        except ProfileCorrupt:
            self.put_aside(visitor_id, stored.header or stored.tail)
            raise

    def put_aside(self, visitor_id: str, value: bytes) -> None:
        """Move a corrupt value out of the way, told by its beginning; b"" for no string."""
        self._upkeep.quarantine(self.key(visitor_id), self.quarantine_key(visitor_id), value)
