"""Text in the characters of UFEBS, a subset of windows-1251 (IdentifierTextCategory and TextCategory).

Printable ASCII, Russian letters and the number sign. A word with any other character is romanised as a whole,
so that no word mixes two scripts. The payment keeps the sender's own text.
"""

import re
from collections.abc import Mapping
from typing import Final

from adapters.romanisation import romanised
from adapters.text import clean

ALPHABET: Final = " -~\u0410-\u044f\u0401\u0451\u2116"
"""As the content of a character class."""

_CARRIED = re.compile(f"[{ALPHABET}]*")
_WORD: Final = f"[{ALPHABET.replace(' -', '!-')}]+"
_PLAIN = re.compile('[^&<>"]*')
_AS_IT_IS = re.compile(f"{_WORD}(?: {_WORD})*")


def ufebs_text(text: str | None, maximum: int) -> str:
    """What UFEBS can carry of a text, at most `maximum` characters; empty when nothing is left."""
    if not text:
        return ""
    if len(text) <= maximum and _AS_IT_IS.fullmatch(text):
        return text
    text = clean(text, len(text))
    if _CARRIED.fullmatch(text) is None:
        text = " ".join(word if _CARRIED.fullmatch(word) else romanised(word) for word in text.split(" "))
    return clean(text, maximum)


def element(tag: str, attributes: Mapping[str, str], *content: str) -> str:
    """An XML element; attributes without a value are left out."""
    attribute_text = "".join([f' {name}="{_escaped(value)}"' for name, value in attributes.items() if value])
    inside = "".join(content)
    return f"<{tag}{attribute_text}>{inside}</{tag}>" if inside else f"<{tag}{attribute_text}/>"


def text_element(tag: str, text: str) -> str:
    """An XML element with text; nothing where the text is empty."""
    return f"<{tag}>{_escaped(text)}</{tag}>" if text else ""


def _escaped(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
