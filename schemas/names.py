"""The long names of ISO 20022's tags: `IntrBkSttlmAmt` is the Interbank Settlement Amount."""

import re
from functools import cache
from typing import Final

from schemas.catalogue import DIRECTORY

_PIECES: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^A-Za-z\d]+")


@cache
def words() -> dict[str, str]:
    """Abbreviation -> the full word."""
    lines = (DIRECTORY / "words.txt").read_text(encoding="utf-8").splitlines()
    pairs = (pair.split("=") for line in lines if not line.startswith("#") for pair in line.split())
    return {short: word.replace("-", " ") for short, word in pairs}


@cache
def long_name(tag: str) -> str:
    """The long name of a tag, as documentation and schemas show it."""
    if "." in tag:
        return tag
    spoken = " ".join(words().get(piece, piece) for piece in _PIECES.findall(tag))
    return spoken.replace("Inter Bank", "Interbank")


def message_name(type_name: str) -> str:
    """The long name of a message, from its type: `FIToFICustomerCreditTransferV08`."""
    if "." in type_name:  # the type of admi.002 has no long name
        return "Message Reject"
    spoken = " ".join(_PIECES.findall(re.sub(r"V\d+$", "", type_name)))
    return spoken.replace("FITo FI", "FI To FI")
