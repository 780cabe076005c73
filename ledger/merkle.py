"""Merkle trees as RFC 9162, section 2.1, hashes them; pure functions, no storage.

A range `(start, end)` means the tree over the leaves `start <= i < end`, counted from 0. Proofs are first
computed as ranges, so that a caller with a stored tree can read only those hashes.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

Range = tuple[int, int]

EMPTY_ROOT: Final = sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that only grows: the roots of its complete subtrees, largest first. Memory is log2(size)."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[tuple[int, bytes]] = []

    @classmethod
    def restored(cls, size: int, roots: Sequence[bytes]) -> "Frontier":
        """Restore a tree of `size` leaves from `roots`: a complete subtree for each bit of `size`."""
        levels = [level for level in reversed(range(size.bit_length())) if size >> level & 1]
        frontier = cls()
        frontier.size = size
        frontier._subtrees = list(zip(levels, roots, strict=True))
        return frontier

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The roots of its complete subtrees, largest first."""
        return tuple(root for _, root in self._subtrees)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self.size += 1
        level = 0
        while self._subtrees and self._subtrees[-1][0] == level:
            leaf = node_hash(self._subtrees.pop()[1], leaf)
            level += 1
        self._subtrees.append((level, leaf))

    def root(self) -> bytes:
        """The root of the leaves so far."""
        if not self._subtrees:
            return EMPTY_ROOT
        *rest, (_, root) = self._subtrees
        for _, left in reversed(rest):
            root = node_hash(left, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def split(size: int) -> int:
    """The largest power of two below `size`."""
    assert size > 1
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The inclusion proof of one leaf, as ranges, from the leaf up (RFC 9162, 2.1.3.1)."""
    assert 0 <= index < size
    ranges, start, end = [], 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """The proof that a tree of `first` leaves is a prefix of one of `second` (RFC 9162, 2.1.4.1)."""
    assert 0 < first <= second
    ranges, start, end = [], 0, second
    while first != end:
        middle = start + split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # otherwise the verifier knows the old root, which is this subtree
        ranges.append((start, end))
    return ranges[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf is in the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the older tree is a prefix of the newer (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if not 0 < first < second:
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
