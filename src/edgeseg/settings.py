"""Settings: frozen and typed, with their defaults and bounds. `settings_reader` reads them."""

from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from edgeseg.events.admission import Policy
from edgeseg.log_format import LogFormat

PREFIX: Final = "EDGESEG_"
SECRET: Final = frozenset(
    {"secret", "redis_url", "server_keys", "write_keys", "id_key", "identity_keys"}
)
"""Settings whose values are never shown."""

Port = Annotated[int, Meta(ge=0, le=65_535)]
Key = Annotated[str, Meta(min_length=16, max_length=200)]
LongKey = Annotated[str, Meta(min_length=32, max_length=200)]
"""As long as RFC 7518, section 3.2, asks of keys for HS256."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator can set; the defaults suit one small site."""

    redis_url: str = ""
    """Where profiles are kept: ``redis://``, ``rediss://``, ``unix://``,
    ``redis+sentinel://`` or ``redis+cluster://``; unset: the embedded server."""
    data_dir: str = ".edgeseg"
    """Folder of the embedded server's data and of the generated secret."""
    key_prefix: Annotated[str, Meta(min_length=1, max_length=50)] = "edgeseg:"
    """Beginning of every key in the store."""
    rules: str = "rules"
    """Folder of the rule files."""
    templates: str = "templates"
    """Folder of the variant templates."""
    catalogue: str = ""
    """File of the products to recommend: .csv, .jsonl or .json; unset: ``catalogue`` with one of
    these endings in the folder of the rule files, else what ``PUT /v1/catalogue`` sent."""
    products_s: Annotated[float, Meta(ge=0, le=300)] = 5.0
    """How often counts of products are written and read, and the catalogue is looked at,
    seconds; 0 for never."""
    max_catalogue_bytes: Annotated[int, Meta(ge=1_024, le=64_000_000)] = 16_000_000
    """Size of a catalogue that ``PUT /v1/catalogue`` sends."""
    secret: tuple[Key, ...] = ()
    """Keys that sign visitor cookies, preview links and segment keys, comma-separated, at least
    16 characters each: the first signs, all verify. Unset: one is made and kept in the data
    folder."""
    server_keys: tuple[Key, ...] = ()
    """Keys of servers, comma-separated; they may name a visitor and ask for explanations."""
    write_keys: tuple[Key, ...] = ()
    """Keys of browsers, comma-separated; they may do what a browser without a key may."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of other sites whose pages may call, comma-separated, each exact."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies whose ``X-Forwarded-For`` is believed."""
    geo_db: str = ""
    """File in MaxMind's DB format that tells places of networks; needs ``edgeseg[geo]``."""
    geo_country_header: str = ""
    """Header by which a trusted proxy tells the country, such as ``CF-IPCountry``."""
    geo_region_header: str = ""
    """The same of the region."""
    geo_city_header: str = ""
    """The same of the city."""
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all."""
    port: Port = 8080
    """Port to listen on."""
    management_port: Port = 0
    """Port of health and metrics, which are then not on the service's own; 0 for the same."""
    log_format: LogFormat = LogFormat.TEXT
    """``text`` for people, ``json`` for machines, one object a line."""
    traces: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Share of the requests of hot routes that are traced; 0 for none."""
    drain_s: Annotated[float, Meta(ge=0, le=300)] = 0.0
    """How long after SIGTERM requests are still answered while ``/readyz`` says no, seconds."""
    hot_protocol: bool = True
    """Whether page views skip the layers of the web framework and most of the HTTP server's;
    false for the plain way, which answers the same."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Worker processes."""
    budget_ms: Annotated[int, Meta(ge=10, le=10_000)] = 100
    """Time that a page view may take, milliseconds; the store gets half of it."""
    cache_mb: Annotated[int, Meta(ge=0, le=4_096)] = 32
    """Memory of each worker for copies of profiles, megabytes; 0 for none."""
    stale_s: Annotated[float, Meta(ge=0, le=3_600)] = 30.0
    """How old a copy may be that stands in for a store that does not answer, seconds."""
    storage_purpose: str = ""
    """Consent purpose that allows storing a profile; unset: any granted purpose."""
    respect_gpc: bool = True
    """Whether ``Sec-GPC: 1`` means that nothing is stored."""
    time_zone: str = "UTC"
    """Zone of the site, for hours, weekdays and dates without a zone."""
    cookie: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,50}$")] = "edgeseg"
    """Name of the visitor cookie."""
    retention_days: Annotated[int, Meta(ge=1, le=3_660)] = 396
    """A profile is removed after this many days without an event."""
    retention_cap_days: Annotated[int, Meta(ge=1, le=3_660)] = 396
    """A profile is removed this many days after it was first stored, active or not."""
    outcome_days: Annotated[int, Meta(ge=1, le=3_660)] = 400
    """What campaigns brought is kept, as counts, for this many days."""
    consent_days: Annotated[int, Meta(ge=0, le=3_660)] = 396
    """How long a given consent is good, then it counts as never given; 0 for ever."""
    id_key: Annotated[str, Meta(max_length=200)] = ""
    """Key that turns people's ids and addresses, and visitors of replayed logs, into visitor
    ids and index entries; it must never change. Unset: the last key of ``secret``."""
    identity_keys: tuple[LongKey, ...] = ()
    """Keys that sign identity tokens, shared with the site's login; unset: none is accepted."""
    identity_property: Annotated[str, Meta(max_length=100)] = "email"
    """Property of form_submitted with an e-mail address that the visitor is then found by."""
    url_parameters: tuple[str, ...] = ()
    """Query parameters that addresses in events keep, besides the five utm_ ones."""
    audit_log: str = ""
    """File for the audit log; unset: the service's own log."""
    journal_events: Annotated[int, Meta(ge=0, le=1_000)] = 50
    """Events kept per visitor so that rules added later see the past."""
    max_body_bytes: Annotated[int, Meta(ge=1_024, le=10_000_000)] = 65_536
    """Size of a request's body."""
    max_events: Annotated[int, Meta(ge=20, le=1_000)] = 20
    """Events in one request; the snippet sends up to 20."""
    max_message_bytes: Annotated[int, Meta(ge=1_024, le=1_000_000)] = 32_768
    """Size of one message of the tracking protocol."""
    max_batch_bytes: Annotated[int, Meta(ge=1_024, le=10_000_000)] = 512_000
    """Size of a call of the tracking protocol, unpacked."""
    max_requests: Annotated[int, Meta(ge=1, le=100_000)] = 500
    """Page views under way in one worker; over it they are told to come again. Also the
    fragments that wait for the store; over it they are answered without the profile."""
    visitor_rate: Annotated[float, Meta(ge=0, le=1_000_000)] = 50.0
    """Page views a second that one worker takes of one visitor; 0 for no bound."""
    network_rate: Annotated[float, Meta(ge=0, le=1_000_000)] = 500.0
    """Calls a second that one worker takes of one /24 or /48 network; 0 for no bound. Those
    of servers and fragments are not counted."""
    client_timeout_s: Annotated[float, Meta(gt=0, le=3_600)] = 10.0
    """How long a client may take to send a request or to read an answer, seconds."""
    max_list_bytes: Annotated[int, Meta(ge=1_024, le=1_000_000_000)] = 100_000_000
    """Size of a list that is put over HTTP."""
    lists: str = ""
    """Folder whose files ``NAME.csv`` and ``NAME.txt`` are lists, and whose files
    ``NAME.source.yaml`` tell where to read them; unset: there is none."""
    lists_private: bool = False
    """Whether lists may be fetched from addresses that are not public."""
    lists_s: Annotated[float, Meta(ge=0, le=86_400)] = 600.0
    """How often lists are looked at for changed files and members whose profile is new, seconds;
    0 for never."""
    max_tracking_calls: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Calls of the tracking protocol that a worker answers at the same time; over that it
    asks clients to come back."""
    write_key_consent: tuple[str, ...] = ()
    """Consent purposes that count as granted for messages of the tracking protocol that say
    nothing of consent; set it where SDKs are loaded only after consent is given."""
    currency: Annotated[str, Meta(pattern="^([A-Z]{3})?$")] = ""
    """Reporting currency, such as ``EUR``: amounts of events are converted to it on the way in;
    unset: they are left as they are."""
    currency_rates: tuple[str, ...] = ()
    """What one unit of other currencies is worth in it, comma-separated, such as ``USD=0.92``."""
    unknown_events: Policy = Policy.ACCEPT
    """What becomes of an event that the rules' ``events`` do not declare: ``accept``, ``drop``
    or ``refuse``. Where they declare none, every event is accepted."""
    unknown_properties: Policy = Policy.ACCEPT
    """The same of a property that the event's declaration does not list."""
    unknown_fields: Policy = Policy.REFUSE
    """The same of an attribute that the rules' ``fields`` do not declare; browsers may set
    no such attribute in any case."""
    max_flag_calls: Annotated[int, Meta(ge=1, le=100_000)] = 500
    """Calls of flag clients under way in one worker; over it they are told to come again."""
    max_flag_streams: Annotated[int, Meta(ge=0, le=100_000)] = 500
    """Flag clients that one worker tells of changes; over it they have to poll."""
    public_explain: bool = False
    """Whether a browser may ask for explanations; they show the rules. For demos."""
    reload_s: Annotated[float, Meta(ge=0, le=3_600)] = 1.0
    """How often the rule files are looked at for changes, seconds; 0 for never."""

    def __repr__(self) -> str:
        """Show every setting but the secret ones."""
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in self.shown().items())})"

    def shown(self) -> dict[str, object]:
        """Answer name → value, with secrets masked."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name: "***" if name in SECRET and value else value for name, value in values.items()
        }

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)
