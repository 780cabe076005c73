"""The leaves of a batch, made in one loop, are those of the definition, one event at a time."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import encode_event, encode_kind, leaf_hash, leaf_hashes

NUMBERS = st.integers(0, 2**64 - 1)
EVENTS = st.lists(
    st.tuples(NUMBERS, st.sampled_from(["reserved", "P", "a.b-c_9"]), st.binary(), st.binary()), max_size=5
)


@given(first=st.integers(0, 2**63), at=st.integers(-(2**63), 2**63 - 1), events=EVENTS)
def test_the_leaves_of_a_batch_are_those_of_its_events(first, at, events):
    encoded = [(number, encode_kind(kind), change, body) for number, kind, change, body in events]

    assert leaf_hashes(first, at, encoded) == [
        leaf_hash(encode_event(first + place, number, at, kind, change, body))
        for place, (number, kind, change, body) in enumerate(events)
    ]
