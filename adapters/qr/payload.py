"""Which scheme a text is of: its prefix tells, else the currency of its EMVCo objects."""

import re
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from adapters.qr import emvco, merchant
from adapters.qr.model import PaymentCode
from adapters.qr.schemes import OwnForm, QrScheme
from adapters.qr.schemes import schemes as installed
from schemas.errors import InvalidMessage, MessageTooLarge, NotFound

_LINK: Final = "https://"
_ANY_LINK: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
_SCANNERS_ADD: Final = " \t\r\n\v\f\0\x1d\x1e\x04\ufeff\u00a0\u200b"
"""What scanners that act as keyboards, and clipboards, put around a text."""
TEXT_MAX: Final = 4 * emvco.PAYLOAD_MAX
"""Of a whole text: links are longer than payloads, and encode some characters in three."""


def schemes(country: str | None = None) -> list[QrScheme | OwnForm]:
    """The schemes of a country, or all; the first of a country is its usual one."""
    return [scheme for scheme in installed() if country in {None, scheme.country}]


def scheme(country: str, name: str | None = None) -> QrScheme | OwnForm:
    """A country's scheme by name, or its usual one.

    Raises:
        NotFound: there is none.

    """
    for known in schemes(country):
        if name in {None, known.name}:
            return known
    raise NotFound(f"no QR scheme {name or ''} of {country}".replace("  ", " "))


def read(text: str) -> PaymentCode:
    """A QR code's text, of whichever scheme it is.

    Raises:
        InvalidMessage: of no scheme here, or not a right code of its scheme.

    """
    if len(text) > TEXT_MAX:
        raise MessageTooLarge
    plain = text.strip(_SCANNERS_ADD)
    code = _read(plain)
    if plain == text:
        return code
    return replace(code, warnings=(*code.warnings, "blanks or line ends around the code were left out"))


def _read(text: str) -> PaymentCode:
    for scheme in installed():
        if isinstance(scheme, OwnForm) and scheme.is_text(text):
            return scheme.read(text)
    if not text:
        raise InvalidMessage("there is no text")
    return merchant.read(_behind_link(text))


def make(code: PaymentCode) -> str:
    """The text of a code, in its scheme.

    Raises:
        NotFound: no such scheme.
        ValueError: the scheme cannot say something of the code.

    """
    known = scheme(code.country, code.scheme)
    if code.warnings:
        raise ValueError("a code with warnings is not made again")
    if (code.currency, code.kind) != (known.currency, known.kind):
        raise ValueError("another currency or kind of payee than the scheme's")
    return known.make(code) if isinstance(known, OwnForm) else merchant.make(code, known)


def _behind_link(text: str) -> str:
    """Kyrgyz and Belarusian payloads stand behind a link and `#`, percent-encoded."""
    if not _ANY_LINK.match(text):
        return text
    _, mark, payload = text.partition("#")
    if not mark or text[: len(_LINK)].lower() != _LINK:
        raise InvalidMessage("a link of no scheme here")
    try:
        return unquote(payload, errors="strict")
    except UnicodeDecodeError:
        raise InvalidMessage("not percent-encoded UTF-8") from None
