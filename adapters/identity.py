"""Our identity at a rail: the ids that a connection must have."""

from collections.abc import Iterable, Mapping


def require(identity: Mapping[str, str], names: Iterable[str], rail: str = "the rail") -> None:
    """Check that every id is present and not empty.

    Raises:
        ValueError: some are missing; the text names them.

    """
    missing = [name for name in names if not identity.get(name)]
    if missing:
        raise ValueError(f"the identity at {rail} lacks {', '.join(missing)}")
