"""Text that a rail can carry: other scripts are romanised, what is too long is cut at a visible rule.

Romanisation is by the `anyascii` package (ISO 9 for Cyrillic, pinyin for Chinese, and so on). The sender's
own text stays in the payment; only the rail sees this one.
"""

from anyascii import anyascii


def ascii_text(text: str, maximum: int) -> str:
    """Printable ASCII, runs of white space as one blank, at most `maximum` characters.

    Empty when nothing of the text can be said in ASCII.
    """
    return clean(text if text.isascii() else anyascii(text), maximum)


def clean(text: str, maximum: int) -> str:
    """Printable text in its own script, runs of white space as one blank, at most `maximum` characters."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.split())[:maximum].rstrip()
