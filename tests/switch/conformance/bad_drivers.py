"""Deliberately bad drivers: the reference driver with one fault each, and the scenario that finds it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from switch.clients.python import Client, Message, NoAnswer, RequestRefused, credit_transfer, exchange
from switch.conformance import driver as reference
from switch.conformance.driver import Answer, Data, Driver, Hooks


class Pays(Driver):
    """A driver whose requests are tried once, so that its faults are its own."""

    tries = 1

    def do(self, task: Data) -> Answer:
        self._clients.setdefault(task["switch"], Client(task["switch"], key=self._key, tries=self.tries))
        return super().do(task)


class NewUetrAfterACut(Pays):
    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        try:
            client.pay(message)
        except NoAnswer:
            (transaction,) = message["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
            transaction["PmtId"]["UETR"] = credit_transfer(**TRANSFER)["Document"]["FIToFICstmrCdtTrf"][
                "CdtTrfTxInf"
            ][0]["PmtId"]["UETR"]
        return super()._sent(client, message, within_s)


TRANSFER: dict[str, Any] = {
    "debtor_agent": "ASHAINBB", "debtor": "A", "debtor_account": "1", "creditor_agent": "INDUPKKA", "creditor": "B",
    "creditor_account": "2", "amount": "1.00", "currency": "INR",
}  # fmt: skip


class NewBytesAfterACut(Pays):
    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        try:
            client.pay(message)
        except NoAnswer:
            message["Document"]["FIToFICstmrCdtTrf"]["GrpHdr"]["MsgId"] += "X"
        return super()._sent(client, message, within_s)


class GivesUp(Pays):
    """A lost answer is taken as a refusal."""

    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        found = super()._sent(client, message, within_s)
        return {**found, "status": "RJCT", "reason": "AB05"} if found["status"] == "PDNG" else found


class Hopes(Pays):
    """A lost answer is taken as a credit."""

    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        found = super()._sent(client, message, within_s)
        return {**found, "status": "ACCC"} if found["status"] == "PDNG" else found


class Impatient(Pays):
    """Comes back at once, whatever `Retry-After` says."""

    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        for _ in range(3):
            found = super()._sent(client, message, within_s)
            if found["status"] != "PDNG":
                break
        return found


class Hammers(Pays):
    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        for _ in range(60):
            found = super()._sent(client, message, within_s)
        return found


class Insists(Driver):
    """Sends a refused payment again."""

    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        super()._sent(client, message, within_s)
        return super()._sent(client, message, within_s)


class GuessesReason(Driver):
    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        return {**super()._sent(client, message, within_s), "reason": "MS03"}


class DoesNotWait(Driver):
    """Believes a payment in progress to be credited."""

    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:  # noqa: ARG002
        found = super()._sent(client, message, 0)
        return {**found, "status": "ACCC" if found["status"] == "ACSP" else found["status"]}


class KeepsNoOrders(Driver):
    def _pay(self, client: Client, data: Data) -> Answer:
        return self._sent(client, self._message(data), float(data["within_s"]))


class OneUetrForAll(Driver):
    """Takes two orders of the same content for one."""

    def _pay(self, client: Client, data: Data) -> Answer:
        return super()._pay(client, {**data, "order": data["creditor_account"]})


class Rounds(Driver):
    def _message(self, data: Data) -> Message:
        return super()._message({**data, "amount": f"{float(data['amount']) * 10:.2f}"})


class LeavesOut(Driver):
    """States neither the end-to-end id, nor the remittance information, nor the quoted amount."""

    def _message(self, data: Data) -> Message:
        left_out = {"end_to_end_id", "remittance", "credited_amount"}
        return super()._message({name: value for name, value in data.items() if name not in left_out})


class Follows(Driver):
    """Follows a redirect with its payment."""

    def do(self, task: Data) -> Answer:
        if task["switch"] not in self._clients:
            http = httpx.Client(trust_env=False, follow_redirects=True)
            self._clients[task["switch"]] = Client(task["switch"], key=self._key, http=http, tries=1)
        return super().do(task)


class Unsigned(Driver):
    def do(self, task: Data) -> Answer:
        self._clients.setdefault(task["switch"], Client(task["switch"], bearer="sk_test_of_nobody"))
        return super().do(task)


class WrongClock(Driver):
    def do(self, task: Data) -> Answer:
        with clock(ahead_s=30):
            return super().do(task)


@contextmanager
def clock(*, ahead_s: float) -> Iterator[None]:
    """A clock of the signing client that is ahead."""

    class Clock:
        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def time() -> float:
            return time.time() + ahead_s

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "time", Clock)
        yield


class OneNonce(Driver):
    """Every request has the same nonce; the one that may use it comes before the first task."""

    def do(self, task: Data) -> Answer:
        url = task["switch"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exchange, "uuid", _SameUuid)
            if url not in self._clients:
                self._clients[url] = Client(url, key=self._key)
                self._clients[url].positions()
            return super().do(task)


class _SameUuid:
    @staticmethod
    def uuid4() -> uuid.UUID:
        return _NONCE


_NONCE = uuid.UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")


class ReturnsAnew(Pays):
    """After a cut, makes a new return in place of the same one again."""

    def _return(self, client: Client, data: Data) -> Answer:
        try:
            return super()._return(client, data)
        except NoAnswer:
            return super()._return(client, data)


class KnowsNoReturns(Driver):
    def _outcome(self, client: Client, data: Data) -> Answer:
        return {**super()._outcome(client, data), "returned": False}


class TakesRecallForReturn(Driver):
    def _outcome(self, client: Client, data: Data) -> Answer:
        return {**super()._outcome(client, data), "returned": True}


class AlwaysAgrees(Driver):
    def _answer_recall(self, client: Client, data: Data) -> Answer:
        return self._return(client, data)


class PaysWhatItRefused(Driver):
    def _answer_request(self, client: Client, data: Data) -> Answer:
        found = super()._answer_request(client, data)
        for wish in reference._about(client, "pain.013"):
            transfer = wish["PmtInf"][0]["CdtTrfTx"][0]
            if transfer["PmtId"]["EndToEndId"] == data["end_to_end_id"]:
                account = transfer["CdtrAcct"]["Id"]
                wanted = {
                    **TRANSFER,
                    "creditor_account": account.get("IBAN") or account["Othr"]["Id"],
                    "purpose": "FAMI",
                }
                client.pay(credit_transfer(**wanted), wait=5)
        return found


class AsksAnew(Pays):
    """After a cut, asks a new question in place of the same one again."""

    def _ask_about(self, client: Client, data: Data) -> Answer:
        try:
            return super()._ask_about(client, data)
        except NoAnswer:
            return super()._ask_about(client, data)


class TakesTheFirstAnswer(Driver):
    """Holds a question for answered as soon as it is passed on, or worked on."""

    def _told(self, client: Client, question: Message) -> Answer:
        return {**super()._told(client, question), "status": "CLSD"}

    def _question_outcome(self, client: Client, data: Data) -> Answer:
        return {**super()._question_outcome(client, data), "status": "CLSD"}


class AnswersNobody(Driver):
    """Says that it has answered a question, and has not."""

    def _answer_question(self, client: Client, data: Data) -> Answer:  # noqa: ARG002
        return {"status": data["status"]}


class HoldsEverybodyTrue(Driver):
    def _verify_payee(self, client: Client, data: Data) -> Answer:
        super()._verify_payee(client, data)
        return {"match": True}


class QuotesItself(Driver):
    def _quote(self, client: Client, data: Data) -> Answer:
        found = super()._quote(client, data)
        return {"fee": found.get("fee"), "credited_amount": "1.00"}


class CountsWrong(Driver):
    def _balances(self, client: Client, data: Data) -> Answer:
        return {"balances": dict.fromkeys(super()._balances(client, data)["balances"], "0.00")}

    def _statement(self, client: Client, data: Data) -> Answer:
        return {"entries": super()._statement(client, data)["entries"] - 1}


class SkipsEvents(Driver):
    """Takes the first page for all."""

    def _events(self, client: Client, data: Data) -> Answer:
        try:
            page = client.read("events", after=str(data["after"]), limit=str(data["limit"]))
        except RequestRefused:
            return {"events": [], "cursor": data["after"]}
        return {"events": [int(each["id"]) for each in page["events"]], "cursor": page["next"]}


class BeginsStreamsAnew(Driver):
    """Opens a broken stream at its first cursor, and takes events twice."""

    def _follow(self, client: Client, data: Data) -> Answer:
        found: list[int] = []
        while len(found) < data["count"]:
            headers = {"Accept": exchange.STREAM, "Last-Event-ID": str(data["after"])}
            request = exchange.Request("GET", client._resources.url("events"), headers)
            try:
                with client._http.stream(
                    "GET", request.url, headers=client._resources.proved(request), timeout=20
                ) as response:
                    for line in response.iter_lines():
                        if line.startswith("id:"):
                            found.append(int(line[3:]))
                        if len(found) >= data["count"]:
                            break
            except httpx.TransportError:
                continue
        return {"events": found}


class Credulous(Driver):
    """Accepts every delivery, and processes each anew."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        assert self._hooks is not None
        hooks, take = self._hooks, self._hooks.take
        self.counted: dict[int, int] = {}

        def believe(headers: Any, body: bytes) -> int:
            take(headers, body)
            return 204

        hooks.take = believe  # type: ignore[method-assign]

    def _deliveries(self, client: Client, data: Data) -> Answer:
        received = super()._deliveries(client, data)["received"]
        return {"count": received, "received": received}


class Refuses(Driver):
    """Refuses true deliveries too."""

    def _webhook(self, client: Client, data: Data) -> Answer:
        found = super()._webhook(client, data)
        assert self._hooks is not None
        self._hooks.keys = ["whsec_AAAA"]
        return found


class GoesBack(Driver):
    """The last delivery decides, whatever its sequence."""

    def _outcome(self, client: Client, data: Data) -> Answer:
        found = super()._outcome(client, data)
        return (
            {**found, "status": "ACSP"} if isinstance(self._hooks, Hooks) and self._hooks.processed else found
        )


FAULTS: dict[str, tuple[type[Driver], tuple[str, ...]]] = {
    "a new UETR after a cut": (NewUetrAfterACut, ("UNK-CUT", "UNK-502")),
    "other bytes after a cut": (NewBytesAfterACut, ("UNK-CUT", "UNK-500")),
    "a lost answer is a refusal": (GivesUp, ("UNK-OUTAGE", "UNK-NEVER", "UNK-HTML")),
    "a lost answer is a credit": (Hopes, ("UNK-OUTAGE-REFUSED", "UNK-NEVER")),
    "comes back before Retry-After": (Impatient, ("UNK-503", "UNK-429")),
    "hammers": (Hammers, ("PAY-TEXT",)),
    "sends a refused payment again": (Insists, ("REF-AC04", "SWR-AMOUNT")),
    "states another reason": (GuessesReason, ("REF-AC04", "LATE-RETURN")),
    "believes before it is final": (DoesNotWait, ("LATE-RETURN",)),
    "pays an order given twice": (KeepsNoOrders, ("IDM-CREDITED", "IDM-REFUSED")),
    "loses an order of the same content": (OneUetrForAll, ("IDM-TWO",)),
    "another amount": (Rounds, ("PAY-AMOUNT",)),
    "leaves out what an order states": (LeavesOut, ("PAY-ID", "PAY-TEXT", "QUO-PAY", "SWR-QUOTE", "RTP-PAY")),
    "follows a redirect": (Follows, ("SIG-REDIRECT",)),
    "signs nothing": (Unsigned, ("SIG-ALL",)),
    "a wrong clock": (WrongClock, ("SIG-CLOCK",)),
    "one nonce for all": (OneNonce, ("PAY-TEXT", "REF-AC04", "SIG-NONCE")),
    "a new return after a cut": (ReturnsAnew, ("RTN-CUT",)),
    "knows no returns": (KnowsNoReturns, ("RTN-IN", "RCL-AGREED")),
    "takes a refused recall for a return": (TakesRecallForReturn, ("RCL-REFUSED",)),
    "returns what it was to keep": (AlwaysAgrees, ("RCL-REFUSE",)),
    "pays a request that it refused": (PaysWhatItRefused, ("RTP-REFUSE",)),
    "a new question after a cut": (AsksAnew, ("INV-CUT",)),
    "a question passed on is answered": (TakesTheFirstAnswer, ("INV-ANSWERED", "INV-INTERIM")),
    "answers no question": (AnswersNobody, ("INV-ANSWER",)),
    "believes every name": (HoldsEverybodyTrue, ("VFY-OTHER",)),
    "states an amount that nobody quoted": (QuotesItself, ("QUO-READ", "QUO-NONE")),
    "wrong books": (CountsWrong, ("ACC-BALANCE", "ACC-REPORT")),
    "the first page is all": (SkipsEvents, ("EVT-PAGES", "EVT-AHEAD")),
    "begins streams anew": (BeginsStreamsAnew, ("EVT-STREAM",)),
    "accepts false webhooks": (
        Credulous,
        (
            "WHK-FALSE",
            "WHK-UNSIGNED",
            "WHK-EMPTY",
            "WHK-UNKNOWN",
            "WHK-OLD",
            "WHK-CHANGED",
            "WHK-MOVED",
            "WHK-TWICE",
        ),
    ),
    "refuses true webhooks": (Refuses, ("WHK-REGISTER",)),
    "goes back to an earlier event": (GoesBack, ("WHK-LATE",)),
}
"""A fault -> the driver that has it, and the scenarios that must fail."""
