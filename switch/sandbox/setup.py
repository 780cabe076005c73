"""Set up a sandbox with the changes of operators: the same contents, checks and executions, but no people.

In production two people approve each change. A sandbox has nobody to protect, and starts in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import asyncpg

from schemas.signing import key_request
from schemas.signing.keys import SigningKey
from switch.approvals.kinds import Execution, Kinds, encode_content, no_commands
from switch.base.sql import statements
from switch.writer import event_bodies
from switch.writer.client import Link
from switch.writer.event_kinds import EventKind

_ADD_MADE: Final = statements("switch.sandbox")("add_made")
_TIED: Final = frozenset({"rate.set"})
"""Changes without commands whose results `payswitch verify` ties to them."""


@dataclass(frozen=True, slots=True)
class SandboxSetup:
    """Makes changes at once, in the transaction of the connection.

    Ids for the ledger follow from the content, so repeating a change moves no money.
    """

    connection: asyncpg.Connection
    link: Link
    kinds: Kinds

    async def make(self, name: str, content: Mapping[str, Any]) -> None:
        """Check and execute a change.

        Raises:
            Refused: it is not possible.

        """
        kind = self.kinds[name]
        read = kind.read(content)
        digest = sha256(name.encode() + b"\n" + encode_content(read)).digest()
        number = -1 - int.from_bytes(digest[:7])  # negative: no change that people request has it
        await kind.check(self.connection, read)
        await kind.execute(Execution(self.connection, self.link, number), read)
        if kind.commands is not no_commands or name in _TIED:
            id_ = UUID(bytes=digest[:16])
            facts = {"id": id_.hex, "change": number, "change_kind": name, "content": read}
            await self.connection.execute(_ADD_MADE, id_, EventKind.SANDBOX_MADE, event_bodies.encode(facts))


def new_key(entry: Mapping[str, str]) -> dict[str, str]:
    """The key of an entry of the credentials file, as onboarding states it."""
    key = SigningKey.from_pem(entry["keyid"], entry["private_key"].encode())
    return {"keyid": key.keyid, "request": key_request.make(key, entry["id"])}
