"""The state of an upgrade: which versions run, what the schema lacks, and what an operator does next.

An upgrade has three steps: the new version applies its `pre` migrations while the old one runs, the processes
are replaced one by one, and the `post` migrations follow when no old process is left.
"""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import asyncpg

from ledger import roles
from ledger.migrate import MigrationError, Phase, compare
from switch.base.sql import statements

_statement: Final = statements("switch.operations")
_RUNNING_VERSIONS: Final = _statement("running_versions")
_MAY_CREATE_ROLES: Final = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"

BACK_UP: Final = "make a backup: payswitch backup"
LOG_INS: Final = "make the missing logins, as who may create roles: the script of payswitch database roles"
EXPAND: Final = "apply the first phase, while the old version runs: payswitch migrate --phase pre"
REPLACE: Final = "replace the processes: standby writer, writer, caretaker, messenger, then API and pages"
CHECK: Final = "check that no older version runs: payswitch upgrade --check"
CONTRACT: Final = "apply the second phase: payswitch migrate --phase post"
START: Final = "start the switch: payswitch up applies every migration to an empty database"
FIRST: Final = "0.1.0"
"""The first version whose schema later versions migrate."""
DO_NOT_START: Final = "do not start this version: start the version of the schema, or a later one"
FINISH: Final = "go on with the later version: run its payswitch upgrade --check"


@dataclass(frozen=True, slots=True)
class Running:
    """Processes of one kind and version, as the database sees them."""

    process: str
    version: str
    connections: int


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The versions that run, the schema, and the steps that are left."""

    version: str
    """The version of this program."""
    running: tuple[Running, ...]
    applied: tuple[str, ...]
    pre: tuple[str, ...]
    """Titles of missing migrations that older code can work with."""
    post: tuple[str, ...]
    """Titles of missing migrations that older code cannot work with."""
    newer: tuple[str, ...]
    """Titles of applied migrations of later versions; this version works with them."""
    roles: tuple[str, ...] = ()
    """Roles that are missing and that the owner of the schema may not create."""
    too_old: str = ""
    """Why this version must not run; empty if it may."""

    @property
    def others(self) -> list[Running]:
        """Processes of other versions."""
        return [process for process in self.running if process.version != self.version]

    @property
    def can_run(self) -> str:
        """Which code works with the schema, now and after the second phase."""
        if self.too_old:
            return f"not this version: {self.too_old}"
        contracted = [title for title in self.applied if is_post(title)]
        now = f"every version that has {contracted[-1]}" if contracted else f"every version from {FIRST} on"
        return f"{now}; after the second phase, only this version or a later one" if self.post else now

    @property
    def steps(self) -> list[str]:
        """What an operator does next, in this order; empty if nothing is left."""
        if self.too_old:
            return [DO_NOT_START]
        if not self.applied:
            return [START]
        if self.newer:
            return [FINISH]
        replace = [REPLACE, CHECK] if self.others or self.pre else []
        return [
            *([BACK_UP] if self.pre else []),
            *([f"{LOG_INS} ({', '.join(self.roles)})"] if self.roles else []),
            *([EXPAND] if self.pre else []),
            *replace,
            *([CONTRACT] if self.post else []),
        ]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "version": self.version,
            "running": [
                {"process": one.process, "version": one.version, "connections": one.connections}
                for one in self.running
            ],
            "applied": list(self.applied),
            "pending": {"pre": list(self.pre), "post": list(self.post)},
            "newer": list(self.newer),
            "may_run": not self.too_old,
            "can_run": self.can_run,
            "next": self.steps,
        }

    def lines(self) -> list[str]:
        """As text for a terminal."""
        running = [f"{one.process} {one.version} ({one.connections} connections)" for one in self.running]
        last = [titles[-1] for titles in _by_package(self.applied).values()]
        return [
            f"this program   {self.version}",
            f"running        {', '.join(running) or 'no process is connected'}",
            f"schema         {', '.join(last) or 'none: the database is empty'}",
            f"pending pre    {', '.join(self.pre) or 'none'}",
            f"pending post   {', '.join(self.post) or 'none'}",
            *([f"newer          {', '.join(self.newer)}"] if self.newer else []),
            f"can run        {self.can_run}",
            *(f"next {number}         {step}" for number, step in enumerate(self.steps, 1)),
            *([] if self.steps else ["next           nothing: the upgrade is complete"]),
        ]


def is_post(title: str) -> bool:
    """Whether a title such as `switch/0002_post_name.sql` is of the second phase."""
    return title.rpartition("/")[2].split("_")[1] == Phase.POST


def _by_package(titles: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for title in titles:
        found.setdefault(title.partition("/")[0], []).append(title)
    return found


async def examine(connection: asyncpg.Connection) -> Upgrade:
    """Read the state of the upgrade; changes nothing, and also works on an empty database."""
    rows = await connection.fetch(_RUNNING_VERSIONS)
    running = tuple(Running(**row) for row in rows)
    own = version("payswitch")
    try:
        schema = await compare(connection)
    except MigrationError as error:
        return Upgrade(own, running, (), (), (), (), too_old=str(error))
    pre, post = (tuple(migration.title for migration in schema.pending(phase)) for phase in Phase)
    may_create = await connection.fetchval(_MAY_CREATE_ROLES)
    absent = () if may_create else tuple(await roles.missing(connection))
    return Upgrade(own, running, schema.applied, pre, post, schema.newer, absent)
