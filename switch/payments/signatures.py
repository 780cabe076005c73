"""The cause of a payment and of a participant's return: its message, which the participant signed.

The writer verifies the signature once more, with the keys that it reads itself, and compares the command with
the signed message: the UETR, the amount and its currency, and both agents. The legs may move no more than
that, between the accounts of these agents and of one FX provider at a rate in force, and the fee; or at the
terms of the quote that the message names. A quote is compared with the signed request in the same way. A
return must be in time, and no loss to the FX provider (`returnable`). So an API worker can pass on what
participants signed, and nothing else. A payment that a rail ordered, and a quote for a look-up of it, have no
signature of a participant: the caretaker has verified the rail's, nobody else may send it, and its sender
must be the gateway of that rail.
Of a line of a file the signature is that of the whole file: the writer verifies that the sender signed a file
with a key that is still in force; the caretaker verified that the line is in it, and nobody else may send it.

What is not compared: the native message of the rail, the stored (encrypted) bytes, and ids that must be
unique. A payment by bearer key has no signature; only a sandbox
has such keys.
"""

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
import structlog

from ledger.books import Books
from ledger.encoding import microseconds
from schemas import codec, credit_transfer, own_uetr, payment_return
from schemas.errors import NotAuthentic, SwitchError
from schemas.money import Money
from schemas.payment import Agent
from schemas.signing import http_signatures
from schemas.signing.keys import PublicKey
from switch.base import metrics
from switch.base.decoding import decoded
from switch.base.sql import statements
from switch.payments import fx_offers, returnable, tariffs
from switch.payments.fx_offers import AskedRates
from switch.payments.pricing import FEES, GROSS, POSITION, SCHEME, convert, to_get
from switch.payments.quotes import SOURCE, AskedQuote, agent_of
from switch.payments.tariffs import Tariff, TariffTable, Usage
from switch.writer.commands import (
    OF_FILE,
    OF_RAIL,
    Accept,
    BookReturn,
    Command,
    Cross,
    Evidence,
    FeeCharge,
    Promise,
    Publish,
    Reply,
    Return,
    is_of_file,
    rail_of,
)
from switch.writer.indirect import IndirectParticipants
from switch.writer.offers import Offers, crossed
from switch.writer.pairs import PairControl, Pairs
from switch.writer.parts import AskedReturn, BatchPart, ReturnTerms
from switch.writer.restoring import RestoreGate
from switch.writer.screening_holds import ScreeningHolds
from switch.writer.verdicts import Verdict

_statement: Final = statements("switch.payments")
_KEYS: Final = _statement("read_keys_of_participants")
_BICS: Final = "SELECT id, left(bic, 8) AS bic, status, country::text FROM switch.participant"
_FEES: Final = "SELECT source::text, target::text, fee_minor, fee_bps FROM switch.corridor"
_TARIFFS: Final = _statement("read_tariffs")
_GATEWAYS: Final = "SELECT rail::text, gateway FROM switch.rail_inbound"
_RATES: Final = _statement("read_rates_in_force")
_FIXINGS: Final = _statement("read_fixings")
_ALLOWED: Final = _statement("allowed_own_uetrs")
_PAY: Final = "/v1/iso20022/pacs.008"
_QUOTE: Final = "/v1/quotes"
_RATES_PATH: Final = "/v1/fx/rates"
FILES: Final = "/v1/payment-files"
"""Where a participant hands in a file; what it signs there is the file."""
FILE_LASTS_S_MAX: Final = 7 * 86_400
"""How long after its signature a line of a file may be sent, at most."""
_GIVE_BACK: Final = "/v1/iso20022/pacs.004"
_READ_EVERY_S: Final = 5.0
_READ_AGAIN_S: Final = 0.05
"""A key or a rate that is not known yet may be new: they are read for its sake, but not more often."""
_SLACK_S: Final = 5
"""How much later than the worker, or by another clock, the writer looks at a signature and its key."""
_KEPT: Final = 3
"""Rates of a pair and fees of a corridor: a worker may have priced with the one before."""
_OTHER_BETWEEN: Final = "its two FX providers exchange another amount"
LARGEST_STEP: Final = 100
"""The largest step of a rail, in minor units (a rial): any may round down by so much, as the writer
decides before it has loaded the profiles of rails."""
_log = structlog.get_logger()


class SigningKeyInForce(NamedTuple):
    """A key of a participant, and when it is valid: microseconds since 1970."""

    participant: str
    pem: str
    public: PublicKey
    valid_from: int
    valid_until: int | None


Pair = tuple[str, str, str]
"""Source and target currency, and the FX provider."""


class FixingInForce(NamedTuple):
    """A fixing, and when it is in force: microseconds since 1970."""

    source: str
    target: str
    provider: str
    rate: str
    since: int
    until: int

    @property
    def pair(self) -> Pair:
        """Its currencies and its provider."""
        return self.source, self.target, self.provider

    def is_of(self, pair: Pair, rate: str, now_us: int) -> bool:
        """Whether it is this rate of a pair, and a worker may have priced with it."""
        slack = _SLACK_S * 1_000_000
        same = (self.pair, self.rate) == (pair, rate)
        return same and self.since - slack <= now_us < self.until + slack


class CorridorFeesKept(NamedTuple):
    """What payments of a corridor cost: its own fee, and its tariffs."""

    minor: int
    bps: int
    rows: tuple[Tariff, ...]
    table: TariffTable


class Signatures(BatchPart):
    """Refuses payments and returns that no participant signed."""

    def __init__(self, *, sandbox: bool, return_within: timedelta, authority: str = "") -> None:
        """`sandbox`: what comes without a signature was sent with a bearer key.

        `return_within`: how long after its credit a participant may return a payment.
        `authority`: the host to which requests must be signed; empty if it is not set.
        """
        self._sandbox = sandbox
        self._authority = authority
        self._return_within = return_within
        super().__init__()

    def meet(self, parts: Sequence[BatchPart]) -> None:
        """Know the parts that read what rails executed before a restore, and which payments are held."""
        self._gates = [part for part in parts if isinstance(part, RestoreGate)]
        self._holds = [part for part in parts if isinstance(part, ScreeningHolds)]
        self._offers = [part for part in parts if isinstance(part, Offers)]
        self._pairs = [part for part in parts if isinstance(part, Pairs)]
        self._indirect = [part for part in parts if isinstance(part, IndirectParticipants)]

    def forget(self) -> None:
        """Drop what was read."""
        self.keys: dict[str, SigningKeyInForce] = {}
        self.bics: dict[str, str] = {}
        self._gateways: dict[str, str] = {}
        self._inactive: set[str] = set()
        self._countries: dict[str, str] = {}
        self._fees: dict[tuple[str, str], deque[CorridorFeesKept]] = {}
        self._rates: dict[Pair, deque[str]] = {}
        self._fixings: list[FixingInForce] = []
        self._now_us = 0
        self._returned: dict[UUID, returnable.Returnable] = {}
        self._own: set[UUID] = set()
        self._read_at = float("-inf")

    async def load(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read keys, participants and rates every few seconds; at once for a key or a rate that is new."""
        returned = [
            UUID(bytes=c.uetr)
            for c in commands
            if isinstance(c, BookReturn) or (isinstance(c, Return) and c.sender)
        ]
        if returned:
            self._returned = await returnable.read(connection, returned)
        evidence = [
            command.evidence
            for command in commands
            if isinstance(command, Accept | Promise | Publish | Return) and command.evidence is not None
        ]
        if not evidence:
            return
        age = monotonic() - self._read_at
        unknown = any(self._is_new(each.keyid) for each in evidence) or any(
            isinstance(command, Accept | Promise) and self._are_new(command) for command in commands
        )
        if age > (_READ_AGAIN_S if unknown else _READ_EVERY_S):
            await self._read(connection)
        await self._load_own(connection, commands)

    def _is_new(self, keyid: str) -> bool:
        """Whether a key may have been added, or its participant resumed, since the last look."""
        if keyid.startswith(OF_RAIL):
            return keyid.removeprefix(OF_RAIL) not in self._gateways
        key = self.keys.get(keyid.removeprefix(OF_FILE))
        return key is None or key.participant in self._inactive

    def _are_new(self, command: Accept | Promise) -> bool:
        """Whether a rate or a tariff may be new, or a participant resumed, since the last look."""
        if self._any_inactive(command) or not all(
            number or known for number, known in self._rates_of(command)
        ):
            return True
        if isinstance(command, Accept) and command.quote:  # its charges were promised
            return False
        return bool(self._of_fee(command, command.bearer or tariffs.SERVICE_LEVEL, command.purpose))

    async def _load_own(self, connection: asyncpg.Connection, commands: Sequence[Command]) -> None:
        """Read which payments have a UETR of their own; there are hardly ever any."""
        named = [
            (UUID(bytes=c.identity.uetr), stated, c.identity.sender)
            for c in commands
            if isinstance(c, Accept) and own_uetr.is_reserved(str(UUID(bytes=c.identity.uetr)))
            for stated in _stated(c)
        ]
        if named:
            rows = await connection.fetch(_ALLOWED, *map(list, zip(*named, strict=True)))
            self._own = {row["own"] for row in rows}

    async def _read(self, connection: asyncpg.Connection) -> None:
        known, self.keys = self.keys, {}
        for keyid, participant, pem, valid_from, valid_until in await connection.fetch(_KEYS):
            key = known.get(keyid)
            try:
                same = key is not None and key.pem == pem
                public = key.public if key and same else PublicKey.from_pem(keyid, pem.encode())
            except ValueError:  # one invalid row must not block all participants
                continue
            self.keys[keyid] = SigningKeyInForce(participant, pem, public, valid_from, valid_until)
        participants = await connection.fetch(_BICS)
        self.bics = {row["bic"]: row["id"] for row in participants}
        self._inactive = {row["id"] for row in participants if row["status"] != "active"}
        self._countries = {row["id"]: row["country"] for row in participants}
        self._gateways = {row["rail"]: row["gateway"] for row in await connection.fetch(_GATEWAYS)}
        await self._read_fees(connection)
        for source, target, provider, rate in await connection.fetch(_RATES):
            rates = self._rates.setdefault((source, target, provider), deque(maxlen=_KEPT))
            if rate not in rates:
                rates.append(rate)
        self._fixings = [FixingInForce(*row) for row in await connection.fetch(_FIXINGS)]
        self._read_at = monotonic()

    async def _read_fees(self, connection: asyncpg.Connection) -> None:
        rows: dict[tuple[str, str], list[Tariff]] = {}
        for row in await connection.fetch(_TARIFFS):
            rows.setdefault((row["source"], row["target"]), []).append(Tariff(**row))
        for source, target, minor, bps in await connection.fetch(_FEES):
            kept = self._fees.setdefault((source, target), deque(maxlen=_KEPT))
            of_pair = tuple(rows.get((source, target), ()))
            if (minor, bps, of_pair) not in (each[:3] for each in kept):
                kept.append(CorridorFeesKept(minor, bps, of_pair, TariffTable(of_pair)))

    def stop(self, command: Command, books: Books) -> Reply | None:
        """Refuse a payment or a return that is not what its message says."""
        self._now_us = microseconds(books.now)
        if isinstance(command, Accept):
            lacks = self._of_payment(command, books)
        elif isinstance(command, Promise):
            lacks = self._of_quote(command, books)
        elif isinstance(command, Publish):
            lacks = self._of_offers(command, books)
        elif isinstance(command, Return) and command.sender:
            lacks = self._of_return(command, books)
        else:
            return None
        return self._refuse(command, lacks) if lacks else None

    def _refuse(self, command: Accept | Promise | Publish | Return, lacks: str) -> Reply:
        """Count it, log it, and do nothing: whoever sent the message may send it again."""
        metrics.WRITER_REFUSED.labels("cause").inc()
        match command:
            case Accept(identity=identity):
                uetr = str(UUID(bytes=identity.uetr))
            case Return(uetr=returned):
                uetr = str(UUID(bytes=returned))
            case _:
                uetr = ""
        _log.error("cause_refused", command=type(command).__name__, uetr=uetr, lacks=lacks)
        return Reply(Verdict.UNAVAILABLE, reason=f"the ledger's writer does not believe it: {lacks}")

    def _of_payment(self, command: Accept, books: Books) -> str:
        """Why a payment is not what its sender signed; empty if it is."""
        terms, sender = command.terms, command.identity.sender
        lacks = _of_terms(command, books)
        if lacks or command.evidence is None:
            return lacks or self._unsigned()
        try:
            kind = self._signed(command.evidence, _PAY, sender, self._signed_until(command, books))
            message = codec.decode(command.evidence.message, media_type=kind, expect="pacs.008")
            uetr, stated, debtor, creditor = credit_transfer.read_moved(message)
            bearer, purpose = credit_transfer.read_charging(message)
            quote = credit_transfer.read_quote(message)
        except SwitchError as error:
            return error.detail
        kept = UUID(bytes=command.identity.uetr)
        lacks = self._of_message(command, message.id, uetr, quote)
        if lacks:
            return lacks
        if (stated.minor, stated.currency) != (_amount(command), terms.debit_currency):
            return "another amount was signed"
        agents = self.bics.get(debtor), self._credited(command, creditor)
        if agents != (terms.debtor_agent, terms.creditor_agent) or terms.debtor_agent != sender:
            return "other agents were signed"
        return self._of_party(command, kept, books) or self._of_price(command, bearer, purpose)

    def _of_message(self, command: Accept, definition: str, uetr: str, quote: str | None) -> str:
        """Why another message was signed: by its UETR, its version or its quote; empty if it is this one."""
        if not self._is_of(command, uetr) or definition != command.identity.message_name:
            return "another payment was signed"
        named = UUID(quote).bytes if quote else b""
        return "" if command.recovered or named == command.quote else "another quote was signed"

    def _of_price(self, command: Accept, bearer: str, purpose: str) -> str:
        """Why a payment has another price than what was signed; empty if it is the price.

        `Quotes` compares the terms and the charges of a payment that names a quote with those promised,
        whatever tariffs and rates have become.
        """
        if not command.quote:
            return self._of_fee(command, bearer, purpose) or self._of_credit(command)
        same = (bearer, purpose) == (command.bearer, command.purpose)
        return "" if same else "another charge bearer or purpose was signed"

    def _is_of(self, command: Accept, stated: str) -> bool:
        """Whether a command is about the payment of the UETR that its message states."""
        kept = UUID(bytes=command.identity.uetr)
        is_own = kept in self._own and kept == own_uetr.derive(command.identity.sender, UUID(stated))
        return str(kept) == stated or is_own

    def _signed_until(self, command: Accept, books: Books) -> int:
        """When the signature must be valid: now; of a payment that was held, when it was held."""
        for holds in self._holds:
            held = holds.released_at(command)
            if held is not None:
                return held
        return microseconds(books.now)

    def _of_quote(self, command: Promise, books: Books) -> str:
        """Why a quote is not what its participant asked for, at the terms in force; empty if it is."""
        terms = command.terms
        if command.evidence is None:
            return self._unsigned()
        try:
            self._signed(command.evidence, _QUOTE, terms.debtor_agent, microseconds(books.now))
            asked = decoded(command.evidence.message, AskedQuote)
            stated = Money.parse(asked.amount, asked.currency)
        except SwitchError as error:
            return error.detail
        is_source = asked.fixed == SOURCE
        fixed = Money(_amount(command), terms.debit_currency)
        if not is_source:
            fixed = Money(terms.credit_minor, terms.credit_currency)
        wanted = fixed, terms.creditor_agent, command.bearer, command.purpose
        agent = self._asked_agent(command, asked)
        if (stated, agent, asked.charge_bearer, asked.purpose or "") != wanted:
            return "a quote for another payment was signed"
        if self._any_inactive(command):
            return "one of its participants is suspended"
        of_fx = self._of_rate(command) if is_source else self._of_bought(command)
        return self._of_fee(command, command.bearer, command.purpose) or of_fx

    def _asked_agent(self, command: Promise, asked: AskedQuote) -> str | None:
        """The participant that a quote is asked for.

        Of an alias only the country is signed: a worker that looked it up wrongly made a quote that no
        payment can use, as a payment names the bank itself.
        """
        if asked.creditor_agent is not None or asked.creditor_member_id is not None:
            return self._credited(command, agent_of(asked))
        alias, agent = asked.creditor_alias, command.terms.creditor_agent
        is_there = alias is not None and self._countries.get(agent) == alias.country
        return agent if is_there else None

    def _credited(self, command: Accept | Promise, agent: Agent) -> str | None:
        """The participant that a payment to an agent credits: itself, or the gateway of an indirect one."""
        known = self.bics.get((agent.bic or "")[:8])
        if command.indirect and (known is None or known in self._inactive):
            return next((part.gateway_of(command, agent) for part in self._indirect), None)
        return known

    def _of_offers(self, command: Publish, books: Books) -> str:
        """Why rates are not what their FX provider signed; empty if they are, or if two people decided."""
        if command.change:  # `Causes` compares them with what its people approved
            return "its provider is suspended" if command.provider in self._inactive else ""
        if command.evidence is None:
            return self._unsigned()
        try:
            now = microseconds(books.now)
            self._signed(command.evidence, _RATES_PATH, command.provider, now, method="PUT")
            asked = decoded(command.evidence.message, AskedRates)
            same = fx_offers.of(asked) == command.offers
        except SwitchError as error:
            return error.detail
        if not same:
            return "other rates were signed"
        return "its provider is suspended" if command.provider in self._inactive else ""

    def _any_inactive(self, command: Accept | Promise) -> bool:
        terms, cross = command.terms, command.cross
        first = cross.first_provider if cross is not None else ""
        parties = terms.debtor_agent, terms.creditor_agent, terms.fx_provider, first
        return not self._inactive.isdisjoint(parties)

    def _of_party(self, command: Accept, uetr: UUID, books: Books) -> str:
        """Why a participant may not take part in a new payment; empty if all may, or it is a repetition."""
        if self._any_inactive(command) and books.find(uetr) is None:
            return "one of its participants is suspended"
        return ""

    def _of_fee(self, command: Accept | Promise, bearer: str, purpose: str) -> str:
        """Why the fee or the rail is not that of the corridor; empty if it is.

        The worker priced the payment when it began its lifetime, which `LATE` bounds.
        """
        terms = command.terms
        source, target = (self._countries.get(each) for each in (terms.debtor_agent, terms.creditor_agent))
        if terms.rail != target:
            return "its rail is that of another country"
        minor, at = _amount(command), command.expires_at - command.lifetime
        usage = Usage(terms.debtor_agent, terms.creditor_agent, bearer, purpose, at)
        right = any(
            _is_charged(command, tariffs.charges(minor, each.minor, each.bps, each.table, usage))
            for each in self._fees.get((source or "", target or ""), ())
        )
        return "" if right and terms.fee_minor < minor else "its fee is not that of its corridor"

    def _of_credit(self, command: Accept) -> str:
        """Why another amount must be credited; empty if none.

        `RestoreGate` compared the amount of a payment that was executed before a restore. If the rail's file
        states none, the rate in force counts, as for a new payment.
        """
        terms = command.terms
        if not command.recovered:
            return self._of_rate(command)
        is_stated = any(gate.credited(command.identity.uetr) is not None for gate in self._gates)
        if terms.fx_provider and is_stated and all(self._has_rates(pair) for pair in _pairs(command)):
            return self._of_between(command)
        return self._of_rate(msgspec.structs.replace(command, offer=0))

    def _of_between(self, command: Accept) -> str:
        """Why the providers of a cross rate must exchange another amount; empty if they must not."""
        terms, cross = command.terms, command.cross
        if cross is None or not cross.first_provider:
            return ""
        if cross.first_provider == terms.fx_provider:
            return _OTHER_BETWEEN
        debit, between = Money(terms.debit_minor, terms.debit_currency), Money(cross.via_minor, cross.via)
        known = self._knows_rate(_pairs(command)[0], cross.first_rate)
        same = between.minor and between == convert(debit, cross.via, cross.first_rate)
        return "" if known and same else _OTHER_BETWEEN

    def _has_rates(self, pair: Pair) -> bool:
        """Whether people set rates of a provider for a pair."""
        return pair in self._rates or any(each.pair == pair for each in self._fixings)

    def _knows_rate(self, pair: Pair, rate: str) -> bool:
        """Whether people set this rate of a provider for a pair, or it is a fixing in force."""
        if rate in self._rates.get(pair, ()):
            return True
        return any(each.is_of(pair, rate, self._now_us) for each in self._fixings)

    def _rates_of(self, command: Accept | Promise) -> list[tuple[int, bool]]:
        """The number of the offer of each rate of a command, and whether people set this rate."""
        terms, cross = command.terms, command.cross
        if not terms.fx_provider:
            return []
        rates = [terms.rate] if cross is None else [cross.first_rate, cross.second_rate]
        offers = [command.offer] if cross is None else [cross.first, command.offer]
        known = [self._knows_rate(*each) for each in zip(_pairs(command), rates, strict=True)]
        return list(zip(offers, known, strict=True))

    def _knows_offer(self, command: Accept | Promise, *, exact: bool) -> bool:
        """Whether terms are at the rate of an offer for their amount; `Offers` compared all else."""
        terms, cross, number = command.terms, command.cross, command.offer
        if cross is not None:
            return self._knows_cross(command, cross, exact=exact)
        if not number:
            return all(known for _, known in self._rates_of(command))
        found = [part.by_number[number] for part in self._offers if number in part.by_number]
        rates = found[0].rates(terms) if found else []
        return terms.rate in (rates[-1:] if exact else rates)

    def _knows_cross(self, command: Accept | Promise, cross: Cross, *, exact: bool) -> bool:
        """Whether a cross rate is the product of two rates of its providers, each for its amount."""
        terms = command.terms
        if (
            terms.rate != crossed(cross.first_rate, cross.second_rate)
            or cross.first_provider == terms.fx_provider
        ):
            return False
        debit = Money(terms.debit_minor, terms.debit_currency)
        between = convert(debit, cross.via, cross.first_rate).minor
        minors = debit.minor, cross.via_minor if cross.first_provider else between
        rates = cross.first_rate, cross.second_rate
        for (number, known), minor, rate in zip(self._rates_of(command), minors, rates, strict=True):
            found = [part.by_number[number] for part in self._offers if number in part.by_number]
            of_offer = found[0].rates_of(minor) if found else []
            if not (rate in (of_offer[-1:] if exact else of_offer) if number else known):
                return False
        return True

    def _of_rate(self, command: Accept | Promise) -> str:
        """Why another amount must be credited at a rate in force; empty if none."""
        terms = command.terms
        debit = Money(terms.debit_minor, terms.debit_currency)
        if not terms.fx_provider:
            same = (terms.credit_minor, terms.credit_currency) == (debit.minor, debit.currency)
            return "" if same else "it converts without a rate"
        if not self._knows_offer(command, exact=True):
            return "its rate is not in force"
        cross = command.cross
        if cross is not None and cross.first_provider:
            between = Money(cross.via_minor, cross.via)
            if not between.minor or between != convert(debit, cross.via, cross.first_rate):
                return _OTHER_BETWEEN
            most = convert(between, terms.credit_currency, cross.second_rate).minor
        else:
            most = convert(debit, terms.credit_currency, terms.rate).minor
        if terms.credit_minor > most:
            return "it credits too much"
        return "" if terms.credit_minor > max(0, most - LARGEST_STEP) else "it credits too little"

    def _of_bought(self, command: Promise) -> str:
        """Why another amount must be debited for a fixed credit at a rate in force; empty if none."""
        terms = command.terms
        credit = Money(terms.credit_minor, terms.credit_currency)
        if not terms.fx_provider:
            return self._of_rate(command)
        if not self._knows_offer(command, exact=False):
            return "its rate is not in force"
        cross = command.cross
        if cross is not None and cross.first_provider:
            between = to_get(credit, cross.via, cross.second_rate)
            if between.minor != cross.via_minor:
                return _OTHER_BETWEEN
            least = to_get(between, terms.debit_currency, cross.first_rate).minor
        else:
            least = to_get(credit, terms.debit_currency, terms.rate).minor
        return "" if terms.debit_minor == least else "it debits another amount than the credit costs"

    def _of_return(self, command: Return, books: Books) -> str:
        """Why a return is not what the creditor agent signed; empty if it is."""
        if command.evidence is None:
            return self._unsigned()
        try:
            kind = self._signed(command.evidence, _GIVE_BACK, command.sender, microseconds(books.now))
            message = codec.decode(command.evidence.message, media_type=kind, expect="pacs.004")
            asked = payment_return.read(message)
        except SwitchError as error:
            return error.detail
        if asked.uetr != str(UUID(bytes=command.uetr)):
            return "the return of another payment was signed"
        if asked.rate != command.rate:
            return "another rate was signed"
        return self._of_returner(command, asked.amount, books)

    def _of_returner(self, command: Return, amount: Money, books: Books) -> str:
        """Why the sender may not return this amount of the payment; empty if it may."""
        payment = self._returned.get(UUID(bytes=command.uetr))
        if payment is None or payment.creditor_agent != command.sender:
            return "its sender did not receive the payment"
        minor = command.minor or payment.credit.minor
        if amount != Money(minor, payment.credit.currency):
            return "another amount was signed"
        if books.find(UUID(bytes=command.id)) is not None:  # for the ledger to repeat
            return ""
        if command.sender in self._inactive:
            return "its sender is suspended"
        terms = self.return_terms(AskedReturn(command.uetr, minor, 0, command.rate), books)
        if command.minor or not isinstance(terms, tuple):
            return terms if isinstance(terms, str) else ""
        return "a return in full is at the rate of the payment"

    def return_terms(self, asked: AskedReturn, books: Books) -> ReturnTerms:
        """Why a return is too late, or costs the FX provider money; or the rate that it has instead."""
        payment = self._returned.get(UUID(bytes=asked.uetr))
        if payment is None:  # for the ledger to refuse
            return None
        payment = payment._replace(parts_minor=asked.before, controls=self._controls_of(payment))
        now = books.now - timedelta(seconds=_SLACK_S)
        if asked.of_rail:
            found = returnable.terms_by_rule(payment, asked.minor, now, self._return_within)
        else:
            found = returnable.terms(payment, asked.minor, now, self._return_within, rate=asked.rate)
        return found.text if isinstance(found, returnable.ReturnRefusal) else found

    def _controls_of(self, payment: returnable.Returnable) -> tuple[PairControl, ...]:
        """What central banks decided on its currencies: as the writer knows it, which is the newest."""
        currencies = payment.debit.currency, payment.credit.currency
        return tuple(control for pairs in self._pairs for control in pairs.between(*currencies))

    def _unsigned(self) -> str:
        return "" if self._sandbox else "nobody signed it"

    def _signed(self, evidence: Evidence, path: str, sender: str, now: int, *, method: str = "POST") -> str:
        """Verify what a participant signed, as of an instant; return the content type.

        Raises:
            NotAuthentic: it did not sign this.

        """
        rail = rail_of(evidence)
        if rail and path in {_PAY, _QUOTE}:
            return self._ordered(rail, sender)
        of_file = is_of_file(evidence) and path == _PAY
        if of_file and evidence.keyid == OF_FILE:
            return self._of_bearer()
        key = self.keys.get(evidence.keyid.removeprefix(OF_FILE) if of_file else evidence.keyid)
        if key is None or key.participant != sender:
            raise NotAuthentic("it is not signed by a key of its sender")
        ended = key.valid_until is not None and key.valid_until + _SLACK_S * 1_000_000 <= now
        if ended or now < key.valid_from - _SLACK_S * 1_000_000:
            raise NotAuthentic("its key is not in force")
        if of_file:
            verify_file(evidence, key.public, now // 1_000_000, self._authority)
            return codec.XML
        return http_signatures.verify_base(
            evidence.base,
            evidence.signature,
            key=key.public,
            path=path,
            body=evidence.message,
            now=now // 1_000_000,
            slack_s=_SLACK_S,
            authority=self._authority,
            method=method,
        )

    def _of_bearer(self) -> str:
        """Check that files may be handed in with a bearer key.

        Raises:
            NotAuthentic: it is no sandbox.

        """
        if not self._sandbox:
            raise NotAuthentic(self._unsigned())
        return codec.XML

    def _ordered(self, rail: str, sender: str) -> str:
        """Check that two people made the sender the gateway of the rail that ordered it.

        Raises:
            NotAuthentic: they did not.

        """
        if self._gateways.get(rail) != sender:
            raise NotAuthentic("its sender is not the gateway of the rail that ordered it")
        return codec.XML


def verify_file(
    evidence: Evidence, key: PublicKey, now: int, authority: str, sha256: bytes | None = None
) -> None:
    """Verify that a participant signed a file, and not too long ago; with `sha256` also that it is this file.

    Raises:
        NotAuthentic: it did not.

    """
    http_signatures.verify_base(
        evidence.base,
        evidence.signature,
        key=key,
        path=FILES,
        sha256=sha256,
        now=now,
        slack_s=FILE_LASTS_S_MAX,
        authority=authority,
    )


def _amount(command: Accept | Promise) -> int:
    """The amount that the message states: charges may be taken from it before it is moved."""
    return command.terms.debit_minor + tariffs.deducted(command.charges)


def _pairs(command: Accept | Promise) -> list[Pair]:
    """The pairs of the rates of a command."""
    terms, cross = command.terms, command.cross
    source, target, provider = terms.debit_currency, terms.credit_currency, terms.fx_provider
    if cross is None:
        return [(source, target, provider)]
    return [(source, cross.via, cross.first_provider or provider), (cross.via, target, provider)]


def _is_charged(command: Accept | Promise, charged: Sequence[FeeCharge]) -> bool:
    """Whether these are the charges of a payment, and its fee is their sum."""
    if not charged or command.terms.fee_minor != sum(each.minor for each in charged):
        return False
    return command.charges == ([] if tariffs.is_of_corridor(charged) else list(charged))


def _of_terms(command: Accept, books: Books) -> str:
    """Why the legs move something else than the terms say; empty if they do not.

    The legs are those of `pricing.legs`; an account that does not exist is for the ledger to refuse.
    """
    terms = command.terms
    if command.charges and sum(each.minor for each in command.charges) != terms.fee_minor:
        return "its charges are not its fee"
    debit, credit = (terms.debit_minor, terms.debit_currency), (terms.credit_minor, terms.credit_currency)
    debtor, creditor, provider = terms.debtor_agent, terms.creditor_agent, terms.fx_provider
    wanted = [(debtor, creditor, "principal", *debit)]
    if provider:
        cross = command.cross
        first = cross.first_provider if cross is not None and cross.first_provider else provider
        wanted = [(debtor, first, "conversion", *debit), (provider, creditor, "conversion", *credit)]
        if cross is not None and first != provider:
            wanted.insert(1, (first, provider, "conversion", cross.via_minor, cross.via))
    if terms.fee_minor:
        wanted.append((debtor, SCHEME, "fee", terms.fee_minor, terms.debit_currency))
    legs, purposes = [], set()
    for leg in command.legs:
        source, target = books.account(leg.debit), books.account(leg.credit)
        if source is None or target is None:
            return ""
        legs.append((source.owner, target.owner, leg.purpose, leg.amount, source.currency))
        purposes |= {source.purpose, FEES if leg.purpose == "fee" else target.purpose}
        if leg.purpose == "fee" and target.purpose != FEES:
            return "its fee goes elsewhere"
    if legs != wanted or purposes - {FEES} not in ({POSITION}, {GROSS}):
        return "its legs move something else than its terms"
    return ""


def _stated(command: Accept) -> list[UUID]:
    """The UETR that the signed message states; none if it cannot be read, which `stop` refuses."""
    if command.evidence is None:
        return []
    for kind in (codec.XML, codec.JSON):
        try:
            message = codec.decode(command.evidence.message, media_type=kind, expect="pacs.008")
            return [UUID(credit_transfer.read_moved(message)[0])]
        except SwitchError:
            continue
    return []
