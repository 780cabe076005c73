"""What the actions of people work with."""

from dataclasses import dataclass
from pathlib import Path

import asyncpg

from switch.workers.link import Link


@dataclass(frozen=True, slots=True)
class Desk:
    """The database, the writer, and the directory that keeps what the database must not."""

    pool: asyncpg.Pool
    link: Link
    data: Path
    sandbox: bool = False
