"""ELQR: the Kyrgyz QR payload, version 1.3 (published as MIT-licensed code of the scheme's own library).

Objects are tag, length in characters and value. Amounts are in tyiyn, without a decimal point. The check is
the last four hexadecimal digits of SHA-256 over everything before object 63.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapters.identifiers import is_sha4
from schemas.errors import InvalidMessage

NAME_MAX: Final = 25
_CURRENCY: Final = "417"
_STATIC: Final = "11"
_LENGTH_MAX: Final = 99


@dataclass(frozen=True, slots=True)
class Payload:
    """What a payload says."""

    provider: str
    service: str
    recipient: str
    category: str
    name: str
    amount_minor: int | None = None


def write(payload: Payload) -> str:
    """The payload in the published order, with its check.

    Raises:
        ValueError: a part is longer than it may be.

    """
    account = "".join(
        [_object("00", payload.provider), _object("01", payload.service), _object("10", payload.recipient)]
    )
    amount = _object("54", str(payload.amount_minor)) if payload.amount_minor is not None else ""
    text = "".join(
        [
            _object("00", "01"),
            _object("01", _STATIC),
            _object("32", account),
            _object("52", payload.category),
            _object("53", _CURRENCY),
            amount,
            _object("59", payload.name[:NAME_MAX]),
        ]
    )
    return text + _object("63", hashlib.sha256(text.encode()).hexdigest()[-4:])


def read(text: str) -> Payload:
    """A payload, whatever the order of its objects: producers differ.

    Raises:
        InvalidMessage: another currency, a wrong check, or an object that is missing or torn.

    """
    if not is_sha4(text):
        raise InvalidMessage("the check does not fit", rule="check")
    objects = dict(_objects(text))
    account = dict(_objects(objects.get("32", "")))
    amount = objects.get("54") or None
    if objects.get("53") != _CURRENCY or (amount is not None and not amount.isdecimal()):
        raise InvalidMessage("another currency, or no amount in tyiyn")
    try:
        return Payload(
            provider=account["00"],
            service=account["01"],
            recipient=account["10"],
            category=objects["52"],
            name=objects["59"],
            amount_minor=int(amount) if amount else None,
        )
    except KeyError:
        raise InvalidMessage("an object is missing") from None


def _object(tag: str, value: str) -> str:
    if len(value) > _LENGTH_MAX:
        raise ValueError(f"object {tag} is too long")
    return f"{tag}{len(value):02}{value}"


def _objects(text: str) -> Iterator[tuple[str, str]]:
    while text:
        tag, length = text[:2], text[2:4]
        if not length.isdecimal() or len(text) < 4 + int(length):
            raise InvalidMessage("an object is torn")
        yield tag, text[4 : 4 + int(length)]
        text = text[4 + int(length) :]
