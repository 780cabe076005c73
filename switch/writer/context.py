"""Context of people's actions."""

from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from switch.base.outward import OutwardReach
from switch.base.plausibility import Bands
from switch.writer.client import Link


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """The database, the writer, and the directory of data that must not be in the database."""

    pool: asyncpg.Pool
    reading: asyncpg.Pool
    """Connections of the role that only reads."""
    link: Link
    data: Path
    sandbox: bool = False
    bands: Bands = field(default_factory=Bands)
    """How far a change of money or its limits may depart from present values without a confirmation."""
    reach: OutwardReach = field(default_factory=OutwardReach)
    """Where identity providers may be."""
    authority: str = ""
    """The host to which requests must be signed; empty if it is not set."""
