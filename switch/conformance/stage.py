"""Where a scenario is played: the client under test, the observer before the switch, and the other bank."""

import itertools
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from adapters import registry
from adapters.simulation.magic import magic_account
from switch.clients.python import AsyncClient, PaymentState, RequestRefused, credit_transfer
from switch.conformance import conduct
from switch.conformance.driving import INSTRUCTIONS, TaskDriver
from switch.conformance.observing import Disturbance, Observation, Observer
from switch.conformance.scenario import NotApplicable, NotSupported, must

PAYER: Final = "Asha Rao"
PAYEE: Final = "Bilal Khan"
_ENDS_WITHIN_S: Final = 20.0
"""Seconds for the switch to show what the client has seen already."""


@dataclass(frozen=True, slots=True)
class KitBank:
    """A participant of the test switch."""

    id: str
    bic: str
    country: str
    currency: str
    member_id: str = ""


@dataclass(frozen=True, slots=True)
class Belief:
    """What the client believes after a task."""

    answer: dict[str, Any]

    @property
    def status(self) -> str:
        """ISO status; empty if the client states none."""
        return str(self.answer.get("status") or "")

    @property
    def reason(self) -> str:
        """ISO reason; empty if the client states none."""
        return str(self.answer.get("reason") or "")

    @property
    def uetr(self) -> str:
        """The UETR; empty if the client states none."""
        return str(self.answer.get("uetr") or "")


@dataclass(frozen=True, slots=True)
class Paid:
    """An order that the client was asked to pay."""

    order: str
    belief: Belief
    sent: list[Observation]
    """Its requests to pay, in order."""

    @property
    def uetr(self) -> str:
        """The UETR that was used; empty if nothing was sent."""
        return self.sent[0].uetr if self.sent else ""


@dataclass(slots=True)
class Stage:
    """What a scenario may use."""

    own: KitBank
    payees: Sequence[KitBank]
    """One bank of each country that the client can pay."""
    observer: Observer
    driver: TaskDriver
    client: AsyncClient
    """Our own connection, as the participant under test."""
    other: KitBank | None
    """The other bank that we may act as."""
    theirs: AsyncClient | None
    within_s: float
    """Seconds in which a payment becomes final."""
    amount: str = "100.00"
    scenario: str = ""
    mark: int = 0
    uetrs: list[str] = field(default_factory=list)
    """Payments of this scenario: the evidence."""
    webhook: dict[str, Any] = field(default_factory=dict)
    """The client's webhook, once it has registered it."""
    _orders: "itertools.count[int]" = field(default_factory=itertools.count)
    _run: str = field(default_factory=lambda: secrets.token_hex(4).upper())

    def begin(self, scenario: str) -> None:
        """Begin a scenario: forget what the one before did."""
        self.scenario, self.mark, self.uetrs = scenario, len(self.observer.exchanges), []
        self.observer.disturb()

    @property
    def seen(self) -> list[Observation]:
        """The requests of the client in this scenario."""
        return self.observer.exchanges[self.mark :]

    def payments(self) -> list[Observation]:
        """The payments that it sent in this scenario, repetitions included."""
        return [each for each in self.seen if each.message == "pacs.008" and each.method == "POST"]

    def messages(self, name: str) -> list[Observation]:
        """The messages of one kind that it sent in this scenario."""
        return [each for each in self.seen if each.message == name and each.method == "POST"]

    def new_order(self) -> str:
        """A number of an order that nobody used before."""
        return f"C{self._run}-{next(self._orders)}"

    async def ask(self, task: str, **data: Any) -> Belief:
        """Have the client do a task.

        Raises:
            NotSupported: the client has no such function.
            DriverFailed: it gave no answer.

        """
        answer = await self.driver.ask(
            {
                "scenario": self.scenario,
                "task": task,
                "instruction": INSTRUCTIONS[task],
                "switch": self.observer.url,
                "data": data,
            }
        )
        if answer.get("unsupported") is True:
            raise NotSupported(f"the client does not support the task {task}")
        return Belief(answer)

    def payee(self, country: str = "") -> KitBank:
        """A bank to pay; by default the other bank that we may act as, or the first one.

        Raises:
            NotApplicable: there is none in this country.

        """
        found = [each for each in self.payees if not country or each.country == country]
        preferred = [each for each in found if self.other is not None and each.id == self.other.id]
        if not found:
            raise NotApplicable(f"no open corridor to {country or 'any country'} at this switch")
        return (preferred or found)[0]

    def soonest(self) -> KitBank:
        """A bank to pay whose rail is asked again soonest: India's is after 90 s, and then in ten minutes.

        Raises:
            NotApplicable: there is no bank to pay.

        """

        def asked_again_s(bank: KitBank) -> float:
            timing = registry.profile(bank.country).timing
            return timing.enquiry_first_s + timing.enquiry_every_s

        return min(self.payees, key=asked_again_s, default=None) or self.payee()

    def counterpart(self) -> tuple[KitBank, AsyncClient]:
        """The other bank that we may act as.

        Raises:
            NotApplicable: there is none.

        """
        if self.other is None or self.theirs is None:
            raise NotApplicable("the kit has no key of another bank: give --other-keyid and --other-key")
        return self.other, self.theirs

    def order(
        self, word: str = "", *, payee: KitBank | None = None, amount: str = "", **more: Any
    ) -> dict[str, Any]:
        """The data of a new order: to the account whose rail behaves as a magic word says."""
        bank = payee or self.payee()
        return {
            "order": self.new_order(),
            "debtor": PAYER,
            "debtor_account": magic_account(self.own.country, ""),
            "creditor_agent": bank.bic,
            "creditor_agent_member": bank.member_id,
            "creditor": PAYEE,
            "creditor_account": magic_account(bank.country, word),
            "amount": amount or self.amount,
            "currency": self.own.currency,
            "purpose": "FAMI",
            "within_s": self.within_s,
            **more,
        }

    async def pay(self, order: dict[str, Any], *disturbances: Disturbance) -> Paid:
        """Have the client pay an order while the exchange is disturbed."""
        before = len(self.payments())
        self.observer.disturb(*disturbances)
        belief = await self.ask("pay", **order)
        sent = self.payments()[before:]
        for uetr in {each.uetr for each in sent if each.uetr}:
            self.uetrs.append(uetr)
        return Paid(order["order"], belief, sent)

    async def paid(self, word: str = "", *disturbances: Disturbance, **more: Any) -> Paid:
        """Have the client pay an order, and check that it used one UETR and the same bytes."""
        found = await self.pay(self.order(word, **more), *disturbances)
        conduct.check_sent_once(found.sent)
        return found

    async def truth(self, uetr: str) -> PaymentState | None:
        """A payment as the switch knows it; None if it does not."""
        try:
            return await self.client.payment(uetr)
        except RequestRefused as refusal:
            if refusal.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def check_belief(self, paid: Paid, belief: Belief | None = None) -> PaymentState:
        """Check that the client believes what is true of a payment."""
        stated = belief or paid.belief
        found = await self.truth(paid.uetr)
        must(found is not None, "the switch knows no such payment")
        assert found is not None
        must(
            stated.uetr == paid.uetr, f"the client names the UETR {stated.uetr or '(none)'}, and sent another"
        )
        must(
            stated.status == found.status,
            f"the client believes {stated.status or '(nothing)'}, and the payment is {found.status}",
        )
        if found.status == "RJCT":
            must(
                stated.reason == (found.reason or ""),
                f"the client states the reason {stated.reason or '(none)'} in place of {found.reason}",
            )
        return found

    async def expect(self, paid: Paid, status: str, reason: str = "") -> str:
        """Check that a payment has a status, and that the client believes it."""
        found = await self.check_belief(paid)
        must(
            (found.status, found.reason or "") == (status, reason or found.reason or ""),
            f"the payment is {found.status} {found.reason or ''}".rstrip(),
        )
        return f"{status} {found.reason or ''}".rstrip() + f", {len(paid.sent)} requests"

    async def outcome(self, order: str, **more: Any) -> Belief:
        """Ask the client what became of an order."""
        return await self.ask("outcome", order=order, within_s=self.within_s, **more)

    async def credited(self) -> tuple[str, PaymentState]:
        """Have the other bank pay a customer of the client; get the UETR and the payment as credited."""
        other, theirs = self.counterpart()
        document = credit_transfer(
            debtor_agent=other.bic,
            debtor=PAYEE,
            debtor_account=magic_account(other.country, ""),
            creditor_agent=self.own.bic,
            creditor_agent_member=self.own.member_id,
            creditor=PAYER,
            creditor_account=magic_account(self.own.country, ""),
            amount=self.amount,
            currency=other.currency,
            purpose="FAMI",
        )
        first = await theirs.pay(document)
        state = await theirs.wait(first.uetr, within_s=self.within_s)
        self.uetrs.append(first.uetr)
        if state.status != "ACCC":
            raise NotApplicable(f"the payment of the other bank was not credited: {state.status}")
        return first.uetr, state

    def ends(self) -> float:
        """When to stop looking for what must be there soon."""
        return time.monotonic() + _ENDS_WITHIN_S


def member_id(country: str) -> str:
    """The id that a message states beside the BIC at the simulated rail of a country."""
    return registry.module(country, "sandbox").CREDITOR_AGENT.member_id or ""
