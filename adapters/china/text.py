"""Text as Chinese banks carry it: what GBK has (Chinese, Latin, Cyrillic), its lengths counted in GBK octets.

CNAPS messages are UTF-8, but banks' systems behind it are not: a Chinese character takes two places there. A
word with any other character is romanised whole. The sender's own text stays in the payment.
"""

from typing import Final
from xml.sax.saxutils import escape

from adapters.romanisation import romanised
from adapters.text import clean

CHARSET: Final = "gbk"


def gbk_text(text: str | None, octets: int) -> str:
    """What a Chinese bank carries of a text, in at most `octets` of GBK; empty when nothing is left."""
    if not text:
        return ""
    text = clean(text, len(text))
    if text.isascii():
        return clean(text, octets)
    if not _carried(text):
        text = " ".join(word if _carried(word) else romanised(word) for word in text.split(" "))
    encoded = clean(text, len(text)).encode(CHARSET)
    return encoded[:octets].decode(CHARSET, "ignore").rstrip()


def _carried(text: str) -> bool:
    try:
        text.encode(CHARSET)
    except UnicodeEncodeError:
        return False
    return True


def element(tag: str, text: str) -> str:
    """An element with text; nothing at all where there is no text."""
    return f"<{tag}>{escape(text)}</{tag}>" if text else ""
