"""Values of the messages of FSPIOP, generated from the table."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from switch.fspiop import forms
from switch.fspiop.codec import Values
from switch.fspiop.messages import FspiopElement, FspiopMessage

ALPHABET = st.characters(
    codec="utf-8",
    categories=("L", "N", "P", "S", "Zs"),
    exclude_characters=";" + "".join(map(chr, range(0x200B, 0x2070))),
)
ULID = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=25, max_size=25).map(lambda text: "0" + text)


def _decimal(minor: int, decimals: int) -> str:
    digits = str(minor).rjust(decimals + 1, "0")
    text = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return text.rstrip("0").rstrip(".") if "." in text else text


AMOUNTS = st.tuples(st.integers(1, 10**12), st.integers(0, 4)).map(lambda pair: _decimal(*pair))


def _text(longest: int) -> st.SearchStrategy[str]:
    return st.text(ALPHABET, min_size=1, max_size=min(longest, 30)).map(str.strip).filter(bool)


OF_FORM: dict[str, st.SearchStrategy[str]] = {
    forms.AMOUNT.describes: AMOUNTS,
    forms.CURRENCY.describes: st.sampled_from(["INR", "PKR", "KZT", "MWK", "XTS"]),
    forms.INSTANT.describes: st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0).isoformat() + ".123Z"
    ),
    forms.CORRELATION.describes: st.one_of(ULID, st.uuids().map(str)),
    forms.FSP.describes: st.from_regex(r"[A-Za-z0-9._-]{1,32}", fullmatch=True),
    forms.FULFILMENT.describes: st.binary(min_size=32, max_size=32).map(lambda octets: octets.hex()[:43]),
    forms.ERROR_CODE.describes: st.sampled_from(["3100", "3204", "4001", "5107"]),
    forms.COUNTRY.describes: st.sampled_from(["IN", "PK"]),
    forms.PURPOSE.describes: st.sampled_from(["FAMI", "GDDS"]),
    forms.STATE.describes: st.sampled_from(["COMMITTED", "RESERVED", "RECEIVED", "ABORTED"]),
    forms.AMOUNT_TYPE.describes: st.sampled_from(["SEND", "RECEIVE"]),
    forms.CHARGE_BEARER.describes: st.sampled_from(["CRED", "DEBT", "SHAR", "SLEV"]),
    forms.PARTY_TYPE.describes: st.sampled_from(
        ["MSISDN", "IBAN", "ACCOUNT_ID", "ALIAS", "BUSINESS", "DEVICE", "EMAIL"]
    ),
    forms.REASON_TEXT.describes: _text(100),
}
NAMES = (
    "personalInfo.complexName.firstName",
    "personalInfo.complexName.middleName",
    "personalInfo.complexName.lastName",
    "name",
)


def values_of(message: FspiopMessage, packets: st.SearchStrategy[str]) -> st.SearchStrategy[Values]:
    """Values of a message: every required element, and any of the others."""
    of_form = OF_FORM | {forms.PACKET.describes: packets}

    @st.composite
    def make(draw: st.DrawFn) -> Values:
        made: Values = {}
        for field in message.fields:
            if field.fixed is not None or not (field.required or draw(st.booleans())):
                continue
            made |= _drawn(draw, field, of_form)
        return _consistent(made)

    return make()


def _drawn(draw: Any, field: FspiopElement, of_form: dict[str, st.SearchStrategy[str]]) -> Values:
    if field.kind == "name":
        chosen = draw(st.sets(st.sampled_from(NAMES), min_size=1))
        return {f"{field.name}.{name}": draw(_text(20)) for name in chosen}
    strategy = of_form.get(field.form.describes)
    if strategy is None:
        strategy = _text(int(field.form.describes.split()[-2]))
    return {field.name: draw(strategy)}


def _consistent(values: Values) -> Values:
    """Values whose parts belong together: both of a party's identifier, both of an amount, not two purposes."""
    for name in list(values):
        prefix, _, last = name.rpartition(".")
        for one, other in (
            ("partyIdType", "partyIdentifier"),
            ("partyIdentifier", "partyIdType"),
            ("currency", "amount"),
            ("amount", "currency"),
        ):
            if last == one and f"{prefix}.{other}" not in values:
                values.pop(name, None)
    if "transactionType.scenario" in values:
        values.pop("CdtTrfTxInf.Purp.Cd", None)
    return values
