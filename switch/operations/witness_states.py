"""Comparison with what witnesses hold: root of the switch can sign a rewritten log, but not for them.

`payswitch verify` takes the state of a witness from its people, by file or from its address. Each checkpoint
in it has the signatures of the log and of the witness, so nobody on the way can have changed it.
"""

import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import asyncpg

from ledger import audit
from ledger.signing import BadNote, cosigned_at, name_of, open_note
from ledger.verify import CheckResult, WitnessedTree
from switch.operations import witnesses
from switch.operations.verify import VerificationTally
from switch.witness.folder import HeldCheckpoint, NoWitness, WitnessState, read_state

STATE_MAX: Final = 64 << 20
_WITHIN_S: Final = 20.0


def load(source: str) -> WitnessState:
    """Read the state of a witness from a file, or from its address.

    Raises:
        NoWitness: it cannot be read.

    """
    if not source.startswith(("https://", "http://")):
        try:
            return read_state(Path(source).read_bytes())
        except OSError as error:
            raise NoWitness(f"{source}: {error.strerror}") from None
    try:
        with urllib.request.urlopen(f"{source.rstrip('/')}/state", timeout=_WITHIN_S) as answer:  # noqa: S310
            octets = answer.read(STATE_MAX + 1)
    except (OSError, ValueError) as error:
        raise NoWitness(f"{source}: {error}") from None
    if len(octets) > STATE_MAX:
        raise NoWitness(f"{source}: the answer is too long")
    return read_state(octets)


async def trees(
    connection: asyncpg.Connection, states: Sequence[WitnessState], keys: Sequence[str]
) -> tuple[list[WitnessedTree], list[CheckResult]]:
    """The trees that this log must have, and a result for each witness.

    `keys`: the verifier keys of the log, as this installation knows them.
    """
    restores = await audit.restores(connection)
    registered = {witness.key for witness in await witnesses.read(connection, former=True)}
    found: list[WitnessedTree] = []
    results = []
    for state in states:
        name = name_of(state.key)
        tally = VerificationTally(
            f"witness {name}", f"it holds {len(state.checkpoints)} checkpoints up to event {state.size}"
        )
        if state.key not in registered:
            tally.text += "; it is not registered here"
        for held in state.checkpoints:
            fault = _fault(state, held, keys)
            tally.check(not fault, fault)
            content = held.content
            left_out = [each for each in restores if each.kept < content.size < each.first]
            if left_out:
                seen = any(
                    (each.kept, each.first) == (seen.kept, seen.first)
                    for each in left_out
                    for seen in state.restores
                )
                tally.check(
                    seen,
                    f"{content.size} events were left out by a restore that the witness has not been shown",
                )
            elif not fault:
                found.append(WitnessedTree(content.size, content.root, name))
        results.append(tally.result())
    return found, results


def _fault(state: WitnessState, held: HeldCheckpoint, keys: Sequence[str]) -> str:
    """Why a checkpoint proves nothing; empty if it is signed by the log and by the witness."""
    size = held.content.size
    lines = [line for line in held.note.splitlines() if line.startswith("\u2014 ")]
    try:
        open_note(held.note, [*keys, *state.log])
        cosigned_at(held.note, lines[-1] if lines else "", state.key)
    except BadNote:
        return f"its checkpoint of {size} events is not signed by the log and by the witness"
    return ""


async def witnessed(connection: asyncpg.Connection) -> AsyncIterator[CheckResult]:
    """Verify the cosignatures in the database, and tell who has cosigned up to where."""
    tally = VerificationTally("witnesses", "no witness has cosigned a checkpoint")
    names = {each.key: each.name for each in await witnesses.read(connection, former=True)}
    reached: dict[str, int] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for size, key, line, note in audit.cosignatures(connection):
            name = names.get(key, "unknown")
            tally.check(key in names, f"checkpoint {size}: a witness that nobody registered")
            try:
                cosigned_at(note, line, key)
            except BadNote:
                tally.check(fine=False, fault=f"checkpoint {size} is not the one that {name} cosigned")
                continue
            reached[name] = size
    if reached:
        tally.text = "; ".join(f"{name} up to event {size}" for name, size in sorted(reached.items()))
    yield tally.result()
