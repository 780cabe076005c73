"""What the load consists of: who pays whom, over which rail, and with which messages.

`ten` is the mix of a running region: eight debtor agents in four pairs that send 70, 10, 10 and 10 % of the
payments, each to the nine other countries in equal parts, so all ten rails are used. Amounts, names, accounts
and remittance information vary, by a seed: the same seed gives the same messages. `two` is the mix of the
first benchmarks: two rails, two directions, one message.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from adapters import registry
from adapters.simulation.magic import magic_account, script
from loadtests.generator import UETR, MessageTemplate, Sender
from schemas import codec
from schemas.money import EXPONENTS, Money
from switch.clients.python import credit_transfer
from switch.sandbox import corridors
from switch.sandbox.world import Made, participants

XML: Final = "application/xml"
JSON: Final = "application/json"
MEDIA_TYPES: Final = {"xml": (XML,), "json": (JSON,), "mixed": (XML, JSON)}
DIRECTIONS: Final = (("asha-bank", "noor-wallet"), ("indus-bank", "ganga-bank"))
"""Debtor agent, creditor agent of `two`: over the Pakistani rail, and over the Indian one."""
PAIRS: Final = (
    ("asha-bank", "indus-bank"),
    ("volga-bank", "jade-bank"),
    ("steppe-bank", "registan-bank"),
    ("neman-bank", "naryn-bank"),
)
SKEW: Final = (0.70, 0.10, 0.10, 0.10)
"""Shares of the pairs: one pair is hot, so its accounts and limits are contended."""
VARIANTS: Final = 8
"""Messages of a debtor agent to one country, in each representation; all have new ids for each payment."""
_LEAST_SDR: Final = Decimal(1)
_MOST_SDR: Final = Decimal(100)
NAMES: Final = {
    "BY": ("Алесь Ковалёв", "Марина Янковская"),
    "CN": ("王小明", "李秀英"),
    "IN": ("Asha Rao", "Ravi Kumar Iyer"),
    "IR": ("Reza Karimi", "Leila Hosseini"),
    "KG": ("Айбек Асанов", "Нургуль Токтосунова"),
    "KZ": ("Данияр Сейтов", "Айгерим Нурланова"),
    "PK": ("Bilal Khan", "Sana Mir"),
    "RU": ("Иван Петров", "Ольга Смирнова"),
    "TJ": ("Фирдавс Раҳимов", "Гулрӯ Ҷӯраева"),
    "UZ": ("Otabek Karimov", "Dilnoza Yusupova"),
}
_REMITTANCES: Final = (
    None,
    "Invoice 4711",
    "Tuition fee, second semester, student 20261107-33",
    "Family support",
    "Оплата по договору 18/2026 от 02.11.2026",
    "Order 88120: 3 x spare part A-17, delivery included; contact the sales office for questions of customs",
)
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Mix:
    """A mix by name: the rails that must run, and the shares of the debtor agents, which add up to 1."""

    name: str
    countries: tuple[str, ...]
    shares: dict[str, float]
    """Debtor agent -> share of the payments."""
    representations: str
    """Its own choice of message representations: a key of `MEDIA_TYPES`."""


def mix(name: str) -> Mix:
    """The mix `ten` or `two`."""
    if name == "two":
        return Mix(name, ("IN", "PK"), dict.fromkeys((debtor for debtor, _ in DIRECTIONS), 0.5), "xml")
    shares = {bank: share / len(pair) for pair, share in zip(PAIRS, SKEW, strict=True) for bank in pair}
    return Mix("ten", tuple(registry.countries()), shares, "mixed")


def senders(
    chosen: Mix, keys: dict[str, tuple[str, str]], representations: str, seed: int = 0
) -> list[Sender]:
    """The debtor agents with their messages; `keys` has the key id and the private key (PEM) of each."""
    media_types = MEDIA_TYPES[representations]
    return [
        Sender(
            *keys[debtor],
            name=debtor,
            weight=share,
            # Each bank comes from a network of its own, so that limits by address see eight clients.
            address=f"127.0.{place}.1",
            messages=_messages(chosen, debtor, media_types, seed),
        )
        for place, (debtor, share) in enumerate(chosen.shares.items(), start=1)
    ]


def _messages(chosen: Mix, debtor: str, media_types: Sequence[str], seed: int) -> list[MessageTemplate]:
    if chosen.name == "two":
        creditor = dict(DIRECTIONS)[debtor]
        country = _made(creditor).country
        return [MessageTemplate(kind, country, template(debtor, creditor, kind)) for kind in media_types]
    chance = random.Random(f"{seed} {debtor}")
    return [
        _varied(_made(debtor), creditor, kind, chance)
        for creditor in _one_bank_of_each_other(chosen.countries, _made(debtor).country)
        for kind in media_types
        for _ in range(VARIANTS)
    ]


def _one_bank_of_each_other(countries: Sequence[str], own: str) -> list[Made]:
    banks = {made.country: made for made in reversed(participants()) if made.kind == "direct"}
    return [banks[country] for country in countries if country != own]


def _made(bank: str) -> Made:
    return next(made for made in participants() if made.id == bank)


def _varied(payer: Made, payee: Made, media_type: str, chance: random.Random) -> MessageTemplate:
    debtor, creditor = chance.choice(NAMES[payer.country]), chance.choice(NAMES[payee.country])
    text = _encoded(
        payer,
        payee,
        media_type,
        debtor=debtor,
        creditor=creditor,
        creditor_account=_account(payee.country, chance),
        amount=_amount(payer, payee, chance).text,
        remittance=chance.choice(_REMITTANCES),
        purpose="FAMI",
        member=registry.module(payee.country, "sandbox").CREDITOR_AGENT.member_id or "",
    )
    names = [(payer.country, debtor), (payee.country, creditor)]
    return MessageTemplate(media_type, payee.country, text, names)


def _amount(payer: Made, payee: Made, chance: random.Random) -> Money:
    """An amount from one to a hundred SDR, the small ones more often, within the limits of the corridor."""
    currency = payer.currencies[0]
    of_one_sdr = Decimal(registry.country(payer.country).per_sdr) * 10 ** EXPONENTS[currency]
    sdr = _LEAST_SDR * (_MOST_SDR / _LEAST_SDR) ** Decimal(repr(chance.random()))
    span = corridors.span(payer.country, payee.country)
    return Money(min(max(int(sdr * of_one_sdr), span.least), span.most), currency)


def _account(country: str, chance: random.Random) -> str:
    """One of many ordinary accounts at the simulated bank of a country."""
    while True:
        word = chance.choice(_LETTERS) + f"{chance.randrange(1000):03}"
        if script(word) is None:
            account = registry.module(country, "sandbox").account(word)
            return str(account.id)


def template(debtor: str, creditor: str, media_type: str) -> str:
    """The one message of `two`, with `UETR` where each payment has its own."""
    return _encoded(
        _made(debtor),
        _made(creditor),
        media_type,
        debtor="Asha Rao",
        creditor="Bilal Khan",
        creditor_account=magic_account(_made(creditor).country, ""),
        amount="1000.00",
        remittance="Invoice 4711",
        purpose=None,
        member="",
    )


def _encoded(
    payer: Made,
    payee: Made,
    media_type: str,
    *,
    debtor: str,
    creditor: str,
    creditor_account: str,
    amount: str,
    remittance: str | None,
    purpose: str | None,
    member: str,
) -> str:
    document = credit_transfer(
        debtor_agent=payer.bic,
        debtor=debtor,
        debtor_account=magic_account(payer.country, ""),
        creditor_agent=payee.bic,
        creditor_agent_member=member,
        creditor=creditor,
        creditor_account=creditor_account,
        amount=amount,
        currency=payer.currencies[0],
        purpose=purpose,
        remittance=remittance,
        uetr=UETR,
    )
    return codec.encode(document["$type"], document["Document"], media_type=media_type).decode()
