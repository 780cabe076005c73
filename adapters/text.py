"""Text that a rail can carry: other scripts are romanised, what is too long is cut at a visible rule.

Romanisation is that of `adapters/romanisation.py`. The sender's own text stays in the payment; only the rail
sees this one.
"""

from adapters.romanisation import latin_form, romanised
from schemas.payment import CreditTransfer


def ascii_text(text: str, maximum: int) -> str:
    """Printable ASCII, runs of white space as one blank, at most `maximum` characters.

    Empty when nothing of the text can be said in ASCII.
    """
    return clean(text if text.isascii() else romanised(text), maximum)


def ascii_name(text: str | None, maximum: int, country: str = "") -> str:
    """A name as `ascii_text`, by the rules of the country; the sender's own Latin form is preferred."""
    if not text:
        return ""
    return clean(text if text.isascii() else romanised(latin_form(text), country), maximum)


def debtor_country(payment: CreditTransfer) -> str:
    """Whose rules a debtor's name is romanised by: its own country, else its bank's; empty if unknown."""
    return payment.debtor.country or (payment.debtor_agent.bic or "")[4:6]


def clean(text: str, maximum: int) -> str:
    """Printable text in its own script, runs of white space as one blank, at most `maximum` characters."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.split())[:maximum].rstrip()
