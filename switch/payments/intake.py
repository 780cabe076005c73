"""Intake: from a decoded pacs.008 to reserved money, by rules, routing, pricing, translation and one command.

All decisions before the durable command are made in memory and change nothing. A refusal by the switch itself
is recorded under the UETR, so a refused payment stays refused and regulators can count it.
"""

import asyncio
from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import structs

from adapters.port import Order, OriginalMessage
from ledger.encoding import microseconds
from schemas import codec, credit_transfer, rules, verdict
from schemas.errors import DuplicateUetr, NotAllowed, NotFound, Refused, Unavailable
from schemas.findings import Finding
from schemas.money import Money
from schemas.parties import build_agent
from schemas.payment import NOT_PROVIDED, Agent, CreditTransfer
from schemas.reasons import Reason
from switch.base import metrics, personal_data, tracing
from switch.base.failpoints import failpoint
from switch.base.personal_data import Sealer
from switch.base.settings import Settings
from switch.payments import (
    corridor_rules,
    indirect,
    pricing,
    quotes,
    rail_profile,
    recovery,
    routes,
    stated,
    tariffs,
)
from switch.payments.directory import Directory, Participant
from switch.payments.dispatch import Dispatcher, now_us, scaled_us
from switch.payments.held import HeldPayment, encode_findings
from switch.payments.indirect import IndirectParticipant
from switch.payments.rails import Rails
from switch.payments.recovery import KnownAtRail, KnownLine
from switch.payments.routes import Route
from switch.payments.screening import (
    NOT_SCREENED,
    WATCH,
    WATCH_ENTRY,
    Screening,
    ScreeningFinding,
    ScreeningResult,
    new_findings,
)
from switch.payments.stated import IdentifiedBank
from switch.writer import duplicates, velocity
from switch.writer.client import Link
from switch.writer.commands import (
    NO_TERMS,
    OF_FILE,
    OF_RAIL,
    Accept,
    Evidence,
    FeeCharge,
    HoldAgain,
    HoldForScreening,
    Identity,
    Refuse,
    Reply,
    Terms,
)
from switch.writer.lifecycle import State
from switch.writer.screening_holds import RELEASE
from switch.writer.verdicts import Verdict
from switch.writer.watching import WatchKind

_KNOWN: Final = frozenset({Verdict.EXISTS, Verdict.ALREADY_FAILED})
_HELD_POLL_S: Final = 1.0
OFFERS_TRIED: Final = 5
"""Offers that end or are used up while a payment is priced, before its sender is asked to try again."""
OFFER_GONE: Final = frozenset({Verdict.OFFER_ENDED, Verdict.OFFER_EXHAUSTED})


class PaymentStatus(msgspec.Struct, frozen=True):
    """Status of a payment. `known` marks a repeat: nothing was done now, and a None state must be read."""

    uetr: UUID
    state: State | None
    reason: str = ""
    detail: str = ""
    known: bool = False
    refused_here: bool = False
    """Refused by the switch, not by the rail: nothing was ever reserved."""
    notes: Sequence[Sequence[str]] = ()
    """Parts of the message that the rail does not carry: the path of an element, and a text."""
    charges: Sequence[Money] = ()
    """What it costs, charge by charge, unless it failed."""


class Proved(msgspec.Struct, frozen=True):
    """Identity of a message, what encrypts it, and what its sender signed."""

    identity: Identity
    sealer: Sealer
    evidence: Evidence | None
    held: HeldPayment | None = None
    """Its screening hold, which is to be ended."""

    @property
    def number(self) -> int:
        """Of its screening hold; 0 if it has none."""
        return 0 if self.held is None else self.held.number

    @property
    def released(self) -> Sequence[ScreeningFinding]:
        """What people have released."""
        return self.held.findings if self.held is not None and self.held.decision == RELEASE else ()

    @property
    def waived(self) -> list[int]:
        """The watch rules among it."""
        entries = (each.entry for each in self.released if each.kind == WATCH)
        return [int(entry.removeprefix(WATCH_ENTRY)) for entry in entries]


class WatchHold(Exception):
    """Watch rules hold the payment: `1017:structuring 1020:fan_in`. Nothing was reserved."""

    def findings(self, payment: CreditTransfer) -> list[ScreeningFinding]:
        """What people decide about, with the holder of the account that each rule is about."""
        found = []
        for text in str(self).split():
            number, _, kind = text.partition(":")
            account, holder = "debtor account", payment.debtor.name
            if kind == WatchKind.FAN_IN:
                account, holder = "creditor account", payment.creditor.name
            found.append(ScreeningFinding(account, holder or "", f"{WATCH_ENTRY}{number}", kind, 100, WATCH))
        return found


def _with_watched(found: ScreeningResult, more: Sequence[ScreeningFinding]) -> ScreeningResult:
    """What screening found, with what watch rules found; that the engine was silent stays the last."""
    watched = [each for each in more if each.kind == WATCH]
    return ScreeningResult(found.lists, [*watched, *found.findings]) if watched else found


class Intake:
    """Accepts payments. One per worker."""

    def __init__(  # noqa: PLR0917 - what a worker has one of
        self,
        settings: Settings,
        directory: Directory,
        rails: Rails,
        link: Link,
        dispatcher: Dispatcher,
        screening: Screening,
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._rails = rails
        self._link = link
        self._dispatcher = dispatcher
        self._screening = screening
        self._pool = directory.pool
        self._keys = personal_data.load(settings.personal_data_keys)

    async def take(
        self,
        message: codec.Message,
        payment: CreditTransfer,
        sender: Participant,
        evidence: Evidence | None = None,
    ) -> PaymentStatus:
        """Accept `payment`, decoded from `message` and sent by the authenticated `sender`.

        `evidence` is what the sender signed; only a sandbox accepts payments without.

        A payment that its rail executed before a restore of the database is reserved, and not sent again.

        Raises:
            DuplicateUetr: the UETR is known with different content.
            NotAllowed: the debtor agent is not the sender, or the sender is suspended.
            Unavailable: nothing was done; the same message may be sent again.
            OutcomeUnknown: it may have been accepted; send the same message again to learn the result.

        """
        self._check_sender(payment, sender)
        proved = self._proved(message, payment, sender, evidence)
        made_at = _now()
        try:
            return await self._take_new(proved, message, payment, sender, made_at)
        except KnownAtRail as known:
            return await self._take_again(proved, message, payment, sender, known.line, made_at)

    async def take_order(
        self, message: codec.Message, payment: CreditTransfer, gateway: Participant, rail: str
    ) -> PaymentStatus:
        """Accept a payment that a rail ordered, whose signature was verified; `gateway` is its debtor agent.

        Every refusal is recorded, so that the ledger alone says what became of the order. It may be given
        again, whatever was heard.

        Raises:
            DuplicateUetr: another payment has the UETR.
            Unavailable, OutcomeUnknown: try again.

        """
        evidence = Evidence(f"{OF_RAIL}{rail}", b"", b"", message.raw)
        try:
            return await self.take(message, payment, gateway, evidence)
        except NotAllowed as refusal:
            refused = Refused(refusal.detail, reason=Reason.TRANSACTION_FORBIDDEN, path=refusal.path)
            proved = self._proved(message, payment, gateway, evidence)
            return await self._refuse(proved, message, payment, gateway, refused)

    async def take_line(
        self, message: codec.Message, payment: CreditTransfer, sender: Participant, signed: Evidence
    ) -> PaymentStatus:
        """Accept a line of a file that `sender` signed, whose signature was verified.

        Every refusal is recorded, as with `take_order`. It may be given again, whatever was heard.

        Raises:
            DuplicateUetr: another payment has the UETR.
            Unavailable, OutcomeUnknown: try again.

        """
        evidence = _of_file(message, signed)
        try:
            return await self.take(message, payment, sender, evidence)
        except NotAllowed as refusal:
            refused = Refused(refusal.detail, reason=Reason.TRANSACTION_FORBIDDEN, path=refusal.path)
            return await self.refuse_line(message, payment, sender, signed, refused)

    async def refuse_line(
        self,
        message: codec.Message,
        payment: CreditTransfer,
        sender: Participant,
        signed: Evidence,
        refused: Refused,
    ) -> PaymentStatus:
        """Record that a line of a file is refused, if the ledger has no payment of it.

        Raises:
            DuplicateUetr: another payment has the UETR.
            Unavailable, OutcomeUnknown: try again.

        """
        proved = self._proved(message, payment, sender, _of_file(message, signed))
        return await self._refuse(proved, message, payment, sender, refused)

    async def check(self, message: codec.Message, payment: CreditTransfer, sender: Participant) -> None:
        """Refuse a payment that would be refused now; nothing is decided, stored or held.

        Limits and balances are the writer's, and screening holds and does not refuse: neither is asked.

        Raises:
            NotAllowed: the debtor agent is not the sender, or the sender is suspended.
            Refused: it would be.
            Unavailable: it could not be accepted at all now.

        """
        self._check_sender(payment, sender)
        made_at = _now()
        bank, payment = await self._addressed(payment, made_at)
        order, route, _ = await self._prepared(message, payment, sender, made_at, bank, since_us=now_us())
        await self._check_price(order, route, credit_transfer.read_charging(message))

    async def _check_price(self, order: Order, route: Route, charging: tuple[str, str]) -> None:
        """Refuse a payment whose price, or amount at this price, is refused now.

        Raises:
            Refused: it is.

        """
        price = await self._price(order, route, charging, set())
        pricing.legs(price, route.debtor, route.creditor, route.corridor, self._directory.now)
        rail_profile.check_limits(price.credit, route.rail.adapter.profile.limits)

    async def take_held(self, held: HeldPayment) -> PaymentStatus:
        """Accept a payment that people have released, as if it came now; what they released is no hit again.

        So is one accepted that waited only for the outside engine, if it answers and finds nothing.
        It is held again if more was found meanwhile, and refused for any reason for which it would be refused
        if it came now, except for times that it stated in time.

        Raises:
            Unavailable, OutcomeUnknown: try again.

        """
        message = codec.again(held.raw, held.identity.message_name)
        payment = _kept(message, held)
        sender = self._directory.now.by_id[held.identity.sender]
        sealer = self._keys.reopened(held.uetr, held.identity.key)
        proved = Proved(held.identity, sealer, held.evidence, held)
        made_at = _now()
        try:
            self._check_sender(payment, sender)
        except NotAllowed as refusal:
            refused = Refused(refusal.detail, reason=Reason.TRANSACTION_FORBIDDEN, path=refusal.path)
            return await self._refuse(proved, message, payment, sender, refused)
        try:
            return await self._take_new(proved, message, payment, sender, made_at)
        except KnownAtRail as known:
            return await self._take_again(proved, message, payment, sender, known.line, made_at)

    async def compare_again(self, held: HeldPayment) -> PaymentStatus | None:
        """Compare a held payment with the present lists; hold it again if there is more. None: there is not.

        Raises:
            Unavailable, OutcomeUnknown: try again.

        """
        message = codec.again(held.raw, held.identity.message_name)
        found = await self._screening.compare(message, held.identity.sender)
        found = _with_watched(found, held.findings)
        new = new_findings(found.findings, held.findings)
        _refuse_silence(new)
        if not new:
            return None
        sealer = self._keys.reopened(held.uetr, held.identity.key)
        proved = Proved(held.identity, sealer, held.evidence, held)
        try:
            return await self._hold_again(proved, found)
        except KnownAtRail as known:
            payment, sender = _kept(message, held), self._directory.now.by_id[held.identity.sender]
            return await self._take_again(proved, message, payment, sender, known.line, _now())

    async def end_held(self, held: HeldPayment, reason: Reason) -> PaymentStatus:
        """Refuse a held payment; the refusal says nothing of why it was held.

        Raises:
            Unavailable, OutcomeUnknown: try again.

        """
        message = codec.again(held.raw, held.identity.message_name)
        payment = _kept(message, held)
        sender = self._directory.now.by_id[held.identity.sender]
        sealer = self._keys.reopened(held.uetr, held.identity.key)
        proved = Proved(held.identity, sealer, held.evidence, held)
        return await self._refuse(proved, message, payment, sender, Refused(reason=reason))

    async def _refuse(
        self,
        proved: "Proved",
        message: codec.Message,
        payment: CreditTransfer,
        sender: Participant,
        refusal: Refused,
    ) -> PaymentStatus:
        """Record a refusal; what its rail executed before a restore is recorded as that instead.

        Raises:
            Unavailable: as `_take_again`.

        """
        try:
            return await self._remember(proved, self._terms_of(payment, sender), refusal)
        except KnownAtRail as known:
            return await self._take_again(proved, message, payment, sender, known.line, _now())

    async def _take_new(
        self,
        proved: "Proved",
        message: codec.Message,
        payment: CreditTransfer,
        sender: Participant,
        made_at: datetime,
    ) -> PaymentStatus:
        """Reserve the money and send, or record the refusal.

        Raises:
            KnownAtRail: its rail knows it from before a restore; nothing was done.

        """
        try:
            bank, payment = await self._addressed(payment, made_at)
            order, route, notes = await self._prepared(
                message,
                payment,
                sender,
                made_at,
                bank,
                since_us=proved.identity.received_at,
                fresh=proved.held is None,
            )
            charging = credit_transfer.read_charging(message)
            found = _with_watched(await self._screening.compare(message, sender.id), proved.released)
            if self._directory.now.screening_engines:
                # An outside engine may take ten seconds to answer: the order begins after that.
                order = replace(order, made_at=_now())
            new = new_findings(found.findings, proved.released) if found.findings else []
            if new and proved.held is not None:
                _refuse_silence(new)
                return await self._hold_again(proved, found)
            reserved = proved, order, route, notes, charging
            try:
                return await self._reserve(*reserved, found=found if new else NOT_SCREENED)
            except WatchHold as watched:
                found = _with_watched(found, watched.findings(payment))
                if proved.held is not None:
                    return await self._hold_again(proved, found)
                return await self._reserve(*reserved, found=found)
        except Refused as refusal:
            return await self._remember(proved, self._terms_of(payment, sender), refusal)

    async def _addressed(
        self, payment: CreditTransfer, made_at: datetime
    ) -> tuple[IndirectParticipant | None, CreditTransfer]:
        """The creditor agent if it is reached over a rail, and the payment as it is addressed to it.

        Raises:
            Refused: as `_indirect`.

        """
        bank = await self._indirect(payment, made_at)
        return bank, payment if bank is None else indirect.addressed(payment, bank)

    async def _prepared(
        self,
        message: codec.Message,
        payment: CreditTransfer,
        sender: Participant,
        made_at: datetime,
        bank: IndirectParticipant | None,
        *,
        since_us: int,
        fresh: bool = True,
    ) -> tuple[Order, Route, list[tuple[str, str]]]:
        """The order of a payment, its route and what its rail does not carry; `fresh`: it came now.

        Raises:
            Refused: the rules of the scheme, the route or the rail do not permit it.
            Unavailable: its rail is away; nothing was done.

        """
        scheme = self._scheme(payment, bank, since_us)
        _refuse_findings(rules.refusals(rules.check(message, scheme=scheme)))
        if fresh:
            stated.check_times(payment, message, made_at, self._settings)
        expires_at = stated.expiry(payment, made_at, self._settings)
        route = self._route(payment, sender, made_at, expires_at, bank)
        await self._check_day(payment, route, made_at)
        receivers = (route.creditor.bic, route.bank.bic)
        stated.check_parties(message, payment, sender, receivers, self._settings.bic)
        stated.check_member_ids(message, self._directory.now.by_bic)
        await self._check_creditor_account(payment, route, made_at)
        stated.check_kind(message.content, route.corridor)
        route.rail.check()
        if route.open:
            left_s = (expires_at - made_at).total_seconds()
            stated.check_way(payment, message, left_s, needed_s=route.rail.pace.needed_s)
        order = Order(
            payment=payment,
            amount=payment.interbank_settlement_amount,
            serial=0,
            made_at=made_at,
            expires_at=expires_at,
            original=OriginalMessage(message.id, message.content),
        )
        return order, route, _notes(route, order)

    async def _take_again(  # noqa: PLR0917 - what `take` was given, and what the rail knows
        self,
        proved: "Proved",
        message: codec.Message,
        payment: CreditTransfer,
        sender: Participant,
        line: KnownLine,
        made_at: datetime,
    ) -> PaymentStatus:
        """Record what the rail did with a payment that a restore lost: never send it again.

        Raises:
            Unavailable: it cannot be booked as it is: the operator must resolve the reconciliation break.

        """
        if not line.done:
            text = f"the rail refused it before the restore: {line.code or 'no code'}"
            refusal = Refused(
                text,
                reason=Reason.NARRATIVE,
                remedy="Correct what the code of the rail names, and send a new payment with a new UETR.",
            )
            return await self._remember(proved, self._terms_of(payment, sender), refusal)
        expires_at = made_at + timedelta(seconds=self._settings.payment_expiry_s)
        try:
            bank = await self._indirect(payment, made_at)
            route = self._route(payment, sender, made_at, expires_at, bank)
            bearer, purpose = credit_transfer.read_charging(message)
            price = routes.price(
                payment.interbank_settlement_amount,
                route,
                self._directory.now,
                at=made_at,
                bearer=bearer,
                purpose=purpose,
            )
            price = recovery.price_of(price, line)
            legs = pricing.legs(price, route.debtor, route.creditor, route.corridor, self._directory.now)
        except Refused as refusal:
            raise Unavailable(f"executed before the restore; it cannot be booked: {refusal.detail}") from None
        accept = Accept(
            identity=proved.identity,
            terms=terms_of(route, price),
            legs=legs,
            native_ref=line.ref,
            native_body=proved.sealer.seal(personal_data.SENT, b""),
            expires_at=microseconds(expires_at),
            lifetime=microseconds(expires_at) - microseconds(made_at),
            due_at=0,
            hold=True,
            recovered=line.ref,
            evidence=proved.evidence,
            charges=charges_of(price),
            bearer=bearer,
            purpose=purpose,
            held=proved.number,
            indirect=route.indirect_key,
        )
        return _status(UUID(bytes=proved.identity.uetr), await self._link.ask(accept))

    def _proved(
        self, message: codec.Message, payment: CreditTransfer, sender: Participant, evidence: Evidence | None
    ) -> Proved:
        """A new message, sealed under a key of its own."""
        uetr = UUID(payment.uetr)
        sealer = self._keys.sealer(uetr)
        identity = Identity(
            uetr=uetr.bytes,
            fingerprint=self.fingerprint(message, sender),
            sender=sender.id,
            message_name=message.id,
            message_id=payment.message_id,
            raw=sealer.seal(personal_data.CAME, message.raw),
            received_at=now_us(),
            key=sealer.sealed_key,
            end_to_end=self._end_to_end(payment),
        )
        return Proved(identity, sealer, evidence)

    def _end_to_end(self, payment: CreditTransfer) -> int:
        """By which people find the payment, if its sender gave it an end-to-end id."""
        text = payment.end_to_end_id
        return 0 if text == NOT_PROVIDED else self._keys.reference(text)

    def participant(self, name: str) -> Participant:
        """A participant as the directory has it now.

        Raises:
            Unavailable: the directory does not have it yet.

        """
        found = self._directory.now.by_id.get(name)
        if found is None:
            raise Unavailable("the directory does not have this participant yet")
        return found

    def bank(self, agent: Agent) -> Participant | None:
        """The participant of an agent's BIC, if it is one."""
        return self._directory.now.by_bic.get((agent.bic or "")[:8])

    def fingerprint(self, message: codec.Message, sender: Participant) -> bytes:
        """Fingerprint that identifies a repeat of the same message by the same sender."""
        return self._keys.fingerprint(sender.id, codec.digest(message))

    def _check_sender(self, payment: CreditTransfer, sender: Participant) -> None:
        if not self._directory.fresh:
            raise Unavailable("the directory cannot be read; nothing was decided")
        if sender.status != "active":
            raise NotAllowed("this participant is suspended")
        bic = payment.debtor_agent.bic or ""
        if bic[:8] != sender.bic[:8]:
            raise NotAllowed("the debtor agent is not the sender", path=pricing.DEBTOR_AGENT)

    def _scheme(self, payment: CreditTransfer, bank: IndirectParticipant | None, at_us: int) -> rules.Scheme:
        """Requirements of this corridor on a message; the countries are those of the agents' BICs."""
        source, target = ((agent.bic or "")[4:6] for agent in (payment.debtor_agent, payment.creditor_agent))
        target = target if bank is None else bank.rail
        own = corridor_rules.in_force(self._directory.now, source, target, at_us)
        return corridor_rules.scheme(self._settings.scheme_of(source, target), own)

    async def _indirect(self, payment: CreditTransfer, now: datetime) -> IndirectParticipant | None:
        """The creditor agent, if it is no participant, but is reached over a rail.

        Raises:
            Refused: RC04 it is not reached now, or its member id is wrong.

        """
        if not indirect.may_be(payment.creditor_agent, self._directory.now):
            return None
        return await indirect.find(self._pool, payment.creditor_agent, self._rails, now)

    async def _check_creditor_account(self, payment: CreditTransfer, route: Route, now: datetime) -> None:
        """Refuse an account at another bank than the creditor agent, participant or not: RC04."""
        account, forms = payment.creditor_account, route.rail.adapter.profile.creditor
        named = stated.other_bank(account, forms, route.bank)
        if named is None:
            return
        others: list[IdentifiedBank] = [*self._directory.now.participants]
        owner = await indirect.owns(self._pool, route.rail, named.id, now)
        others += [] if owner is None else [owner]
        stated.check_creditor_account(account, forms, route.bank, others)

    def _route(
        self,
        payment: CreditTransfer,
        debtor: Participant,
        made_at: datetime,
        expires_at: datetime,
        bank: IndirectParticipant | None,
    ) -> Route:
        return routes.find(
            self._directory.now,
            self._rails,
            debtor,
            payment.creditor_agent.bic or "",
            payment.interbank_settlement_amount.currency,
            now=made_at,
            expires_at=expires_at,
            indirect=bank,
        )

    async def _check_day(self, payment: CreditTransfer, route: Route, now: datetime) -> None:
        """Refuse a settlement date that is neither today nor the settlement day of a payment sent now."""
        if not stated.is_dated(payment, now, route.debtor.country, route.creditor.country):
            return
        currency = payment.interbank_settlement_amount.currency
        try:
            day = await asyncio.to_thread(self._directory.now.settlement_day, currency, now)
        except NotFound:
            raise stated.other_day() from None
        if payment.interbank_settlement_date != day:
            raise stated.other_day()

    async def _reserve(
        self,
        proved: "Proved",
        asked: Order,
        route: Route,
        notes: list[tuple[str, str]],
        charging: tuple[str, str],
        *,
        found: ScreeningResult,
    ) -> PaymentStatus:
        """Reserve what was `asked` at the best offer; at the next one if that is over or exhausted.

        `charging` is the charge bearer and the purpose code. If there are findings, it is held for people in
        place of the reservation, and refused for whatever a reservation is refused: or else a payment that is
        refused with any other name would tell that its name is a hit.
        """
        without: set[int] = set()
        for _ in range(OFFERS_TRIED):
            price = await self._price(asked, route, charging, without)
            order, noted = asked, notes
            if price.deducted.minor:
                order = _stating_charges(asked, price, self._settings.bic)
                noted = _notes(route, order)
            reply = await self._reserve_at(price, proved, order, route, noted, charging, found)
            if reply.verdict is Verdict.WATCHED:
                raise WatchHold(reply.detail)
            if reply.verdict not in OFFER_GONE:
                return _status(UUID(bytes=proved.identity.uetr), reply, noted, price)
            without |= price.offers
            if reply.verdict is Verdict.OFFER_ENDED:
                await self._directory.refresh()
        raise Unavailable("FX providers are changing their offers; nothing was decided")

    async def _reserve_at(  # noqa: PLR0917 - what is reserved
        self,
        price: pricing.Price,
        proved: "Proved",
        asked: Order,
        route: Route,
        notes: list[tuple[str, str]],
        charging: tuple[str, str],
        found: ScreeningResult,
    ) -> Reply:
        """Translate and reserve, or hold, at a price; amount and serial are determined here."""
        identity = proved.identity
        payment, directory = asked.payment, self._directory.now
        adapter = route.rail.adapter
        bearer, purpose = charging
        legs = pricing.legs(price, route.debtor, route.creditor, route.corridor, directory)
        serial = await route.rail.serials.take(asked.made_at)
        order = replace(asked, amount=price.credit, serial=serial)
        native = route.rail.translate(order)
        terms = terms_of(route, price)
        limited = directory.limited
        accept = Accept(
            identity=identity,
            terms=terms,
            legs=legs,
            native_ref=native.ref,
            native_body=proved.sealer.seal(personal_data.SENT, native.body),
            expires_at=microseconds(order.expires_at),
            lifetime=microseconds(order.expires_at) - microseconds(order.made_at),
            due_at=self._due_at(route, microseconds(order.expires_at)),
            hold=not route.open,
            notes=notes,
            claims=duplicates.claims(payment, identity.sender, self._keys, self._settings),
            evidence=proved.evidence,
            charges=charges_of(price),
            bearer=bearer,
            purpose=purpose,
            held=proved.number,
            meters=velocity.meters(payment, terms, self._keys, limited, watched=directory.watched)
            if limited or directory.watched
            else [],
            quote=UUID(payment.quote).bytes if payment.quote else b"",
            offer=price.offer,
            cross=price.cross,
            indirect=route.indirect_key,
            waived=proved.waived,
        )
        if found.findings:
            reply = await self._ask_to_hold(self._holding(accept, proved, payment, found))
        else:
            failpoint("before_reserve_commit")
            with tracing.part("reserve", rail=accept.terms.rail, uetr=payment.uetr):
                reply = await self._link.ask(accept)
            failpoint("after_reserve_commit")
        if reply.verdict is Verdict.LATE:
            raise Unavailable(
                "processing took too long, a limit has just changed, or a clock is wrong: nothing was done"
            )
        if reply.state == State.SENT:
            country = adapter.profile.country
            corridor = f"{route.debtor.country}-{country}"
            metrics.ACCEPTED.labels(country, price.debit.currency, corridor).inc()
            self._dispatcher.send_soon(route.rail, identity.uetr, native, accept.expires_at)
        return reply

    async def _price(
        self, asked: Order, route: Route, charging: tuple[str, str], without: Container[int]
    ) -> pricing.Price:
        """The price in force, or that of the quote that the payment names; what it states must agree."""
        assert asked.original is not None
        payment, content = asked.payment, asked.original.content
        bearer, purpose = charging
        directory = self._directory.now
        if payment.quote is None:
            price = routes.price(
                asked.amount,
                route,
                directory,
                at=asked.made_at,
                bearer=bearer,
                purpose=purpose,
                without=without,
            )
            stated.check_price(payment, content, price, directory.by_id.get(price.fx_provider))
            return price
        price = await quotes.price_of(self._pool, self._keys, payment, route, charging, asked.made_at)
        quotes.check_providers(payment, price, directory)
        try:
            stated.check_price(payment, content, price, directory.by_id.get(price.fx_provider))
        except Refused as refused:  # whatever differs, it is the quote that the payment does not follow
            text = "differs from the terms of the quote that the payment names"
            raise Refused(text, reason=Reason.ABORTED_SETTLEMENT, path=refused.path) from None
        return price

    def _due_at(self, route: Route, expires_at: int) -> int:
        if route.open:
            return now_us() + scaled_us(route.rail.adapter.profile.timing.answer_s, self._settings.time_scale)
        poll = now_us() + scaled_us(_HELD_POLL_S, self._settings.time_scale)
        return min(expires_at, max(route.opens_at, poll))

    def _terms_of(self, payment: CreditTransfer, sender: Participant) -> Terms:
        """Terms that an unpriced, refused message states: its parties, amount and target."""
        bic = payment.creditor_agent.bic or ""
        known = self._directory.now.by_bic.get(bic[:8])
        rail = self._rails.get(known.country) if known else None
        debit = payment.interbank_settlement_amount
        return structs.replace(
            NO_TERMS,
            debtor_agent=sender.id,
            creditor_agent=known.id if known else bic,
            debit_minor=debit.minor,
            debit_currency=debit.currency,
            credit_currency=rail.adapter.profile.currency if rail else "",
        )

    async def _remember(self, proved: "Proved", terms: Terms, refusal: Refused) -> PaymentStatus:
        identity = proved.identity
        reply = await self._link.ask(Refuse(identity, refusal.reason, refusal.placed, terms, proved.number))
        return _status(UUID(bytes=identity.uetr), reply)

    def _holding(
        self, accept: Accept, proved: "Proved", payment: CreditTransfer, found: ScreeningResult
    ) -> HoldForScreening:
        """Hold what would be accepted, until people have decided or its sender's deadline has passed."""
        lasts = int(self._settings.screening_hold_s * 1_000_000)
        if payment.deadline is not None:
            made_at = accept.expires_at - accept.lifetime
            lasts = min(lasts, max(0, microseconds(payment.deadline.astimezone(UTC)) - made_at))
        return HoldForScreening.of(accept, lasts=lasts, **_sealed(proved, found))

    async def _hold_again(self, proved: "Proved", found: ScreeningResult) -> PaymentStatus:
        """Hold a held payment again, as there is more."""
        command = HoldAgain(proved.identity, proved.number, **_sealed(proved, found))
        return _status(UUID(bytes=proved.identity.uetr), await self._ask_to_hold(command))

    async def _ask_to_hold(self, command: HoldForScreening | HoldAgain) -> Reply:
        failpoint("before_hold_commit")
        reply = await self._link.ask(command)
        failpoint("after_hold_commit")
        return reply


def _sealed(proved: Proved, found: ScreeningResult) -> dict[str, Any]:
    """What was found, for people, sealed under the payment's key."""
    before = proved.held
    direction = personal_data.HITS + (before.screening if before is not None else 0)
    hits = proved.sealer.seal(direction, encode_findings(found.findings))
    return {"lists": found.lists, "hits": hits, "hit_count": found.hit_count}


def _now() -> datetime:
    """The present instant, in milliseconds as rails write it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _of_file(message: codec.Message, signed: Evidence) -> Evidence:
    """What the sender of a line signed: the file that has it."""
    return Evidence(f"{OF_FILE}{signed.keyid}", signed.signature, signed.base, message.raw)


def _notes(route: Route, order: Order) -> list[tuple[str, str]]:
    """What the sender reads beside the outcome: the gateway that was used, and what is not carried."""
    notes = route.rail.not_carried(order)
    if route.indirect is None:
        return notes
    text = f"reached over the rail, through the gateway {route.creditor.id} ({route.creditor.bic})"
    return [("CdtTrfTxInf/CdtrAgt", text), *notes]


def _refuse_silence(found: Sequence[ScreeningFinding]) -> None:
    """Leave a held payment as it is if nothing is new but that the outside engine does not answer.

    Raises:
        Unavailable: so it is.

    """
    if found and all(each.silent for each in found):
        raise Unavailable("the screening engine does not answer; the payment stays held")


def _kept(message: codec.Message, held: HeldPayment) -> CreditTransfer:
    """A held payment under the UETR that the switch keeps, which may be its own one."""
    return structs.replace(credit_transfer.read(message), uetr=str(held.uetr))


def _refuse_findings(findings: list[Finding]) -> None:
    if findings:
        raise verdict.refusal(findings)


def terms_of(route: Route, price: pricing.Price) -> Terms:
    """Terms of a payment that is routed and priced."""
    return Terms(
        debtor_agent=route.debtor.id,
        creditor_agent=route.creditor.id,
        rail=route.rail.adapter.profile.country,
        debit_minor=price.debit.minor,
        debit_currency=price.debit.currency,
        credit_minor=price.credit.minor,
        credit_currency=price.credit.currency,
        fee_minor=price.fee.minor,
        fx_provider=price.fx_provider,
        rate=price.rate,
    )


def charges_of(price: pricing.Price) -> list[FeeCharge]:
    """The charges that are recorded beside the fee."""
    return [] if tariffs.is_of_corridor(price.charges) else list(price.charges)


def _stating_charges(asked: Order, price: pricing.Price, bic: str) -> Order:
    """The order with the charges that were taken from its amount, for the rails that carry them."""
    assert asked.original is not None
    content = asked.original.content
    (transaction,) = content["CdtTrfTxInf"]
    agent = build_agent(charging_agent(bic))
    ours = [
        {
            "Amt": {"Ccy": price.debit.currency, "Amt": Money(each.minor, price.debit.currency).text},
            "Agt": agent,
        }
        for each in price.charges
        if each.deducted and each.minor
    ]
    stated = {**transaction, "ChrgsInf": [*transaction.get("ChrgsInf", ()), *ours]}
    return replace(asked, original=replace(asked.original, content={**content, "CdtTrfTxInf": [stated]}))


def charging_agent(bic: str) -> Agent:
    """The switch as the agent that takes charges; without a BIC of its own by its name."""
    return Agent(bic=bic) if bic else Agent(name=pricing.SCHEME)


def _status(
    uetr: UUID, reply: Reply, notes: Sequence[Sequence[str]] = (), price: pricing.Price | None = None
) -> PaymentStatus:
    if reply.verdict is Verdict.KNOWN_AT_RAIL:
        raise KnownAtRail(recovery.known_line(reply.detail))
    if reply.verdict is Verdict.EXISTS_WITH_DIFFERENT_CONTENT:
        metrics.REPLAYS.labels("mismatch").inc()
        raise DuplicateUetr
    if reply.verdict in _KNOWN:
        metrics.REPLAYS.labels("hit").inc()
        return PaymentStatus(uetr, None, known=True, notes=notes)
    if reply.state == State.ABORTED:
        metrics.REFUSED.labels(reply.reason).inc()
        return PaymentStatus(uetr, State.ABORTED, reply.reason, reply.detail, refused_here=True, notes=notes)
    charges = [] if price is None else [Money(each.minor, price.fee.currency) for each in price.charges]
    return PaymentStatus(uetr, State(reply.state), notes=notes, charges=charges)
