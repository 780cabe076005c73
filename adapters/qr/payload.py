"""Finds the scheme of a text: by its prefix, otherwise by the currency of its EMVCo objects."""

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
"""Characters that keyboard scanners and clipboards add around a text."""
TEXT_MAX: Final = 4 * emvco.PAYLOAD_MAX
"""Limit for a whole text: links are longer than payloads and encode some characters with three."""


def schemes(country: str | None = None) -> list[QrScheme | OwnForm]:
    """The schemes of a country, or all; the first of a country is its default."""
    return [scheme for scheme in installed() if country in {None, scheme.country}]


def scheme(country: str, name: str | None = None) -> QrScheme | OwnForm:
    """A country's scheme by name, or its default.

    Raises:
        NotFound: there is no such scheme.

    """
    for known in schemes(country):
        if name in {None, known.name}:
            return known
    raise NotFound(f"no QR scheme {name or ''} of {country}".replace("  ", " "))


def read(text: str) -> PaymentCode:
    """Parse the text of a QR code of any scheme.

    Raises:
        InvalidMessage: of no known scheme, or invalid in its scheme.

    """
    if len(text) > TEXT_MAX:
        raise MessageTooLarge(f"longer than any code: at most {TEXT_MAX} characters")
    plain = text.strip(_SCANNERS_ADD)
    code = _read(plain)
    if plain == text:
        return code
    return replace(code, warnings=(*code.warnings, "blanks or line ends around the code were removed"))


def _read(text: str) -> PaymentCode:
    for scheme in installed():
        if isinstance(scheme, OwnForm) and scheme.is_text(text):
            return scheme.read(text)
    if not text:
        raise InvalidMessage("the text is empty")
    return merchant.read(_behind_link(text))


def make(code: PaymentCode) -> str:
    """The text for a code in its scheme.

    Raises:
        NotFound: no such scheme.
        ValueError: the scheme cannot express something in the code.

    """
    known = scheme(code.country, code.scheme)
    if code.warnings:
        raise ValueError("a code with warnings cannot be made again")
    if (code.currency, code.kind) != (known.currency, known.kind):
        raise ValueError("another currency or kind of payee than that of the scheme")
    return known.make(code) if isinstance(known, OwnForm) else merchant.make(code, known)


def _behind_link(text: str) -> str:
    """Kyrgyz and Belarusian payloads follow a link and `#`, percent-encoded."""
    if not _ANY_LINK.match(text):
        return text
    _, mark, payload = text.partition("#")
    if not mark or text[: len(_LINK)].lower() != _LINK:
        raise InvalidMessage("a link of no known scheme")
    try:
        return unquote(payload, errors="strict")
    except UnicodeDecodeError:
        raise InvalidMessage("not percent-encoded UTF-8") from None
