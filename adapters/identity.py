"""Our identity at a rail: the ids that a connection must have."""

from collections.abc import Iterable, Mapping


class MissingIds(ValueError):
    """A connection has no value for some ids; the text names them."""


def require(identity: Mapping[str, str], names: Iterable[str], rail: str = "the rail") -> None:
    """Check that every id is present and not empty.

    Raises:
        MissingIds: some are missing.

    """
    missing = [name for name in names if not identity.get(name)]
    if missing:
        raise MissingIds(f"the identity at {rail} lacks {', '.join(missing)}")
