"""Operations: facts, invariants, housekeeping, verification, oversight."""
