"""Settings: environment variables, `PAYSWITCH_PORT=8000`, else the settings file of the data directory.

A start reports all problems at once. A name that is not known is one of them: a setting that was mistyped
must not be without effect.
"""

import hashlib
import os
import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from adapters import registry
from ledger.roles import Login, Passwords, user_of
from ledger.writer import QUEUE_BYTES_MAX
from schemas.rules import SWITCH, Scheme
from switch.base import letterhead, settings_file
from switch.base.networks import Network
from switch.base.plausibility import Bands
from switch.base.tokens import TokenReference
from switch.names.payee import MATCHING, PayeeMatching

_SOCKET_PATH_MAX: Final = 107
_PREFIX: Final = "PAYSWITCH_"
OTHER_VARIABLES: Final = frozenset(
    f"{_PREFIX}{name}"
    for name in ("CATALOGUE", "CODE", "LIFELINE", "PASSWORD", "PLACE", "STARTED_BY", "TRACEBACK", "XSD")
)
"""Variables with the prefix that are no settings: of commands, and between a supervisor and its processes."""

ADDRESS_OR_EMPTY: Final = r"^([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)?$"
"""An e-mail address in its plain form, or nothing."""
CaseKindName = Literal["unknown", "break", "contradiction", "default", "exception", "screening", "watch"]
NoticeRole = Literal["operator", "checker"]


def _is_logo(file: Path) -> Path:
    letterhead.read_logo(file)
    return file


_Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")
]
_IN_JSON: Final = frozenset({"tuple_type", "dict_type", "frozen_set_type"})


class _OfEnvironment(EnvSettingsSource):
    """Variables of the environment. A name that is no setting becomes a field, which is then forbidden."""

    def __call__(self) -> dict[str, Any]:
        return {**super().__call__(), **dict.fromkeys(self._unknown())}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Leave a text that is not JSON to the validation, which reports it with all other faults."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value

    def _unknown(self) -> list[str]:
        known = self.settings_cls.model_fields
        stated = {
            variable: variable.upper().removeprefix(_PREFIX).lower()
            for variable in sorted(os.environ)
            if variable.upper().startswith(_PREFIX) and variable.upper() not in OTHER_VARIABLES
        }
        return [
            settings_file.no_setting(variable, name, known)
            for variable, name in stated.items()
            if name not in known
        ]


class _OfFile(PydanticBaseSettingsSource):
    """The settings file of the data directory that the other sources state; a fault becomes a field too."""

    def __call__(self) -> dict[str, Any]:
        file = Path(self.current_state.get("data", "data")) / settings_file.NAME
        try:
            return settings_file.read(file, self.settings_cls.model_fields)
        except settings_file.InvalidSettingsFile as error:
            return dict.fromkeys(str(error).splitlines())

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # all fields are read at once


class Settings(BaseSettings):
    """All settings of an installation. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    data: Path = Path("data")
    """Directory of all durable files except the database: sandbox keys, rail books, sockets, logs."""
    database: str = ""
    """PostgreSQL URL; empty means the embedded server in `data`/postgres. Its user owns the schema; for a
    process that runs alone, it is the process's own user."""
    database_writer: str = ""
    """URLs of the processes' own users. Empty: the user `payswitch_writer` at `database`, if its password is
    in `data`/keys/database, and otherwise the user of `database`, who takes the role of that name."""
    database_api: str = ""
    database_pages: str = ""
    database_caretaker: str = ""
    database_messenger: str = ""
    database_reader: str = ""
    synchronous_standby: bool = False
    """The database has a synchronous standby: nothing is accepted while commits do not wait for one."""
    replica: str = ""
    """PostgreSQL URL of a replica, from which reports of past periods are read; empty: from the primary."""
    replica_lag_max_s: float = Field(default=60.0, gt=0)
    """A replica that is further behind is not read from."""
    host: str = "127.0.0.1"
    port: int = Field(default=8320, ge=0, le=65535)
    workers: int = Field(default=2, ge=1, le=64)
    """API worker processes."""
    sandbox: bool = False
    """Simulated rails, simulated participants, bearer keys. Never use it with real money."""
    rails: tuple[str, ...] = Field(default_factory=lambda: tuple(registry.countries()))
    """Countries whose rails are connected: by default those that have an adapter."""
    time_scale: float = Field(default=1.0, gt=0, le=10)
    """Factor of every rail time-out; tests and demonstrations make it small."""
    sandbox_latency_s: float = Field(default=0.05, ge=0)
    """Time that a simulated rail takes for an ordinary payment."""
    webhook_networks: tuple[Network, ...] | None = None
    """Networks beside the public internet to which webhooks are delivered: `["10.20.0.0/16"]`. By default
    none; a sandbox that listens on a loopback address delivers to this machine as well."""
    openid_networks: tuple[Network, ...] | None = None
    """Networks beside the public internet in which identity providers are called: `["10.30.0.0/24"]`. By
    default none; a sandbox that listens on a loopback address calls this machine as well."""
    report_networks: tuple[Network, ...] | None = None
    """Networks beside the public internet to which reports are delivered: `["10.40.0.0/24"]`. By default
    none; a sandbox that listens on a loopback address delivers to this machine as well."""
    authority: str = Field(default="", pattern=r"^((\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?)?$")
    """The host[:port] that signatures must cover. Only in a sandbox it may be empty: then the Host header of
    each request, and a signature is valid whatever host it names."""
    security_contact: str = Field(default="", pattern=r"^((mailto:|https://|tel:)[!-~]+)?$")
    """Where to report a vulnerability, in `/.well-known/security.txt`: `mailto:security@example.org`."""
    security_expires: AwareDatetime | None = None
    """Until when that contact is good, at most a year ahead; it is published only with this."""
    security_policy: str = Field(default="", pattern=r"^(https://[!-~]+)?$")
    """The address of the operator's disclosure policy."""
    body_limit: int = Field(default=256 * 1024, ge=1024)
    payment_file_limit: int = Field(default=64 * 1024 * 1024, ge=64 * 1024, le=1024 * 1024 * 1024)
    """Largest size of a file of payments, in bytes."""
    payment_file_s: float = Field(default=24 * 3600.0, ge=60, le=6 * 86_400)
    """How long a file of payments is worked on; what was not sent of it by then is rejected."""
    keep_payment_files_days: int = Field(default=35, ge=1, le=3660)
    """How long the content of a file of payments that has ended is kept, for its pain.002."""
    screening_hold_s: float = Field(default=24 * 3600.0, gt=0, le=30 * 86_400)
    """How long a payment waits for people that screening holds, unless it states an earlier deadline; then it
    is refused."""
    screening_engine_networks: tuple[Network, ...] | None = None
    """Networks beside the public internet in which an outside screening engine is asked: `["10.50.0.0/24"]`.
    By default none; a sandbox that listens on a loopback address asks this machine as well."""
    screening_engine_ca: Path | None = None
    """Certificate authorities of that engine (PEM), instead of those of this machine."""
    screening_engine_token_file: Path | None = None
    """The file of the bearer token that the engine asks for; none: it asks for none."""
    monitor_url: str = Field(default="", pattern="^(https?://[!-~]{1,490})?$")
    """Tazama's Transaction Monitoring Service, which the caretaker sends payments to:
    `https://tms.bank.example`; empty: none."""
    monitor_networks: tuple[Network, ...] | None = None
    """Networks beside the public internet in which the monitor may be, as `screening_engine_networks`."""
    monitor_ca: Path | None = None
    """Certificate authorities of the monitor (PEM), instead of those of this machine."""
    monitor_token_file: Path | None = None
    """The file of the bearer token that the monitor asks for; read for each message."""
    scheme: Scheme = SWITCH
    """Rules for messages beyond their schema: `{"unknown_codes": "refuse", "characters": "latin"}`."""
    corridor_schemes: dict[str, Scheme] = {}
    """Rules for a single corridor, in their place: `{"IN-PK": {"addresses": "structured"}}`."""
    payee_matching: PayeeMatching = MATCHING
    """How alike names must be in acmt.023: `{"near_words": 1, "tell_close": false}`."""
    corridor_payee_matching: dict[str, PayeeMatching] = {}
    """The same for a single corridor, in its place: `{"IN-PK": {"near_up_to": 0.5}}`."""
    rate_band_percent: Decimal = Field(default=Decimal(10), gt=0, le=100)
    """Factor by which a rate may depart from the one in force, up or down, without a third confirmation."""
    rate_band_percents: dict[str, Decimal] = {}
    """The same for one direction, instead: `{"INR-PKR": 5}`."""
    rate_band_period_s: float = Field(default=86_400.0, ge=0, le=31_536_000)
    """How far back a rate is compared with earlier ones: small steps must not leave the band; 0: off."""
    size_band_factor: Decimal = Field(default=Decimal(10), gt=1, le=1_000_000)
    """Factor of caps, limits, fees and movements of funds: `10` allows from a tenth to tenfold."""
    recall_answer_within_days: float = Field(default=15.0, gt=0, le=365)
    """How long a payee's bank has to answer a recall; then it ends without an answer (NOAS)."""
    investigation_answer_within_days: float = Field(default=5.0, gt=0, le=365)
    """How long a bank has to answer an investigation, if its asker gives it no less; then people do."""
    payment_expiry_s: float = Field(default=60.0, gt=0)
    """Time from acceptance to the expiry, after which a rail must not execute the payment."""
    quote_valid_s: float = Field(default=120.0, gt=0, le=3600)
    """How long a firm quote can be used."""
    rail_quote_valid_s: float = Field(default=60.0, ge=0, le=600)
    """How long the price in the answer to a look-up of a rail is firm; 0: it is only a forecast."""
    creation_age_max_s: float = Field(default=86_400.0, gt=0)
    """Largest age of a payment message by its creation time (`CreDtTm`)."""
    acceptance_age_max_s: float = Field(default=3600.0, gt=0)
    """Largest age of the debtor's order by its acceptance time (`AccptncDtTm`)."""
    return_within_days: float = Field(default=30.0, gt=0, le=3660)
    """How long after its credit a participant may return a payment (pacs.004). The writer and API
    workers need the same value."""
    clock_ahead_max_s: float = Field(default=300.0, ge=0)
    """How far in the future a time stated by a sender may be, by our clock."""
    bic: str = Field(default="", pattern="^([A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?)?$")
    """The BIC of the switch, if it has one: messages may name it as their receiver."""
    unique_ids: frozenset[Literal["message_id", "transaction_id", "instruction_id"]] = frozenset(
        {"message_id", "transaction_id"}
    )
    """Ids that a sender may use once only: `["message_id", "transaction_id", "instruction_id"]`."""
    unique_ids_days: int = Field(default=35, ge=1, le=3660)
    """How long used ids are stored: a month, and the days in which its last files are sent again."""
    look_alikes: Literal["off", "refuse", "alert"] = "refuse"
    """The action for a payment with the same accounts, amount, EndToEndId and remittance information as a
    recent one of its sender; `alert` executes it, and adds the note `LOOK_ALIKE` to its history."""
    look_alike_window_s: float = Field(default=600.0, gt=0, le=7 * 86_400)
    """How recent the other payment must be."""
    wait_max_s: float = Field(default=30.0, gt=0)
    """Largest value of `Prefer: wait` and `?wait=`."""
    rail_in_flight_max: int = Field(default=2000, ge=1)
    """Largest number of payments of one worker at one rail; more are refused before money is reserved."""
    accepting_max: int = Field(default=256, ge=1)
    """Largest number of messages that one API worker accepts at once; it measures how many it can."""
    accepting_wait_s: float = Field(default=1.0, gt=0, le=10)
    """How long messages of one participant may wait for their turn; beyond that, they are refused (503)."""
    writer_queue_max: int = Field(default=20_000, ge=1)
    writer_queue_bytes_max: int = Field(default=QUEUE_BYTES_MAX, ge=1024)
    """Largest number and bytes of commands that wait for the writer; more are refused."""
    writer: tuple[str, ...] = ()
    """Addresses of the writer and its standbys: `["tcp+tls://writer-1.example:8330", ...]`. Empty: the socket
    in `data`, on this machine."""
    writer_listen: tuple[str, ...] = ()
    """Where a writer listens for other machines, beside its local socket: `["tcp+tls://0.0.0.0:8330"]`."""
    writer_tls_certificate: Path | None = None
    writer_tls_key: Path | None = None
    writer_tls_ca: Path | None = None
    """This process's own certificate (PEM, with its chain) and key, and the authorities of the other side."""
    writer_peers: dict[str, tuple[str, ...]] = {}
    """Names in certificates of clients, and the kinds of process that each may be:
    `{"spiffe://switch.example/api": ["api", "pages"], "*.caretaker.example": ["caretaker"]}`."""
    writer_users: dict[str, tuple[str, ...]] = {}
    """The same for users of this machine who use the local socket: `{"payswitch-api": ["api", "pages"]}`.
    Empty: the writer's own user may be any of them."""
    writer_token: str = ""
    """What this process proves its kind with on the local socket; `payswitch up` gives each its own."""
    writer_tokens: dict[str, tuple[str, ...]] = {}
    """For the writer: SHA-256 of each token in hex, and the kinds of process that may state it. With it, only
    they are heard on the local socket."""
    pages_port: int = Field(default=0, ge=0, le=65535)
    """The port at `host` for pages and people's API, for a proxy that sends their paths there. With 0, only
    the API workers of this machine pass requests of people on."""
    drain_s: float = Field(default=0.0, ge=0, le=600)
    """How long an API worker goes on after SIGTERM while `/readyz` reports that it drains, so that a load
    balancer sends it no more."""
    health: str = ""
    """`host:port` where writer, caretaker and messenger respond to `/livez`, `/readyz` and `/metrics`."""
    rate_pay: float = Field(default=5000.0, ge=0)
    """Requests per second of one participant, over all workers, by class; 0 means no limit."""
    rate_enquire: float = Field(default=2000.0, ge=0)
    rate_report: float = Field(default=20.0, ge=0)
    rate_change: float = Field(default=100.0, ge=0)
    lookups_per_day: int = Field(default=20_000, ge=0)
    """Account look-ups (acmt.023) of one participant in a day, and at one bank; 0 means no limit."""
    lookups_of_bank_per_day: int = Field(default=10_000, ge=0)
    rate_failure: float = Field(default=100.0, ge=0)
    """Responses 401 per second to one client address, over all workers; 0 means no limit."""
    rate_callback_failure: float = Field(default=10.0, ge=0)
    """Callbacks per second that no rail signed, of one client address, over all workers; 0 means no limit."""
    rate_public: float = Field(default=20.0, ge=0)
    """Requests per second of one client address for checkpoints and their proofs; 0 means no limit."""
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies whose `X-Forwarded-For` states the address of the client: `["10.20.0.5/32"]`."""
    rate_sign_in: float = Field(default=10.0, ge=0)
    """Attempts per second to sign in from one client address, over all workers; 0 means no limit."""
    metrics_token: str = ""
    """Bearer token that `/metrics` asks for; empty: the one in `DATA/keys/metrics.token`."""
    log_origin: str = "payswitch.example/ledger"
    """Name of the event log in checkpoints; it must never change."""
    checkpoint_key_pkcs11: TokenReference | None = None
    """The key of checkpoints in a PKCS#11 token, instead of a file: `{"module": "/usr/lib/hsm.so", "token":
    "payswitch", "label": "checkpoints", "pin_file": "hsm-pin"}`; paths are relative to `data`."""
    checkpoint_key_environment: str | None = None
    """The variable of the environment that holds the key of checkpoints (Ed25519, PEM), instead of a file."""
    report_key_pkcs11: TokenReference | None = None
    """The key of reports in a PKCS#11 token, instead of a file, as `checkpoint_key_pkcs11`."""
    report_key_environment: str | None = None
    """The variable of the environment that holds the key of reports (Ed25519, PEM), instead of a file."""
    witness_quorum: int = Field(default=1, ge=1)
    """Witnesses that must have cosigned a checkpoint; with fewer, operators are alerted."""
    checkpoint_every_s: float = Field(default=60.0, gt=0)
    invariants_every_s: float = Field(default=15.0, gt=0)
    """Interval of the invariant checks; a failed invariant freezes the books."""
    invariants_events_max: int = Field(default=200_000, ge=1)
    """Largest number of events per check; after a long stop several checks catch up."""
    case_deadlines_h: dict[CaseKindName, Annotated[float, Field(gt=0, le=8760)]] = {}
    """Hours within which a case should be closed, by kind, instead of the usual ones: `{"unknown": 1}`."""
    case_take_within_s: float = Field(default=900.0, ge=0, le=604_800)
    """When the next role is told of a case that nobody has taken; 0: never."""
    case_questions_per_hour: int = Field(default=6, ge=0, le=60)
    """How often people may have a rail asked about one case in an hour."""
    notice_after_s: float = Field(default=30.0, ge=0, le=3600)
    """How long a notice of a new case waits: nobody is told of one that has ended by then."""
    notice_every_s: float = Field(default=60.0, ge=0, le=86_400)
    """The shortest time between two messages to one recipient: what comes meanwhile is in the next one."""
    notice_emails: dict[NoticeRole, Annotated[str, Field(pattern=ADDRESS_OR_EMPTY)]] = {}
    """Addresses of whole roles, beside those of people: `{"operator": "payments-duty@bank.example"}`."""
    notice_webhooks: dict[NoticeRole, Annotated[str, Field(pattern="^https?://[!-~]{1,490}$")]] = {}
    """URLs of whole roles, such as of a pager: `{"operator": "https://pager.example/in"}`."""
    notice_networks: tuple[Network, ...] | None = None
    """Networks beside the public internet to which notices are posted, as `webhook_networks`."""
    smtp_host: str = ""
    """The mail server that notices are handed to, over TLS only; empty: no e-mail is sent."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls"] = "starttls"
    """`tls` is for servers that begin with TLS, mostly on port 465."""
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    """The user and the file of the password, if the mail server asks for them."""
    smtp_ca: Path | None = None
    """Certificate authorities of the mail server (PEM), instead of those of this machine."""
    smtp_sender: str = Field(default="", pattern=ADDRESS_OR_EMPTY)
    """The address that e-mails are from: `payswitch@bank.example`."""
    backups: Path | None = None
    """Directory of backups; if set, the embedded server archives its write-ahead log there."""
    keep_deliveries_days: int = Field(default=14, ge=4, le=36_500)
    """How long webhook deliveries are stored; the last attempt is after three days. Events stay readable."""
    keep_probes_days: int = Field(default=400, ge=30, le=36_500)
    """How long results of probes are stored, for availability reports: a year and a month."""
    keep_reports_days: int = Field(default=400, ge=30, le=36_500)
    """How long finished reports and their files are stored. They can be recreated as of the same event."""
    letterhead_name: _Line = ""
    """The operator's name in the head of reports on paper: `Central Payments Operator`."""
    letterhead_address: Annotated[tuple[_Line, ...], Field(max_length=5)] = ()
    """The operator's address below it, line by line: `["1 Bank Street", "Almaty"]`."""
    letterhead_logo: Annotated[Path, AfterValidator(_is_logo)] | None = None
    """The operator's logo beside it: a PNG or SVG file of at most 200,000 bytes."""
    otlp_endpoint: str = ""
    """Endpoint of OpenTelemetry spans, OTLP over HTTP: `http://collector:4318`; empty: off."""
    otlp_ratio: float = Field(default=1.0, ge=0, le=1)
    """The share of requests whose spans are exported."""
    profile: frozenset[Literal["stages", "samples"]] = frozenset()
    """For benchmarks: `["stages", "samples"]` counts the CPU of API workers by stage of a payment, and takes
    stack samples of every process, in `data`/run/profile."""
    failpoints: str = ""
    """`name:kill` kills the process at that point; only for fault tests."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `_OfEnvironment` is in its place
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is no such file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments of the command line, then the environment, then the settings file."""
        return init_settings, _OfEnvironment(settings_cls), _OfFile(settings_cls)

    def scheme_of(self, debtor_country: str, creditor_country: str) -> Scheme:
        """The rules for messages of this corridor."""
        if not self.corridor_schemes:
            return self.scheme
        return self.corridor_schemes.get(f"{debtor_country}-{creditor_country}", self.scheme)

    def payee_matching_of(self, debtor_country: str, creditor_country: str) -> PayeeMatching:
        """How names of payees are compared in this corridor."""
        return self.corridor_payee_matching.get(f"{debtor_country}-{creditor_country}", self.payee_matching)

    @property
    def return_within(self) -> timedelta:
        """How long after its credit a participant may return a payment."""
        return timedelta(days=self.return_within_days)

    @property
    def bands(self) -> Bands:
        """The bands within which changes need no third confirmation."""
        return Bands(
            self.rate_band_percent,
            self.rate_band_percents,
            timedelta(seconds=self.rate_band_period_s),
            self.size_band_factor,
        )

    def database_of(self, login: Login) -> str:
        """The URL with which a process logs in; empty if the embedded server is not known yet."""
        own = {
            Login.WRITER: self.database_writer,
            Login.API: self.database_api,
            Login.PAGES: self.database_pages,
            Login.CARETAKER: self.database_caretaker,
            Login.MESSENGER: self.database_messenger,
            Login.READER: self.database_reader,
        }
        if stated := own.get(login, ""):
            return stated
        others = login is Login.OWNER and user_of(self.database) != login
        if self.database and self.passwords.has(login) and not others:
            return self.passwords.url(self.database, login)
        return self.database

    @property
    def replica_url(self) -> str:
        """The URL of the replica, as the user who reads, if its password is known here."""
        if self.passwords.has(Login.READER):
            return self.passwords.url(self.replica, Login.READER)
        return self.replica

    @property
    def passwords(self) -> Passwords:
        """The passwords of the database's users."""
        return Passwords(self.data / "keys" / "database")

    @property
    def writer_socket(self) -> Path:
        """The socket of the writer, for API workers and the caretaker; its path must be short."""
        return self._socket("writer")

    @property
    def pages_socket(self) -> Path:
        """The socket of the pages, for API workers of this machine."""
        return self._socket("pages")

    def _socket(self, name: str) -> Path:
        path = self.data / "run" / f"{name}.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"payswitch-{digest}" / f"{name}.sock"

    @property
    def high_water_file(self) -> Path:
        """How far the log has reached, as the writer of this machine knows: see `ledger.high_water`."""
        return self.data / "restore" / "high-water"

    @property
    def restored_file(self) -> Path:
        """A restore that the writer has not taken note of: `payswitch restore` writes it."""
        return self.data / "restore" / "restored.json"

    @property
    def published_file(self) -> Path:
        """The last checkpoint that was published, also if the database is restored to before it."""
        return self.data / "audit" / "published.txt"

    @property
    def archive_directory(self) -> Path:
        """The directory of detached history."""
        return self.data / "archive"

    @property
    def personal_data_keys(self) -> Path:
        """The file with the encryption keys of personal data, and nothing else."""
        return self.data / "keys" / "personal-data.json"

    @property
    def metrics_directory(self) -> Path:
        """The directory of the metrics of all processes."""
        return self.data / "run" / "metrics"

    @property
    def metrics_token_file(self) -> Path:
        """The token of `/metrics`, made at the first start; a scraper reads it from there."""
        return self.data / "keys" / "metrics.token"

    @property
    def webhook_key(self) -> Path:
        """The first signing key of webhooks; later keys are in the same directory."""
        return self.data / "keys" / "webhooks.pem"

    @property
    def answer_key(self) -> Path:
        """The key that signs answers for callers who ask; public keys beside it are published, too."""
        return self.data / "keys" / "answers.pem"

    @property
    def profile_directory(self) -> Path:
        """The counts of the setting `profile`, a file for each process."""
        return self.data / "run" / "profile"

    @property
    def rails_directory(self) -> Path:
        """The directory with one JSON file per rail: its address and our credentials."""
        return self.data / "rails"

    @property
    def operator_token_file(self) -> Path:
        """What commands of this machine prove to the writer of `payswitch up`; readable by its user only."""
        return self.data / "run" / "operator.token"

    @property
    def sandbox_mark(self) -> Path:
        """Exists while a sandbox is running: only then are its simulated people accepted on this machine."""
        return self.data / "run" / "sandbox"

    @property
    def running_file(self) -> Path:
        """Describes the running switch for commands: JSON with `host`, `port` and `rails`."""
        return self.data / "run" / "running.json"

    @property
    def failing_file(self) -> Path:
        """Names processes that the supervisor restarts again and again: a JSON object of reasons."""
        return self.data / "run" / "failing.json"

    @property
    def credentials_file(self) -> Path:
        """Keys of the simulated participants."""
        return self.data / "sandbox" / "credentials.json"


def faults(error: ValidationError) -> list[str]:
    """Everything that is wrong with the settings, a line each, without their values."""
    return [_fault(problem) for problem in error.errors(include_url=False, include_input=False)]


def _fault(problem: Any) -> str:
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
        return str(problem["loc"][0])  # a fault of a name, as the source states it
    remedy = "; write it in JSON" if problem["type"] in _IN_JSON else ""
    return f"{_PREFIX}{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}{remedy}"
