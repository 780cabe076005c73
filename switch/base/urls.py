"""URLs from outside: the standard library raises ValueError for some that are none."""

from urllib.parse import SplitResult, urlsplit


def split(url: str) -> SplitResult | None:
    """Split a URL; None if it is none, as with a single bracket or a port above 65535."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is parsed only when it is read
    except ValueError:
        return None
    return parts
