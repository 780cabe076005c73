"""URLs of webhooks and witnesses, checked in their normal form when they are registered.

The addresses that they lead to are judged at each connection: switch/base/outward.py.
"""

import re
from typing import Final

from yarl import URL

from schemas.errors import InvalidMessage
from switch.base import outward
from switch.base.settings import Settings

URL_MAX: Final = 500
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?", re.ASCII)


def check(url: str, settings: Settings) -> None:
    """Check that a participant may use this URL. A sandbox also permits plain HTTP.

    Raises:
        InvalidMessage: not an absolute HTTPS URL of a permitted network, or with credentials in it.

    """
    parts = _parsed(url)
    if (
        parts is None
        or not parts.absolute
        or not parts.host
        or parts.user
        or parts.password
        or parts.fragment
    ):
        text = f"not an absolute URL of at most {URL_MAX} characters without credentials"
        raise InvalidMessage(text, path="url", rule="content")
    if parts.scheme != "https" and not (settings.sandbox and parts.scheme == "http"):
        raise InvalidMessage("an https URL is required", path="url", rule="content")
    try:
        permitted = outward.is_permitted(
            parts.host, outward.permitted_networks(settings, settings.webhook_networks)
        )
    except ValueError:
        if not _HOST.fullmatch(parts.raw_host or ""):
            raise InvalidMessage("not the name of a host", path="url", rule="content") from None
        return  # a host name: its addresses are checked when it is used
    if not permitted:
        raise InvalidMessage("an address of a public network is required", path="url", rule="content")


def _parsed(url: str) -> URL | None:
    """Parse a URL as the client that delivers does, with the host in its normal form (IDNA)."""
    try:
        return URL(url) if len(url) <= URL_MAX and url.isprintable() else None
    except ValueError:
        return None
