"""Who we are at a rail: the ids that a connection must bring."""

from collections.abc import Iterable, Mapping


def require(identity: Mapping[str, str], names: Iterable[str], rail: str = "the rail") -> None:
    """See that every id is there and says something.

    Raises:
        ValueError: some are missing; the text names them.

    """
    missing = [name for name in names if not identity.get(name)]
    if missing:
        raise ValueError(f"the identity at {rail} lacks {', '.join(missing)}")
