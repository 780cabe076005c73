"""POST /quotes: the price of the switch, in a packet that a transfer must repeat."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.errors import InvalidAmount
from schemas.money import Money
from switch.clients.python import NoAnswer, RequestRefused
from switch.fspiop import codec, ilp, messages, payment
from switch.fspiop.codec import Values
from switch.fspiop.errors import ErrorCode, FspiopProblem, iso_text
from switch.fspiop.office import Office, problem_of
from switch.fspiop.parties import verify

SCENARIOS: Final = frozenset({"TRANSFER", "PAYMENT"})
_AMOUNT_PATH: Final = "CdtTrfTxInf.IntrBkSttlmAmt"
_ADDRESS: Final = ("StrtNm", "BldgNb", "PstCd", "TwnNm", "CtrySubDvsn", "Ctry")


def check(office: Office, values: Values, now: datetime) -> None:
    """Refuse what can be seen without the switch.

    Raises:
        FspiopProblem: the quote is refused, and nothing is asked.

    """
    if values["payer.partyIdInfo.fspId"] != office.settings.dfsp.id:
        raise FspiopProblem(ErrorCode.PAYER_FSP, f"CdtTrfTxInf.DbtrAgt: must be {office.settings.dfsp.id}")
    scenario = values.get("transactionType.scenario", "TRANSFER")
    if scenario not in SCENARIOS:
        text = f"CdtTrfTxInf.Purp.Prtry: must be one of {', '.join(sorted(SCENARIOS))}"
        raise FspiopProblem(ErrorCode.PAYEE_TRANSACTION_TYPE, text)
    for party, tag in (("payee", "Cdtr"), ("payer", "Dbtr")):
        path = f"CdtTrfTxInf.{tag}.Id"
        ident = f"{party}.partyIdInfo"
        payment.account(values[f"{ident}.partyIdType"], values[f"{ident}.partyIdentifier"], path)
    if codec.display_name(values, "payer") is None:
        raise FspiopProblem(ErrorCode.MISSING, "CdtTrfTxInf.Dbtr.Nm: is missing")
    amount_of(values, "amount", _AMOUNT_PATH)
    if _expires(office, values, now) <= now:
        raise FspiopProblem(ErrorCode.QUOTE_EXPIRED, "GrpHdr.PmtInstrXpryDtTm: has passed")


async def answer(office: Office, values: Values) -> None:
    """Ask the switch for its price, and tell the DFSP."""
    path = f"/quotes/{values['quoteId']}"
    now = datetime.now(UTC)
    expires = _expires(office, values, now)
    try:
        terms, fee = await _terms(office, values)
        told = office.callback(
            messages.QUOTES_PUT, path, _offer(office, values, terms, fee, expires), until=expires.timestamp()
        )
    except (RequestRefused, NoAnswer, FspiopProblem) as error:
        problem = (
            error if isinstance(error, FspiopProblem) else problem_of(error, ErrorCode.PAYEE_REJECTED_QUOTE)
        )
        said = {
            "errorInformation.errorCode": str(problem.code),
            "errorInformation.errorDescription": iso_text(problem.text),
        }
        until = expires.timestamp()
        told = office.callback(messages.QUOTES_ERROR, f"{path}/error", said, until=until)
    await office.tell(told)


def amount_of(values: Values, name: str, path: str) -> Money:
    """An amount of a message.

    Raises:
        FspiopProblem: it is none of its currency.

    """
    try:
        return Money.parse(values[f"{name}.amount"], values[f"{name}.currency"])
    except InvalidAmount as error:
        raise FspiopProblem(ErrorCode.MALFORMED, f"{path}: {error.detail}") from None


def plain(amount: str) -> str:
    """An amount as FSPIOP writes it: without zeros at the end."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


async def _terms(office: Office, values: Values) -> tuple[dict[str, Any], dict[str, str]]:
    """What both sides agree on, and the fee of the switch."""
    member = await office.directory.find(values["payee.partyIdInfo.fspId"])
    own = await office.directory.find(office.settings.switch.participant)
    amount = amount_of(values, "amount", _AMOUNT_PATH)
    payee = _side(values, "payee") | {"bic": member.bic}
    if values["payee.partyIdInfo.partyIdType"] in payment.RESOLVED or "Nm" not in payee["party"]:
        found = await verify(office, payee["account"], member)
        payee["account"] = found.account
        payee["party"] = {"Nm": found.name, **payee["party"]} if found.name else payee["party"]
    if "Nm" not in payee["party"]:
        raise FspiopProblem(
            ErrorCode.MISSING, "CdtTrfTxInf.Cdtr.Nm: is missing, and the rail does not tell it"
        )
    price = await office.client.read(
        "quotes", creditor_agent=member.bic, amount=amount.text, currency=amount.currency
    )
    _check_price(values, amount, price)
    terms: dict[str, Any] = {
        "quoteId": values["quoteId"],
        "quotedAt": payment.instant_text(datetime.now(UTC)),
        **{name: values[name] for name in ("transactionId", "transactionRequestId") if name in values},
        "payee": payee,
        "payer": _side(values, "payer") | {"bic": own.bic},
        "amount": {"currency": amount.currency, "amount": amount.text},
        "payeeReceiveAmount": price["credited_amount"],
        "amountType": values["amountType"],
    }
    if "CdtTrfTxInf.Purp.Cd" in values:
        terms["purpose"] = values["CdtTrfTxInf.Purp.Cd"]
    return terms, price["fee"]


def _side(values: Values, party: str) -> dict[str, Any]:
    ident = f"{party}.partyIdInfo"
    tag = {"payee": "Cdtr", "payer": "Dbtr"}[party]
    kind, identifier = values[f"{ident}.partyIdType"], values[f"{ident}.partyIdentifier"]
    name = codec.display_name(values, party)
    at = f"CdtTrfTxInf.{tag}.PstlAdr."
    address = {part: values[at + part] for part in _ADDRESS if at + part in values}
    return {
        "partyIdInfo": {
            part: values[f"{ident}.{part}"]
            for part in ("partyIdType", "partyIdentifier", "partySubIdOrType", "fspId")
            if f"{ident}.{part}" in values
        },
        "party": {**({"Nm": name} if name else {}), **({"PstlAdr": address} if address else {})},
        "account": payment.account(kind, identifier, f"CdtTrfTxInf.{tag}.Id"),
    }


def _check_price(values: Values, amount: Money, price: dict[str, Any]) -> None:
    credited = price["credited_amount"]
    if values["amountType"] == "RECEIVE" and credited != {"currency": amount.currency, "amount": amount.text}:
        text = "CdtTrfTxInf.ChrgBr: DEBT is possible only where nothing is converted; ask with CRED"
        raise FspiopProblem(ErrorCode.VALIDATION, text)
    for party, tag, currencies, code in (
        ("payee", "Cdtr", (amount.currency, credited["currency"]), ErrorCode.PAYEE_CURRENCY),
        ("payer", "Dbtr", (amount.currency,), ErrorCode.PAYER_CURRENCY),
    ):
        if values.get(f"{party}.supportedCurrencies", amount.currency) not in currencies:
            raise FspiopProblem(code, f"CdtTrfTxInf.{tag}Acct.Ccy: must be {' or '.join(currencies)}")


def _expires(office: Office, values: Values, now: datetime) -> datetime:
    latest = now + timedelta(seconds=office.settings.quote_valid_s)
    stated = values.get("expiration")
    return min(latest, datetime.fromisoformat(stated)) if stated else latest


def _offer(
    office: Office, values: Values, terms: dict[str, Any], fee: dict[str, str], expires: datetime
) -> Values:
    amount, credited = terms["amount"], terms["payeeReceiveAmount"]
    minor = Money.parse(amount["amount"], amount["currency"]).minor
    packet = ilp.make(office.settings.secret, terms, minor, expires)
    sides = {
        name: value
        for name, value in values.items()
        if name.startswith(("payee.", "payer.", "CdtTrfTxInf.Cdtr.", "CdtTrfTxInf.Dbtr."))
    }
    charged = {
        "payeeFspFee.currency": fee["currency"],
        "payeeFspFee.amount": plain(fee["amount"]),
        "CdtTrfTxInf.ChrgsInf.Agt.FinInstnId.Othr.Id": office.settings.hub,
    }
    return {
        "expiration": payment.instant_text(expires),
        "params.ID": values["quoteId"],
        "ChrgBr": messages.QUOTES_POST.field("amountType").form.write(values["amountType"]),
        "transferAmount.currency": amount["currency"],
        "transferAmount.amount": plain(amount["amount"]),
        "payeeReceiveAmount.currency": credited["currency"],
        "payeeReceiveAmount.amount": plain(credited["amount"]),
        "ilpPacket": packet,
        **sides,
        **charged,
    }
