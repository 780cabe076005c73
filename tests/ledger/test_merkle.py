"""The tree's hashing against RFC 9162's own definitions and the vectors of Certificate Transparency."""

import itertools
from hashlib import sha256

import pytest

from ledger import offline_verifier
from ledger.encoding import leaf_hash
from ledger.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    inclusion_ranges,
    root_of,
    verify_consistency,
    verify_inclusion,
)

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [leaf_hash(n.to_bytes(2)) for n in range(70)]


def mth(leaves):
    """RFC 9162, 2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def hashes(ranges, leaves=LEAVES):
    return [mth(leaves[start:end]) for start, end in ranges]


def test_the_vectors_of_certificate_transparency():
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]

    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", range(1, 70))
def test_roots_are_those_of_the_definition(size):
    assert root_of(LEAVES[:size]) == mth(LEAVES[:size])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 70])
@pytest.mark.parametrize("verify", [verify_inclusion, offline_verifier.included])
def test_every_leaf_is_proved_at_its_place_and_no_other(size, verify):
    root = mth(LEAVES[:size])
    for index in range(size):
        proof = hashes(inclusion_ranges(index, size))
        assert verify(LEAVES[index], index, size, proof, root)
        assert not any(
            verify(LEAVES[index], other, size, proof, root) for other in range(-1, size + 2) if other != index
        )
        assert not verify(LEAVES[index - 1], index, size, proof, root) or size == 1
        assert not verify(LEAVES[index], index, size, [*proof, root], root)
        assert not verify(LEAVES[index], index, size, proof[:-1], root) or size == 1


@pytest.mark.parametrize("verify", [verify_consistency, offline_verifier.consistent])
def test_every_older_tree_is_a_prefix_of_every_newer(verify):
    for first, second in itertools.combinations_with_replacement(range(1, 36), 2):
        old, new = mth(LEAVES[:first]), mth(LEAVES[:second])
        proof = hashes(consistency_ranges(first, second))
        assert verify(first, second, old, new, proof)
        assert not verify(first, second, sha256(old).digest(), new, proof)
        assert not verify(first, second, old, sha256(new).digest(), proof)
        assert not verify(first, second, old, new, [*proof, old])
        if proof:
            assert not verify(first, second, old, new, proof[:-1])


def test_a_fork_is_not_a_prefix():
    forked = [*LEAVES[:5], *LEAVES[6:30]]
    proof = hashes(consistency_ranges(10, 20), forked)

    assert not verify_consistency(10, 20, mth(LEAVES[:10]), mth(forked[:20]), proof)
