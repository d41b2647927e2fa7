"""What every face shares: the parts that the composition root has built, and the limits."""

from datetime import tzinfo

import msgspec

from edgeseg.assortment import LiveAssortment
from edgeseg.clock import Clock
from edgeseg.delivery.audit import AuditLog
from edgeseg.delivery.cookie_caller import CookieCallers
from edgeseg.delivery.flood import Floods
from edgeseg.delivery.geography import Geography
from edgeseg.delivery.identity_token import TokenReader
from edgeseg.delivery.preview_link import PreviewSigner
from edgeseg.delivery.readiness import Readiness
from edgeseg.delivery.segment_key import SegmentKeySigner
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.events.device import DeviceDetector
from edgeseg.insights.recorder import OutcomeRecorder
from edgeseg.intake import Intake
from edgeseg.profiles.changes import consents_at
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.store import ProfileStore
from edgeseg.rule_reload import LiveRules
from edgeseg.telemetry import Telemetry


class Limits(msgspec.Struct, frozen=True):
    """Bounds and policies of requests, as the settings of the same names describe them."""

    max_body_bytes: int
    max_events: int
    cookie: str
    allowed_origins: frozenset[str]
    storage_purpose: str
    respect_gpc: bool
    consent_ms: int
    cap_ms: int
    identity_property: str
    public_explain: bool
    server_keys: frozenset[str]
    write_keys: frozenset[str]
    write_key_consent: tuple[str, ...]
    max_message_bytes: int
    max_batch_bytes: int
    max_requests: int
    max_tracking_calls: int
    max_flag_calls: int
    max_flag_streams: int
    time_zone: tzinfo


class Edge(msgspec.Struct, frozen=True):
    """The parts of a running service."""

    rules: LiveRules
    store: ProfileStore
    products: LiveAssortment
    outcomes: OutcomeRecorder
    telemetry: Telemetry
    clock: Clock
    cookies: CookieSigner
    callers: CookieCallers
    identities: Identities
    tokens: TokenReader
    audit: AuditLog
    segment_keys: SegmentKeySigner
    previews: PreviewSigner
    devices: DeviceDetector
    limits: Limits
    intake: Intake
    readiness: Readiness
    floods: Floods
    geography: Geography

    def consents_of(self, profile: Profile | None, now_ms: int) -> dict[str, bool]:
        """Answer purpose → granted as stored, without grants that have expired."""
        known = profile.consents if profile else {}
        return consents_at(known, now_ms=now_ms, valid_ms=self.limits.consent_ms)
