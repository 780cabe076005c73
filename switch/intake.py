"""From a decoded pacs.008 to money held: rules, route, price, translation, one durable command.

Everything up to the command is decided in memory and changes nothing. Whatever the switch itself refuses
is remembered under its UETR, so a refused payment stays refused and regulators can count it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from adapters.port import Order
from ledger.encoding import microseconds
from schemas import codec, rules, verdict
from schemas.errors import DuplicateUetr, NotAllowed, Refused, Unavailable
from schemas.findings import Finding
from schemas.payment import CreditTransfer
from schemas.reasons import Reason
from switch import metrics, personal_data, pricing, tracing
from switch.commands import LATE, Accept, Identity, Refuse, Reply, Terms
from switch.directory import Corridor, Directory, Participant
from switch.dispatch import Dispatcher, now_us, scaled_us
from switch.failpoints import failpoint
from switch.lifecycle import State
from switch.personal_data import Sealer
from switch.rails import Rail, Rails
from switch.settings import Settings
from switch.workers.link import Link

_KNOWN: Final = frozenset({"exists", "already_failed"})
_DIFFERENT: Final = "exists_with_different_content"
_HELD_POLL_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a payment stands. `known` tells a repeat: nothing was done now, and a None state must be read."""

    uetr: UUID
    state: State | None
    reason: str = ""
    detail: str = ""
    known: bool = False
    refused_here: bool = False
    """The switch said no, not the rail: nothing was ever held."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who pays whom, over which rail."""

    debtor: Participant
    creditor: Participant
    corridor: Corridor
    rail: Rail
    open: bool
    opens_at: int


class Intake:
    """Takes payments in. One a worker."""

    def __init__(
        self, settings: Settings, directory: Directory, rails: Rails, link: Link, dispatcher: Dispatcher
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._rails = rails
        self._link = link
        self._dispatcher = dispatcher
        self._keys = personal_data.load(settings.personal_data_keys)

    async def take(self, message: codec.Message, payment: CreditTransfer, sender: Participant) -> Standing:
        """Take in `payment`, which `message` says and `sender` proved to have sent.

        Raises:
            DuplicateUetr: the UETR is known with other content.
            NotAllowed: the debtor agent is not the sender, or the sender is suspended.
            Unavailable: nothing was decided; the same message may be sent again.

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
        try:
            _refuse_findings(rules.refusals(rules.check(message, scheme=self._scheme(payment))))
            route = self._route(payment, sender)
            route.rail.check()
            reply = await self._reserve(identity, sealer, payment, route)
        except Refused as refusal:
            return await self._remember(identity, uetr, refusal)
        return _standing(uetr, reply, "")

    def fingerprint(self, message: codec.Message, sender: Participant) -> bytes:
        """By what the same message of the same sender is known again."""
        return self._keys.fingerprint(sender.id, codec.digest(message))

    def _check_sender(self, payment: CreditTransfer, sender: Participant) -> None:
        if not self._directory.fresh:
            raise Unavailable("the directory cannot be read; nothing was decided")
        if sender.status != "active":
            raise NotAllowed("this participant is suspended")
        bic = payment.debtor_agent.bic or ""
        if bic[:8] != sender.bic[:8]:
            raise NotAllowed("the debtor agent is not the participant that sent this")

    def _scheme(self, payment: CreditTransfer) -> rules.Scheme:
        """What this corridor demands of a message; the countries are those of the agents' BICs."""
        debtor, creditor = (
            (agent.bic or "")[4:6] for agent in (payment.debtor_agent, payment.creditor_agent)
        )
        return self._settings.scheme_of(debtor, creditor)

    def _route(self, payment: CreditTransfer, debtor: Participant) -> Route:
        directory = self._directory.now
        creditor = directory.by_bic.get((payment.creditor_agent.bic or "")[:8])
        if creditor is None or creditor.status != "active" or creditor.kind != "direct":
            raise Refused("the creditor agent takes no part", reason=Reason.INVALID_CREDITOR_BANK_IDENTIFIER)
        corridor = directory.corridor_by_pair.get((debtor.country, creditor.country))
        if corridor is None or not corridor.enabled:
            raise Refused("this corridor is not open", reason=Reason.TRANSACTION_FORBIDDEN)
        rail = self._rails.get(creditor.country)
        status = directory.rail_by_country.get(creditor.country)
        local = self._rails.get(debtor.country)
        if local and payment.interbank_settlement_amount.currency != local.adapter.profile.currency:
            raise Refused(
                "not the currency of the debtor agent's country", reason=Reason.NOT_ALLOWED_CURRENCY
            )
        if rail is None or status is None:
            raise Refused("no rail reaches this country", reason=Reason.TRANSACTION_NOT_SUPPORTED)
        now = datetime.now(UTC)
        profile = rail.adapter.profile
        opens = profile.hours.open_from(now, directory.stated_by_currency.get(profile.currency, {}))
        if opens >= now + timedelta(seconds=self._settings.payment_expiry_s):
            raise Refused("the rail is closed beyond the payment's expiry", reason=Reason.CUT_OFF_TIME)
        opens_at = max(status.opens_at or 0, microseconds(opens))
        return Route(debtor, creditor, corridor, rail, status.open and opens <= now, opens_at)

    async def _reserve(
        self, identity: Identity, sealer: Sealer, payment: CreditTransfer, route: Route
    ) -> Reply:
        adapter = route.rail.adapter
        price = pricing.price(
            payment.interbank_settlement_amount,
            adapter.profile.currency,
            route.corridor,
            self._directory.now,
            step=adapter.profile.limits.step_minor,
        )
        legs = pricing.legs(price, route.debtor, route.creditor, route.corridor, self._directory.now)
        made_at = datetime.now(UTC)
        made_at = made_at.replace(microsecond=made_at.microsecond // 1000 * 1000)
        order = Order(
            payment=payment,
            amount=price.credit,
            serial=await route.rail.serials.take(made_at),
            made_at=made_at,
            expires_at=made_at + timedelta(seconds=self._settings.payment_expiry_s),
        )
        native = route.rail.say(order)
        accept = Accept(
            identity=identity,
            terms=Terms(
                debtor_agent=route.debtor.id,
                creditor_agent=route.creditor.id,
                rail=adapter.profile.country,
                debit_minor=price.debit.minor,
                debit_currency=price.debit.currency,
                credit_minor=price.credit.minor,
                credit_currency=price.credit.currency,
                fee_minor=price.fee.minor,
                fx_provider=price.fx_provider,
                rate=price.rate,
            ),
            legs=legs,
            native_ref=native.ref,
            native_body=sealer.seal(personal_data.SENT, native.body),
            expires_at=microseconds(order.expires_at),
            lifetime=int(self._settings.payment_expiry_s * 1e6),
            due_at=self._due_at(route, microseconds(order.expires_at)),
            hold=not route.open,
        )
        failpoint("before_reserve_commit")
        with tracing.part("reserve", rail=accept.terms.rail, uetr=payment.uetr):
            reply = await self._link.ask(accept)
        failpoint("after_reserve_commit")
        if reply.verdict == LATE:
            raise Unavailable("this took too long, or a clock is wrong; nothing was decided")
        if reply.state == State.SENT:
            metrics.ACCEPTED.labels(adapter.profile.country, price.debit.currency).inc()
            self._dispatcher.send_soon(route.rail, identity.uetr, native, accept.expires_at)
        return reply

    def _due_at(self, route: Route, expires_at: int) -> int:
        if route.open:
            return now_us() + scaled_us(route.rail.adapter.profile.timing.answer_s, self._settings.time_scale)
        poll = now_us() + scaled_us(_HELD_POLL_S, self._settings.time_scale)
        return min(expires_at, max(route.opens_at, poll))

    async def _remember(self, identity: Identity, uetr: UUID, refusal: Refused) -> Standing:
        reply = await self._link.ask(Refuse(identity, refusal.reason, refusal.detail))
        return _standing(uetr, reply, refusal.detail)


def _refuse_findings(findings: list[Finding]) -> None:
    if findings:
        first = findings[0]
        raise Refused(verdict.summary(findings), reason=first.reason, path=first.path)


def _standing(uetr: UUID, reply: Reply, detail: str) -> Standing:
    if reply.verdict == _DIFFERENT:
        metrics.REPLAYS.labels("mismatch").inc()
        raise DuplicateUetr
    if reply.verdict in _KNOWN:
        metrics.REPLAYS.labels("hit").inc()
        return Standing(uetr, None, known=True)
    if reply.state == State.ABORTED:
        metrics.REFUSED.labels(reply.reason).inc()
        return Standing(uetr, State.ABORTED, reply.reason, detail, refused_here=True)
    return Standing(uetr, State(reply.state))
