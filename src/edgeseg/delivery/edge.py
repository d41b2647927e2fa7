"""What every face shares: the parts that the composition root has built, and the limits."""

from datetime import tzinfo
from typing import NamedTuple

from edgeseg.clock import Clock
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.events.device import DeviceDetector
from edgeseg.intake import Intake
from edgeseg.profiles.store import ProfileStore
from edgeseg.rule_reload import LiveRules
from edgeseg.telemetry import Telemetry


class Limits(NamedTuple):
    """Bounds and policies of requests, as the settings of the same names describe them."""

    max_body_bytes: int
    max_events: int
    cookie: str
    storage_purpose: str
    respect_gpc: bool
    public_explain: bool
    server_keys: frozenset[str]
    write_keys: frozenset[str]
    time_zone: tzinfo


class Edge(NamedTuple):
    """The parts of a running service."""

    rules: LiveRules
    store: ProfileStore
    telemetry: Telemetry
    clock: Clock
    cookies: CookieSigner
    devices: DeviceDetector
    limits: Limits
    intake: Intake
