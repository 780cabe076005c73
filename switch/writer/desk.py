"""What the actions of people work with."""

from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from switch.base.plausibility import Bands
from switch.writer.client import Link


@dataclass(frozen=True, slots=True)
class Desk:
    """The database, the writer, and the directory that keeps what the database must not."""

    pool: asyncpg.Pool
    link: Link
    data: Path
    sandbox: bool = False
    bands: Bands = field(default_factory=Bands)
    """How far what moves money may depart from what is in force without a confirmation."""
