"""Intake: from a decoded pacs.008 to reserved money, by rules, routing, pricing, translation and one command.

All decisions before the durable command are made in memory and change nothing. A refusal by the switch itself
is recorded under the UETR, so a refused payment stays refused and regulators can count it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec import structs

from adapters.port import Order, OriginalMessage
from ledger.encoding import microseconds
from schemas import codec, rules, verdict
from schemas.errors import DuplicateUetr, NotAllowed, NotFound, Refused, Unavailable
from schemas.findings import Finding
from schemas.payment import CreditTransfer
from schemas.reasons import Reason
from switch.base import metrics, personal_data, tracing
from switch.base.failpoints import failpoint
from switch.base.personal_data import Sealer
from switch.base.settings import Settings
from switch.payments import pricing, recovery, routes, stated
from switch.payments.directory import Directory, Participant
from switch.payments.dispatch import Dispatcher, now_us, scaled_us
from switch.payments.rails import Rails
from switch.payments.recovery import KnownAtRail, KnownLine
from switch.payments.routes import Route
from switch.writer import duplicates
from switch.writer.client import Link
from switch.writer.commands import NO_TERMS, Accept, Evidence, Identity, Refuse, Reply, Terms
from switch.writer.lifecycle import State
from switch.writer.verdicts import Verdict

_KNOWN: Final = frozenset({Verdict.EXISTS, Verdict.ALREADY_FAILED})
_HELD_POLL_S: Final = 1.0


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


class Proved(msgspec.Struct, frozen=True):
    """Identity of a message, what encrypts it, and what its sender signed."""

    identity: Identity
    sealer: Sealer
    evidence: Evidence | None


class Intake:
    """Accepts payments. One per worker."""

    def __init__(
        self, settings: Settings, directory: Directory, rails: Rails, link: Link, dispatcher: Dispatcher
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._rails = rails
        self._link = link
        self._dispatcher = dispatcher
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
        received_at = now_us()
        self._check_sender(payment, sender)
        uetr = UUID(payment.uetr)
        sealer = self._keys.sealer(uetr)
        identity = Identity(
            uetr=uetr.bytes,
            fingerprint=self.fingerprint(message, sender),
            sender=sender.id,
            message_name=message.id,
            message_id=payment.message_id,
            raw=sealer.seal(personal_data.CAME, message.raw),
            received_at=received_at,
            key=sealer.sealed_key,
        )
        made_at = datetime.now(UTC)
        made_at = made_at.replace(microsecond=made_at.microsecond // 1000 * 1000)
        proved = Proved(identity, sealer, evidence)
        try:
            return await self._take_new(proved, message, payment, sender, made_at)
        except KnownAtRail as known:
            return await self._take_again(proved, payment, sender, known.line, made_at)

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
        identity = proved.identity
        uetr = UUID(bytes=identity.uetr)
        try:
            _refuse_findings(rules.refusals(rules.check(message, scheme=self._scheme(payment))))
            stated.check_times(payment, message, made_at, self._settings)
            expires_at = stated.expiry(payment, made_at, self._settings)
            route = self._route(payment, sender, made_at, expires_at)
            await self._check_day(payment, route, made_at)
            stated.check_parties(message, payment, sender, route.creditor, self._settings.bic)
            stated.check_member_ids(message, self._directory.now.by_bic)
            forms, known = route.rail.adapter.profile.creditor, self._directory.now.participants
            stated.check_creditor_account(payment.creditor_account, forms, route.creditor, known)
            stated.check_kind(message.content, route.corridor)
            route.rail.check()
            order = Order(
                payment=payment,
                amount=payment.interbank_settlement_amount,
                serial=0,
                made_at=made_at,
                expires_at=expires_at,
                original=OriginalMessage(message.id, message.content),
            )
            notes = route.rail.not_carried(order)
            reply = await self._reserve(proved, order, route, notes)
        except Refused as refusal:
            return await self._remember(identity, self._terms_of(payment, sender), refusal)
        return structs.replace(_status(uetr, reply), notes=notes)

    async def _take_again(
        self,
        proved: "Proved",
        payment: CreditTransfer,
        sender: Participant,
        line: KnownLine,
        made_at: datetime,
    ) -> PaymentStatus:
        """Record what the rail did with a payment that a restore lost: never send it again.

        Raises:
            Unavailable: it cannot be booked as it is: the operator must resolve the reconciliation break.

        """
        identity = proved.identity
        if not line.done:
            text = f"the rail refused it before the restore: {line.code or 'no code'}"
            refusal = Refused(text, reason=Reason.NARRATIVE)
            return await self._remember(identity, self._terms_of(payment, sender), refusal)
        expires_at = made_at + timedelta(seconds=self._settings.payment_expiry_s)
        try:
            route = self._route(payment, sender, made_at, expires_at)
            price = routes.price(payment.interbank_settlement_amount, route, self._directory.now)
            price = recovery.price_of(price, line)
            legs = pricing.legs(price, route.debtor, route.creditor, route.corridor, self._directory.now)
        except Refused as refusal:
            raise Unavailable(f"executed before the restore; it cannot be booked: {refusal.detail}") from None
        accept = Accept(
            identity=identity,
            terms=_terms(route, price),
            legs=legs,
            native_ref=line.ref,
            native_body=proved.sealer.seal(personal_data.SENT, b""),
            expires_at=microseconds(expires_at),
            lifetime=microseconds(expires_at) - microseconds(made_at),
            due_at=0,
            hold=True,
            recovered=line.ref,
            evidence=proved.evidence,
        )
        return _status(UUID(bytes=identity.uetr), await self._link.ask(accept))

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

    def _scheme(self, payment: CreditTransfer) -> rules.Scheme:
        """Requirements of this corridor on a message; the countries are those of the agents' BICs."""
        debtor, creditor = payment.debtor_agent.bic or "", payment.creditor_agent.bic or ""
        return self._settings.scheme_of(debtor[4:6], creditor[4:6])

    def _route(
        self, payment: CreditTransfer, debtor: Participant, made_at: datetime, expires_at: datetime
    ) -> Route:
        return routes.find(
            self._directory.now,
            self._rails,
            debtor,
            payment.creditor_agent.bic or "",
            payment.interbank_settlement_amount.currency,
            now=made_at,
            expires_at=expires_at,
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
        self, proved: "Proved", asked: Order, route: Route, notes: list[tuple[str, str]]
    ) -> Reply:
        """Price, translate and reserve what was `asked`; amount and serial are determined here."""
        assert asked.original is not None
        identity = proved.identity
        payment, directory = asked.payment, self._directory.now
        adapter = route.rail.adapter
        price = routes.price(asked.amount, route, directory)
        stated.check_price(payment, asked.original.content, price, directory.by_id.get(price.fx_provider))
        legs = pricing.legs(price, route.debtor, route.creditor, route.corridor, directory)
        serial = await route.rail.serials.take(asked.made_at)
        order = replace(asked, amount=price.credit, serial=serial)
        native = route.rail.translate(order)
        accept = Accept(
            identity=identity,
            terms=_terms(route, price),
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
        )
        failpoint("before_reserve_commit")
        with tracing.part("reserve", rail=accept.terms.rail, uetr=payment.uetr):
            reply = await self._link.ask(accept)
        failpoint("after_reserve_commit")
        if reply.verdict is Verdict.LATE:
            raise Unavailable("processing took too long, or a clock is wrong; nothing was decided")
        if reply.state == State.SENT:
            country = adapter.profile.country
            corridor = f"{route.debtor.country}-{country}"
            metrics.ACCEPTED.labels(country, price.debit.currency, corridor).inc()
            self._dispatcher.send_soon(route.rail, identity.uetr, native, accept.expires_at)
        return reply

    def _due_at(self, route: Route, expires_at: int) -> int:
        if route.open:
            return now_us() + scaled_us(route.rail.adapter.profile.timing.answer_s, self._settings.time_scale)
        poll = now_us() + scaled_us(_HELD_POLL_S, self._settings.time_scale)
        return min(expires_at, max(route.opens_at, poll))

    def _terms_of(self, payment: CreditTransfer, sender: Participant) -> Terms:
        """Terms that an unpriced, refused message states: its parties, amount and target."""
        bic = payment.creditor_agent.bic or ""
        creditor = self._directory.now.by_bic.get(bic[:8])
        rail = self._rails.get(creditor.country) if creditor else None
        debit = payment.interbank_settlement_amount
        return structs.replace(
            NO_TERMS,
            debtor_agent=sender.id,
            creditor_agent=creditor.id if creditor else bic,
            debit_minor=debit.minor,
            debit_currency=debit.currency,
            credit_currency=rail.adapter.profile.currency if rail else "",
        )

    async def _remember(self, identity: Identity, terms: Terms, refusal: Refused) -> PaymentStatus:
        reply = await self._link.ask(Refuse(identity, refusal.reason, refusal.placed, terms))
        return _status(UUID(bytes=identity.uetr), reply)


def _refuse_findings(findings: list[Finding]) -> None:
    if findings:
        first = findings[0]
        raise Refused(verdict.summary(findings), reason=first.reason, path=first.path)


def _terms(route: Route, price: pricing.Price) -> Terms:
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


def _status(uetr: UUID, reply: Reply) -> PaymentStatus:
    if reply.verdict is Verdict.KNOWN_AT_RAIL:
        raise KnownAtRail(recovery.known_line(reply.detail))
    if reply.verdict is Verdict.EXISTS_WITH_DIFFERENT_CONTENT:
        metrics.REPLAYS.labels("mismatch").inc()
        raise DuplicateUetr
    if reply.verdict in _KNOWN:
        metrics.REPLAYS.labels("hit").inc()
        return PaymentStatus(uetr, None, known=True)
    if reply.state == State.ABORTED:
        metrics.REFUSED.labels(reply.reason).inc()
        return PaymentStatus(uetr, State.ABORTED, reply.reason, reply.detail, refused_here=True)
    return PaymentStatus(uetr, State(reply.state))
