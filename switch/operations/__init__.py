"""What operators need: facts, invariants, housekeeping, verification, oversight."""
