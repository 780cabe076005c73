"""Settings, from the environment: `PAYSWITCH_PORT=8000`. All problems are told at once, at the start."""

import hashlib
import os
import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters import registry
from ledger.writer import QUEUE_BYTES_MAX
from schemas.rules import SWITCH, Scheme
from switch.base.plausibility import Bands

_SOCKET_PATH_MAX: Final = 107


class Settings(BaseSettings):
    """Everything that differs between installations. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="PAYSWITCH_", frozen=True, extra="ignore")

    data: Path = Path("data")
    """Directory of everything durable but the database: sandbox keys, rail books, sockets, logs."""
    database: str = ""
    """PostgreSQL URL; empty means the embedded server in `data`/postgres."""
    host: str = "127.0.0.1"
    port: int = Field(default=8320, ge=0, le=65535)
    workers: int = Field(default=2, ge=1, le=64)
    """API worker processes."""
    sandbox: bool = False
    """Simulated rails, made-up participants, bearer keys. Never with real money."""
    rails: tuple[str, ...] = Field(default_factory=lambda: tuple(registry.countries()))
    """Countries whose rails are connected: by default those that have an adapter."""
    time_scale: float = Field(default=1.0, gt=0, le=10)
    """Multiplies every rail time-out; tests and demos make it small."""
    sandbox_latency_s: float = Field(default=0.05, ge=0)
    """How long a simulated rail takes over an ordinary payment."""
    authority: str = ""
    """The host[:port] that signatures must name; empty takes each request's own Host header."""
    body_limit: int = Field(default=256 * 1024, ge=1024)
    scheme: Scheme = SWITCH
    """What messages must keep beyond their schema: `{"unknown_codes": "refuse", "characters": "latin"}`."""
    corridor_schemes: dict[str, Scheme] = {}
    """The same for one corridor, instead: `{"IN-PK": {"addresses": "structured"}}`."""
    rate_band_percent: Decimal = Field(default=Decimal(10), gt=0, le=100)
    """How far an exchange rate may depart from what is in force, either way, without a third confirmation."""
    rate_band_percents: dict[str, Decimal] = {}
    """The same for one direction, instead: `{"INR-PKR": 5}`."""
    rate_band_period_s: float = Field(default=86_400.0, ge=0, le=31_536_000)
    """How far back a rate is compared too, so that no steps within the band walk out of it; 0: not at all."""
    size_band_factor: Decimal = Field(default=Decimal(10), gt=1, le=1_000_000)
    """The same of caps, limits, fees and movements of funds: `10` lets a tenth and tenfold pass."""
    payment_expiry_s: float = Field(default=60.0, gt=0)
    """From acceptance to the instant after which a rail must not act on the payment."""
    creation_age_max_s: float = Field(default=86_400.0, gt=0)
    """How long ago a payment's message may have been created (`CreDtTm`)."""
    acceptance_age_max_s: float = Field(default=3600.0, gt=0)
    """How long ago the debtor's order may have been accepted (`AccptncDtTm`)."""
    clock_ahead_max_s: float = Field(default=300.0, ge=0)
    """How far ahead of our clock the times that a sender states may be."""
    bic: str = Field(default="", pattern="^([A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?)?$")
    """The switch's own BIC, where it has one: messages may name it as their receiver."""
    unique_ids: frozenset[Literal["message_id", "transaction_id", "instruction_id"]] = frozenset(
        {"message_id", "transaction_id"}
    )
    """Ids that a sender may use once only: `["message_id", "transaction_id", "instruction_id"]`."""
    unique_ids_days: int = Field(default=35, ge=1, le=3660)
    """How long they are remembered: a month, and the days in which its last files are sent again."""
    look_alikes: Literal["off", "refuse", "alert"] = "refuse"
    """What is done about a payment whose accounts, amount, EndToEndId and remittance are those of one that
    its sender made a moment ago; `alert` makes it, and notes `LOOK_ALIKE` in its journey."""
    look_alike_window_s: float = Field(default=600.0, gt=0, le=7 * 86_400)
    """How long ago that is."""
    wait_max_s: float = Field(default=30.0, gt=0)
    """Longest `Prefer: wait` and `?wait=`."""
    rail_in_flight_max: int = Field(default=2000, ge=1)
    """Payments one worker may have at one rail; more are turned away before money is held."""
    writer_queue_max: int = Field(default=20_000, ge=1)
    writer_queue_bytes_max: int = Field(default=QUEUE_BYTES_MAX, ge=1024)
    """Commands that wait for the writer: how many, and how many bytes; more are turned away."""
    rate_pay: float = Field(default=5000.0, ge=0)
    """Requests a second that one participant may send, over all workers, by class; 0 is no limit."""
    rate_enquire: float = Field(default=2000.0, ge=0)
    rate_report: float = Field(default=20.0, ge=0)
    rate_change: float = Field(default=100.0, ge=0)
    rate_failure: float = Field(default=100.0, ge=0)
    """Answers 401 a second to one client address, over all workers; 0 is no limit."""
    rate_sign_in: float = Field(default=10.0, ge=0)
    """Attempts to sign in a second from one client address, over all workers; 0 is no limit."""
    log_origin: str = "payswitch.example/ledger"
    """Name of the event log in checkpoints; it never changes."""
    checkpoint_every_s: float = Field(default=60.0, gt=0)
    invariants_every_s: float = Field(default=15.0, gt=0)
    """How often the invariants are looked at; what is wrong freezes the books."""
    invariants_events_max: int = Field(default=200_000, ge=1)
    """Events of the log that one look goes through; after a long stop it catches up in several."""
    backups: Path | None = None
    """Directory of backups; where it is set, the embedded server keeps its write-ahead log there."""
    keep_deliveries_days: int = Field(default=14, ge=4, le=36_500)
    """Deliveries of webhooks, whose last attempt is after three days, are forgotten; events stay readable."""
    keep_probes_days: int = Field(default=400, ge=30, le=36_500)
    """What probes saw, the ground of availability reports: a year and a month."""
    keep_reports_days: int = Field(default=400, ge=30, le=36_500)
    """Finished reports and their files. They can be made again, as of the same place of the log."""
    otlp_endpoint: str = ""
    """Where OpenTelemetry spans go, OTLP over HTTP: `http://collector:4318`; empty: nowhere."""
    otlp_ratio: float = Field(default=1.0, ge=0, le=1)
    """The share of requests whose spans are told."""
    failpoints: str = ""
    """`name:kill` stops the process dead at that point; for the fault tests only."""

    def scheme_of(self, debtor_country: str, creditor_country: str) -> Scheme:
        """What messages of this corridor must keep."""
        return self.corridor_schemes.get(f"{debtor_country}-{creditor_country}", self.scheme)

    @property
    def bands(self) -> Bands:
        """How far what moves money may depart from what is in force without a confirmation."""
        return Bands(
            self.rate_band_percent,
            self.rate_band_percents,
            timedelta(seconds=self.rate_band_period_s),
            self.size_band_factor,
        )

    @property
    def writer_socket(self) -> Path:
        """Where API workers and the caretaker reach the writer; a unix socket's path must be short."""
        path = self.data / "run" / "writer.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"payswitch-{digest}" / "writer.sock"

    @property
    def archive_directory(self) -> Path:
        """Where history goes that is detached."""
        return self.data / "archive"

    @property
    def personal_data_keys(self) -> Path:
        """The keys that personal data is sealed under, and nothing else that is needed to read it."""
        return self.data / "keys" / "personal-data.json"

    @property
    def metrics_directory(self) -> Path:
        """Where the processes keep their counters for `/metrics`."""
        return self.data / "run" / "metrics"

    @property
    def webhook_key(self) -> Path:
        """The first key that webhooks are signed with; those that follow stand beside it."""
        return self.data / "keys" / "webhooks.pem"

    @property
    def rails_directory(self) -> Path:
        """One JSON file a rail: where it is and who we are there."""
        return self.data / "rails"

    @property
    def sandbox_mark(self) -> Path:
        """There while what runs is a sandbox: only then are its made-up people believed on this machine."""
        return self.data / "run" / "sandbox"

    @property
    def running_file(self) -> Path:
        """What runs, for commands that look for it: JSON with `host`, `port` and `rails`."""
        return self.data / "run" / "running.json"

    @property
    def credentials_file(self) -> Path:
        """Keys of the made-up participants."""
        return self.data / "sandbox" / "credentials.json"
