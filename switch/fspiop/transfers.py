"""POST and GET /transfers: a durable promise, the same pacs.008 until its outcome is known, and one callback.

Nothing here guesses. A transfer is told as aborted only when the switch says that the payment was rejected,
or that it neither has the payment nor takes it. Everything else is tried again, with the same bytes.
"""

import asyncio
import hashlib
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from switch.clients.python import Event, NoAnswer, PaymentState, RequestRefused
from switch.clients.python.exchange import may_pass
from switch.clients.python.problems import CursorAhead, NotFound
from switch.fspiop import codec, ilp, messages, payment
from switch.fspiop.codec import Values
from switch.fspiop.errors import ErrorCode, FspiopProblem, code_of, iso_text
from switch.fspiop.journal import AcceptedTransfer, Callback, Journal
from switch.fspiop.messages import FspiopMessage
from switch.fspiop.office import ANSWER_WITHIN_S, Office, log
from switch.fspiop.quotes import amount_of

PAUSE_S: Final = 0.5
PAUSE_S_MAX: Final = 30.0
SWEEP_S: Final = 30.0
WAIT_S: Final = 20.0
COMMITTED: Final = "COMMITTED"
ABORTED: Final = "ABORTED"
_ENDS: Final = frozenset(
    {"payment.posted", "payment.released", "payment.refused", "payment.expired", "payment.cancelled"}
)
_NOT_OF_THE_MESSAGE: Final = frozenset({401, 403})
"""Refusals of the caller: an earlier try may have been accepted."""
_PACKET_PATH: Final = "CdtTrfTxInf.VrfctnOfTerms.IlpV4PrepPacket"
_OWN: Final = frozenset(
    {"GrpHdr.MsgId", "GrpHdr.CreDtTm", "expiration", "transferId", "payerFsp", "ilpPacket"}
)
_CHECKED: Final = ("amount.", "payee.personalInfo.", "payer.personalInfo.")


def read(office: Office, values: Values, now: datetime) -> AcceptedTransfer:
    """The transfer of a message that was never seen before.

    Raises:
        FspiopProblem: it is refused: nothing was done, and nothing will be.

    """
    try:
        packet, fulfilment = ilp.own(office.settings.secret, values["ilpPacket"])
    except ilp.BadPacket as error:
        raise FspiopProblem(ErrorCode.VALIDATION, f"{_PACKET_PATH}: {error}") from None
    terms = packet.terms
    _check_terms(office, values, terms)
    if datetime.fromisoformat(values["expiration"]) <= now:
        raise FspiopProblem(ErrorCode.TRANSFER_EXPIRED, "GrpHdr.PmtInstrXpryDtTm: has passed")
    if packet.expires_at <= now:
        raise FspiopProblem(
            ErrorCode.QUOTE_EXPIRED, f"{_PACKET_PATH}: the quote has expired; ask for a new one"
        )
    transfer_id = values["transferId"]
    uetr = payment.uetr_of(office.settings.switch.participant, transfer_id)
    message = payment.message(
        terms,
        payment.Agents(terms["payer"]["bic"], terms["payee"]["bic"]),
        uetr=uetr,
        transfer_id=transfer_id,
        expires=payment.instant_text(datetime.fromisoformat(values["expiration"])),
    )
    return AcceptedTransfer(
        payment.same_id(transfer_id),
        transfer_id,
        uetr,
        payment.same_id(terms["quoteId"]),
        digest(values),
        codec.dump(message),
        fulfilment,
        now.timestamp(),
    )


def digest(values: Values) -> bytes:
    """A hash of what a message states, without its own id and instant."""
    stated = {name: value for name, value in values.items() if not name.startswith("GrpHdr.")}
    return hashlib.sha256(codec.dump(stated)).digest()


def _check_terms(office: Office, values: Values, terms: dict[str, Any]) -> None:
    """Refuse a transfer that states anything else than its quote."""
    if values["payerFsp"] != office.settings.dfsp.id:
        raise FspiopProblem(ErrorCode.PAYER_FSP, f"CdtTrfTxInf.DbtrAgt: must be {office.settings.dfsp.id}")
    amount = amount_of(values, "amount", "CdtTrfTxInf.IntrBkSttlmAmt")
    if {"currency": amount.currency, "amount": amount.text} != terms["amount"]:
        raise _differs("CdtTrfTxInf.IntrBkSttlmAmt")
    for party, tag in (("payee", "Cdtr"), ("payer", "Dbtr")):
        name = codec.display_name(values, party)
        if name is not None and name != terms[party]["party"]["Nm"]:
            raise _differs(f"CdtTrfTxInf.{tag}.Nm")
    agreed = _agreed(terms)
    for name, value in values.items():
        if name in _OWN or name.startswith(_CHECKED) or name.endswith(".name"):
            continue
        if value not in agreed.get(name, ()):
            raise _differs(messages.TRANSFERS_POST.field(name).path.replace("*", codec.PERSON))


def _agreed(terms: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """What a transfer may state besides its own: each element with its possible values."""
    debit, credit = terms["amount"]["currency"], terms["payeeReceiveAmount"]["currency"]
    agreed: dict[str, tuple[str, ...]] = {
        "ChrgBr": (messages.QUOTES_POST.field("amountType").form.write(terms["amountType"]),),
        "payeeFsp": (terms["payee"]["partyIdInfo"]["fspId"],),
        "payee.supportedCurrencies": (debit, credit),
        "payer.supportedCurrencies": (debit,),
    }
    for name in ("transactionId", "transactionRequestId"):
        if name in terms:
            agreed[name] = (terms[name],)
    for party, tag in (("payee", "Cdtr"), ("payer", "Dbtr")):
        for part, value in terms[party]["partyIdInfo"].items():
            agreed[f"{party}.partyIdInfo.{part}"] = (value,)
        for part, value in terms[party]["party"].get("PstlAdr", {}).items():
            agreed[f"CdtTrfTxInf.{tag}.PstlAdr.{part}"] = (value,)
    return agreed


def _differs(path: str) -> FspiopProblem:
    return FspiopProblem(ErrorCode.VALIDATION, f"{path}: is not that of the quote")


class Transfers:
    """The transfers of one bridge."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._keep = office.keep
        self._sending: dict[str, asyncio.Task[None]] = {}

    async def resume(self) -> None:
        """Go on with every transfer whose outcome is not known: its message is sent again, unchanged."""
        for transfer in await self._keep(Journal.open_transfers):
            self._start(transfer)

    async def accept(self, values: Values) -> None:
        """Take a transfer over: from now on it is carried out, whatever happens to the bridge.

        Raises:
            FspiopProblem: it is refused: nothing was done, and nothing will be.

        """
        known = await self._keep(Journal.transfer, payment.same_id(values["transferId"]))
        if known is None:
            transfer = read(self._office, values, datetime.now(UTC))
            try:
                await self._keep(Journal.add, transfer)
            except sqlite3.IntegrityError:
                known = await self._keep(Journal.transfer, transfer.id)
                if known is None:
                    text = f"{_PACKET_PATH}: another transfer has used this quote; ask for a new one"
                    raise FspiopProblem(ErrorCode.VALIDATION, text) from None
            else:
                log("transfer_accepted", transfer=transfer.id, uetr=transfer.uetr)
                self._start(transfer)
                return
        if known.digest != digest(values):
            text = "CdtTrfTxInf.PmtId.TxId: this transfer was sent with other content, which stays in force"
            raise FspiopProblem(ErrorCode.MODIFIED, text)
        if known.outcome is not None:
            await self._office.tell(self._outcome(known))

    async def report(self, stated_id: str) -> None:
        """Tell the DFSP the state of a transfer, or of a payment that it was told of by its UETR."""
        known = await self._keep(Journal.transfer, payment.same_id(stated_id))
        if known is not None and known.outcome is not None:
            await self._office.tell(self._outcome(known))
            return
        ends = time.time() + ANSWER_WITHIN_S
        try:
            if known is None:
                await self._office.tell(await self._unknown(stated_id, ends))
                return
            state = await self._state(known.uetr)
        except (RequestRefused, NoAnswer) as error:
            # An error callback would look like the end of the transfer: nothing is said that is not known.
            log("switch_unavailable", text=type(error).__name__)
            if known is None:
                return
            state = None
        status = "RECEIVED" if state is None else "RESERVED"
        told = self._status(stated_id, status, known.uetr, until=ends)
        await self._office.tell(told, while_open=known.id)

    async def follow(self) -> None:
        """Follow the events of the switch for ever, from the last one that was worked off."""
        client, pause = self._office.client, PAUSE_S
        while True:
            try:
                place = await self._keep(Journal.place)
                if place is None:
                    place = await self._now()
                    await self._keep(Journal.move, place)
                async for event in client.events(after=place):
                    await self._worked_off(event)
                    pause = PAUSE_S
            except CursorAhead as error:
                # The switch was restored: what it says now counts, and open transfers are looked at.
                log("switch_restored")
                await self._keep(Journal.move, int(error.members["resume"]))
                await self.sweep()
            except (RequestRefused, NoAnswer) as error:
                log("events_unavailable", text=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, PAUSE_S_MAX)

    async def sweep_for_ever(self) -> None:
        """Look at open transfers from time to time, whatever the events said."""
        while True:
            await asyncio.sleep(SWEEP_S)
            await self.sweep()
            oldest = time.time() - self._office.settings.keep_days * 86_400
            await self._keep(Journal.forget, oldest)

    async def sweep(self) -> None:
        """Look at every open transfer that nobody sends now."""
        for transfer in await self._keep(Journal.open_transfers):
            if transfer.uetr not in self._sending:
                self._start(transfer)

    def stop(self) -> None:
        """Stop sending; the journal has what is needed to go on."""
        for task in self._sending.values():
            task.cancel()

    # Sending

    def _start(self, transfer: AcceptedTransfer) -> None:
        task = asyncio.create_task(self._send(transfer))
        self._sending[transfer.uetr] = task
        task.add_done_callback(partial(self._sent, transfer.uetr))

    def _sent(self, uetr: str, task: asyncio.Task[None]) -> None:
        self._sending.pop(uetr, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log("failed", uetr=uetr, error=type(error).__name__)

    async def _send(self, transfer: AcceptedTransfer) -> None:
        """Send the message until the switch has it; its outcome comes now, by an event, or by a look."""
        pause = PAUSE_S
        while (failure := await self._try(transfer)) is not None:
            log("switch_unavailable", uetr=transfer.uetr, text=failure)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_S_MAX)

    async def _try(self, transfer: AcceptedTransfer) -> str | None:
        """Send once; None if the switch has the payment or never will, otherwise what failed."""
        assert transfer.message is not None
        try:
            try:
                await self._office.client.pay(transfer.message, wait=WAIT_S)
            except RequestRefused as refusal:
                if may_pass(refusal) or refusal.status in _NOT_OF_THE_MESSAGE:
                    raise
                await self._refused(transfer, refusal)
            else:
                await self._look(transfer.uetr)
        except RequestRefused as refusal:
            return f"http {refusal.status} {refusal.name}".rstrip()
        except NoAnswer as error:
            return str(error)
        return None

    async def _refused(self, transfer: AcceptedTransfer, refusal: RequestRefused) -> None:
        """The switch does not take the message: that is an outcome only if it does not have the payment."""
        state = await self._state(transfer.uetr)
        if state is None:
            code = code_of(refusal.reason, otherwise=ErrorCode.VALIDATION)
            await self._end(
                transfer.uetr, ABORTED, code, f"{refusal.reason}: {refusal.detail}", datetime.now(UTC)
            )
        else:
            # The journal was lost, and this id comes with other content than before: people must look.
            log("ALARM_OTHER_PAYMENT", transfer=transfer.id, uetr=transfer.uetr, state=state.state)

    async def _look(self, uetr: str) -> None:
        """Ask for a payment, and end its transfer if it is final."""
        state = await self._state(uetr)
        if state is not None:
            await self._settle(state)

    async def _state(self, uetr: str) -> PaymentState | None:
        """The payment at the switch; None if it has none."""
        try:
            return await self._office.client.payment(uetr)
        except NotFound:
            return None

    async def _settle(self, state: PaymentState) -> None:
        if state.status == "ACCC":
            posted = [each["at"] for each in state.journey if each["event"] == "posted"]
            at = datetime.fromisoformat(posted[0]) if posted else datetime.now(UTC)
            await self._end(state.uetr, COMMITTED, None, None, at)
        elif state.status == "RJCT":
            text = f"{state.reason}: {state.detail}" if state.detail else str(state.reason)
            await self._end(state.uetr, ABORTED, code_of(state.reason), text, datetime.now(UTC))

    async def _end(
        self, uetr: str, outcome: str, code: ErrorCode | None, detail: str | None, at: datetime
    ) -> None:
        known = await self._keep(Journal.of_uetr, uetr)
        if known is None or known.outcome is not None:
            return
        ended = replace(
            known,
            outcome=outcome,
            code=None if code is None else str(code),
            detail=None if detail is None else iso_text(detail),
            ended_at=payment.instant_text(at),
        )
        told = self._outcome(ended)
        if await self._keep(Journal.end, ended, told):
            log("transfer_ended", transfer=ended.id, uetr=uetr, outcome=outcome, code=ended.code)
            self._office.courier.wake()

    # Telling

    def _outcome(self, ended: AcceptedTransfer) -> Callback:
        """The callback of a transfer that has ended. It is never given up."""
        if ended.outcome == COMMITTED:
            values = {
                "fulfilment": ended.fulfilment,
                "completedTimestamp": str(ended.ended_at),
                "transferState": COMMITTED,
                "TxInfAndSts.OrgnlUETR": ended.uetr,
            }
            return self._callback(messages.TRANSFERS_PUT, ended.stated_id, values)
        return self._error(ended.stated_id, str(ended.code), ended.detail)

    def _error(self, stated_id: str, code: str, detail: str | None, until: float | None = None) -> Callback:
        values = {"errorInformation.errorCode": code}
        if detail:
            values["errorInformation.errorDescription"] = detail
        return self._callback(messages.TRANSFERS_ERROR, stated_id, values, until)

    def _status(self, stated_id: str, status: str, uetr: str, until: float) -> Callback:
        values = {"transferState": status, "TxInfAndSts.OrgnlUETR": uetr}
        return self._callback(messages.TRANSFERS_PUT, stated_id, values, until)

    def _callback(
        self, message: FspiopMessage, stated_id: str, values: Values, until: float | None = None
    ) -> Callback:
        path = f"/transfers/{stated_id}"
        if message is messages.TRANSFERS_ERROR:
            path += "/error"
        key = f"transfers/{payment.same_id(stated_id)}"
        method = "PATCH" if message is messages.TRANSFERS_PATCH else "PUT"
        return self._office.callback(message, path, values, method=method, key=key, until=until)

    async def _unknown(self, stated_id: str, ends: float) -> Callback:
        """What is said about a transfer that is not in the journal: the switch knows whether it was paid."""
        candidates = [payment.uetr_of(self._office.settings.switch.participant, stated_id)]
        if "-" in stated_id:
            candidates.append(stated_id.lower())
        for uetr in candidates:
            state = await self._state(uetr)
            if state is None:
                continue
            if state.status == "RJCT":
                return self._error(stated_id, code_of(state.reason), state.reason, ends)
            status = COMMITTED if state.status == "ACCC" else "RESERVED"
            return self._status(stated_id, status, uetr, ends)
        return self._error(stated_id, ErrorCode.TRANSFER, "there is no such transfer", ends)

    def _notice(self, event: Event) -> Callback | None:
        """The notice of a payment that was credited to the DFSP."""
        own = self._office.settings.switch.participant
        data = event.data
        is_credit = (
            event.type == "payment.posted"
            and data.get("creditor_agent", {}).get("id") == own
            and data.get("debtor_agent", {}).get("id") != own
        )
        if not (is_credit and self._office.settings.notices):
            return None
        values = {
            "transferState": COMMITTED,
            "completedTimestamp": payment.instant_text(datetime.fromisoformat(event.time)),
            "TxInfAndSts.OrgnlUETR": event.subject,
        }
        return self._callback(messages.TRANSFERS_PATCH, event.subject, values)

    # Events

    async def _worked_off(self, event: Event) -> None:
        told = None
        if event.type in _ENDS:
            if await self._keep(Journal.of_uetr, event.subject) is not None:
                await self._look(event.subject)
            told = self._notice(event)
        await self._keep(Journal.move, event.id, told)
        if told is not None:
            self._office.courier.wake()

    async def _now(self) -> int:
        """The place after the last event of all, where a new bridge begins."""
        place = 0
        while True:
            page = await self._office.client.read("events", after=str(place), limit="1000")
            place = int(page["next"])
            if not page["more"]:
                return place
