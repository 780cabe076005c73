"""Text that a rail can carry: other scripts are romanised, long texts are cut by a visible rule.

`adapters/romanisation.py` romanises. The payment keeps the sender's own text; only the rail receives this
one.
"""

from adapters.romanisation import latin_form, romanised
from schemas.payment import CreditTransfer


def ascii_text(text: str, maximum: int) -> str:
    """Printable ASCII with white space reduced to single blanks, at most `maximum` characters.

    Empty if nothing of the text can be written in ASCII.
    """
    return clean(text if text.isascii() else romanised(text), maximum)


def ascii_name(text: str | None, maximum: int, country: str = "") -> str:
    """A name as `ascii_text`, by the rules of the country; the sender's own Latin form is preferred."""
    if not text:
        return ""
    return clean(text if text.isascii() else romanised(latin_form(text), country), maximum)


def debtor_country(payment: CreditTransfer) -> str:
    """The country whose rules romanise a debtor's name: its own, otherwise its bank's; empty if unknown."""
    return payment.debtor.country or (payment.debtor_agent.bic or "")[4:6]


def clean(text: str, maximum: int) -> str:
    """Printable text in its own script, white space reduced to blanks, at most `maximum` characters."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.split())[:maximum].rstrip()
