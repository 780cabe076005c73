"""A small log in memory, made by hand: events, checkpoints and bundles, without a database."""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.encoding import encode_event, leaf_hash
from ledger.merkle import Range, consistency_ranges, inclusion_ranges, root_of
from ledger.signing import Signer

NAME = "payswitch.test/ledger"


class LogInMemory:
    """Events and their tree; `epoch` is set by a restore."""

    def __init__(self, events: int = 0, *, text: str = "event", key: int = 1) -> None:
        self.signer = Signer(NAME, Ed25519PrivateKey.from_private_bytes(bytes([key]) * 32))
        self.events: list[tuple[Any, ...]] = []
        self.restores: list[tuple[int, int]] = []
        """Kept events, and the event that states it."""
        self.epoch = 1
        self.add(events, text)

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(encode_event(*event)) for event in self.events]

    @property
    def keys(self) -> list[str]:
        return self.signer.verifier_keys

    def add(self, count: int, text: str = "event", kind: str = "NOTE") -> None:
        for seq in range(len(self.events) + 1, len(self.events) + 1 + count):
            self.events.append((seq, 0, 1_700_000_000_000_000 + seq, kind, b"", f"{text} {seq}".encode()))

    def restore(self, kept: int, lost: int, published: str = "") -> None:
        """The database comes back with `kept` events, and `lost` events are filled up."""
        root = root_of(self.leaves[:kept])
        del self.events[kept:]
        self.add(lost, kind="LEFT_OUT")
        first = len(self.events) + 1
        body = {"kept": kept, "root": root.hex(), "first": first, "published": published}
        self.events.append((first, 0, 1_700_000_000_000_000, "RESTORE", b"", json.dumps(body).encode()))
        self.restores.append((kept, first))
        self.epoch += 1

    def root(self, size: int) -> bytes:
        return root_of(self.leaves[:size])

    def note(self, size: int | None = None, epoch: int | None = None) -> str:
        size = len(self.events) if size is None else size
        return self.signer.sign(size, self.root(size), epoch or self.epoch)

    def proof(self, first: int, second: int | None = None) -> tuple[bytes, ...]:
        return self._hashes(consistency_ranges(first, second or len(self.events)))

    def bundle(
        self, first: int | None = None, second: int | None = None, old_epoch: int = 1
    ) -> dict[str, Any]:
        """A bundle as the API makes it, from the checkpoint of `first` events."""
        second = second or len(self.events)
        older = []
        if first is not None:
            proof = [part.hex() for part in self.proof(first, second)]
            older = [{"checkpoint": self.note(first, old_epoch), "proof": proof}]
        return {
            "format": "payswitch-audit-bundle/1",
            "checkpoint": self.note(second),
            "older": older,
            "restores": [self._stated(kept, seq, second) for kept, seq in self.restores],
            "events": [],
        }

    def _stated(self, kept: int, seq: int, size: int) -> dict[str, Any]:
        number, at, kind, change, body = self.events[seq - 1][1:]
        event = {
            "seq": seq,
            "number": number,
            "at": at,
            "kind": kind,
            "change": change.hex(),
            "body": body.hex(),
        }
        proof = [part.hex() for part in self._hashes(inclusion_ranges(seq - 1, size))]
        return {"event": {**event, "proof": proof}, "proof": [part.hex() for part in self.proof(kept, size)]}

    def _hashes(self, ranges: list[Range]) -> tuple[bytes, ...]:
        return tuple(root_of(self.leaves[start:end]) for start, end in ranges)
