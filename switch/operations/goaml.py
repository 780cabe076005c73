"""A draft of a suspicious transaction report in goAML form, from the case of a payment.

goAML is the form in which financial intelligence units take such reports (UNODC; schema 5.0). The draft has
what the payment states, in the order of the schema. What only the reporting institution knows is `?`: an
officer completes it, chooses the codes of its own unit, and uploads the file there. The switch sends nothing
to a unit.

Of whom the officer works for, the side is `..._my_client`, for which the schema asks for more.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
from lxml import etree

from schemas import codec, credit_transfer
from schemas.errors import NotAllowed, NotFound
from schemas.money import Money
from schemas.payment import Agent, CreditTransfer, Party, PartyAccount
from switch.base import personal_data
from switch.base.personal_data import Erased, KeyRing
from switch.cases import officers
from switch.cases.model import OF_OFFICERS, Case
from switch.identity.model import Person
from switch.identity.permissions import Right, require
from switch.writer import event_bodies
from switch.writer.client import Link
from switch.writer.commands import Record
from switch.writer.event_kinds import EventKind

TO_FILL: Final = "?"
"""What an officer must state: the payment does not."""
MEDIA_TYPE: Final = "application/xml"
_AGENTS: Final = (
    "SELECT message_name, sender, creditor_agent FROM switch.screening_hold WHERE uetr = $1"
    " UNION ALL SELECT message_name, debtor_agent, creditor_agent FROM switch.payment WHERE uetr = $1 LIMIT 1"
)
_NOTE: Final = (
    " Draft, made from the payment. Complete every ?, choose the codes of your unit, and check each name:"
    " the last word became the last name, and whether a party is a person or an entity is a guess where the"
    " payment does not say it. Not sent to anybody. "
)
_NAME_MAX, _TEXT_MAX = 100, 255
Fields = Sequence[tuple[str, "str | Fields"]]
"""Elements in their order: name and text, or name and elements."""


async def draft(pool: asyncpg.Pool, keys: KeyRing, link: Link, person: Person, case: Case) -> bytes:
    """The draft of a report about the payment of a case, as XML; that a person read it is recorded first.

    Raises:
        NotAllowed: others decide about such payments.
        NotFound: the case is not about such a payment, or its data was erased or archived.
        Unavailable: the reading cannot be recorded now.

    """
    require(person, Right.SCREEN_PAYMENTS)
    if case.kind not in OF_OFFICERS or case.uetr is None:
        raise NotFound("the case is not about a payment that screening holds or a watch rule names")
    if not officers.decides(person, await officers.decided_by(pool, case.participant), case.participant):
        raise NotAllowed(officers.OTHERS)
    row = await pool.fetchrow(_AGENTS, case.uetr)
    if row is None:
        raise NotFound("the payment is not here any more")
    body = {"uetr": str(case.uetr), "goaml": case.number, "person": person.name}
    await link.ask(Record(EventKind.SCREENING_READ, event_bodies.encode(body)))
    payment = await _payment(pool, keys, case.uetr, row["message_name"])
    client = {row["sender"]: "from", row["creditor_agent"]: "to"}.get(person.scope, "")
    return write(payment, datetime.now(UTC), case.number, client)


async def _payment(pool: asyncpg.Pool, keys: KeyRing, uetr: UUID, name: str) -> CreditTransfer:
    try:
        raw = await personal_data.read(pool, keys, uetr, personal_data.CAME)
    except Erased:
        raise NotFound("its data was erased") from None
    return credit_transfer.read(codec.again(raw, name))


def write(payment: CreditTransfer, now: datetime, case: int, client: str) -> bytes:
    """The report as XML. `client` is the side of the reporting institution: `from`, `to` or none. Pure."""
    root = etree.Element("report")
    root.append(etree.Comment(_NOTE))
    _append(root, _report(payment, now, case, client))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _append(parent: etree._Element, fields: Fields) -> None:
    for name, value in fields:
        element = etree.SubElement(parent, name)
        if isinstance(value, str):
            element.text = value
        else:
            _append(element, value)


def _report(payment: CreditTransfer, now: datetime, case: int, client: str) -> Fields:
    amount = payment.interbank_settlement_amount
    return [
        ("rentity_id", TO_FILL),
        ("submission_code", "E"),
        ("report_code", "STR"),
        ("entity_reference", f"case {case}"),
        ("submission_date", _instant(now)),
        ("currency_code_local", amount.currency),
        ("reason", TO_FILL),
        ("action", TO_FILL),
        ("transaction", _transaction(payment, amount, now, client)),
        ("report_indicators", [("indicator", TO_FILL)]),
    ]


def _transaction(payment: CreditTransfer, amount: Money, now: datetime, client: str) -> Fields:
    description = payment.remittance or payment.purpose or TO_FILL
    return [
        ("transactionnumber", payment.uetr),
        ("internal_ref_number", payment.end_to_end_id),
        ("transaction_location", _country(payment.debtor_agent)),
        ("transaction_description", description),
        ("date_transaction", _instant(payment.accepted_at or payment.created_at or now)),
        ("transmode_code", TO_FILL),
        ("transmode_comment", TO_FILL),
        ("amount_local", amount.text),
        *_side("from", payment.debtor, payment.debtor_account, payment.debtor_agent, amount, client),
        *_side("to", payment.creditor, payment.creditor_account, payment.creditor_agent, amount, client),
    ]


def _side(  # noqa: PLR0917 - what a side of a payment is
    side: str, party: Party, account: PartyAccount | None, agent: Agent, amount: Money, client: str
) -> Fields:
    own = side == client
    return [
        (
            f"t_{side}_my_client" if own else f"t_{side}",
            [
                (f"{side}_funds_code", TO_FILL),
                (f"{side}_account", list(_account(party, account, agent, amount.currency, own=own))),
                (f"{side}_country", party.country or _country(agent)),
            ],
        )
    ]


def _account(
    party: Party, account: PartyAccount | None, agent: Agent, currency: str, *, own: bool
) -> Iterator[tuple[str, str | Fields]]:
    """An account with its holder. Of one's own client the schema asks for more."""
    yield "institution_name", _cut(agent.name or agent.bic or TO_FILL)
    yield (
        ("swift", agent.bic[:11]) if agent.bic else ("institution_code", _cut(agent.member_id or TO_FILL, 50))
    )
    if own:
        yield "non_bank_institution", "false"
        yield "branch", TO_FILL
    yield "account", _cut((account.id if account else None) or TO_FILL)
    if own:
        yield "currency_code", currency
    yield "account_name", _cut(party.name or TO_FILL)
    if account is not None and account.iban:
        yield "iban", account.iban
    yield "personal_account_type", TO_FILL
    yield (
        "signatory",
        [("is_primary", "1"), ("t_person", list(_person(party, own=own))), ("role", TO_FILL)],
    )
    if own:
        yield "opened", TO_FILL
    yield "balance", TO_FILL
    if own:
        yield "date_balance", TO_FILL
    yield "status_code", TO_FILL
    if own:
        yield "beneficiary", TO_FILL


def _person(party: Party, *, own: bool) -> Iterator[tuple[str, str | Fields]]:
    if own:
        yield "gender", TO_FILL
    first, _, last = (party.name or "").rpartition(" ")
    yield "first_name", _cut(first or TO_FILL, _NAME_MAX)
    yield "last_name", _cut(last or TO_FILL, _NAME_MAX)
    if own:
        yield "birthdate", TO_FILL
    yield "passport_number", TO_FILL
    yield "passport_country", TO_FILL
    if party.national_id or own:
        yield "id_number", _cut(party.national_id or TO_FILL)
    if own:
        yield "nationality1", TO_FILL
        yield "residence", party.country or TO_FILL
        yield "phones", []
        kinds = ("type", "number", "issue_date", "expiry_date", "issue_country")
        yield "identification", [(name, TO_FILL) for name in kinds]
        yield "tax_reg_number", TO_FILL


def _country(agent: Agent) -> str:
    return agent.bic[4:6] if agent.bic else TO_FILL


def _instant(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def _cut(text: str, most: int = _TEXT_MAX) -> str:
    return text[:most]
