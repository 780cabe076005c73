"""Text as Chinese banks carry it: the characters of GBK (Chinese, Latin, Cyrillic), measured in GBK octets.

CNAPS messages are UTF-8, but the systems of banks behind it use GBK, in which a Chinese character takes two
octets. A word with any other character is romanised as a whole. The payment keeps the sender's own text.
"""

from typing import Final
from xml.sax.saxutils import escape

from adapters.romanisation import romanised
from adapters.text import clean

CHARSET: Final = "gbk"


def gbk_text(text: str | None, octets: int) -> str:
    """What a Chinese bank can carry of a text, in at most `octets` of GBK; empty when nothing is left."""
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
    """An XML element with text; nothing where the text is empty."""
    return f"<{tag}>{escape(text)}</{tag}>" if text else ""
