"""The reference driver: it has the Python client do each task of the kit.

    python -m switch.conformance.driver --keyid asha-bank-1 --key asha.pem --bic ASHAINBB --orders orders

One task a line comes on standard input, one answer a line goes to standard output. A bank writes the same for
its own client: `docs/integrate/conform.md` has the tasks. As a bank must, it keeps each message in a file
before it sends it, so that after a crash the order is still one payment. `--hooks PORT` receives webhooks.
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any, Final

from switch.clients.python import (
    FINAL,
    Client,
    CursorAhead,
    Event,
    Message,
    NoAnswer,
    NotVerified,
    PaymentState,
    RequestRefused,
    SigningKey,
    accounts_request,
    credit_transfer,
    investigation,
    investigation_answer,
    payment_return,
    recall,
    recall_refusal,
    request_to_pay,
    request_to_pay_answer,
    verification,
    verify_webhook,
)

Data = Mapping[str, Any]
Answer = dict[str, Any]
_ORDER: Final = (
    *("debtor", "debtor_account", "creditor_agent", "creditor_agent_member", "creditor", "creditor_account"),
    *("amount", "currency", "purpose", "remittance"),
)
_WAIT_S_MAX: Final = 20.0


class OrderFile:
    """The messages of orders, each written before it is sent."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, Message] = {}
        if file.exists():
            for line in file.read_text().splitlines():
                self._found |= json.loads(line)

    def find(self, order: str) -> Message | None:
        """The message of an order, if there is one."""
        return self._found.get(order)

    def keep(self, order: str, message: Message) -> None:
        """Write a message to the disk."""
        with self._file.open("a") as file:
            file.write(json.dumps({order: message}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._found[order] = message


class Hooks:
    """A receiver of webhooks: verifies each, and counts what it processed."""

    def __init__(self, port: int) -> None:
        self.keys: list[str] = []
        self.received: dict[int, int] = {}
        self.processed: dict[int, Event] = {}
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            """One delivery."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(hooks.take(dict(self.headers), body))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing: standard output is for answers."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop receiving."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take a delivery; get the status of the response."""
        try:
            event = verify_webhook(headers, body, self.keys)
        except NotVerified:
            return 400
        self.received[event.id] = self.received.get(event.id, 0) + 1
        self.processed.setdefault(event.id, event)
        return 204


class Driver:
    """Does each task with the client."""

    def __init__(self, key: SigningKey, bic: str, orders: OrderFile, hooks: Hooks | None) -> None:
        self._key = key
        self._bic = bic
        self._orders = orders
        self._hooks = hooks
        self._clients: dict[str, Client] = {}
        self._requests: dict[str, str] = {}
        """End-to-end id of a request to pay of ours -> its message id."""
        self._questions: dict[str, Message] = {}
        """Order -> our last question about its payment."""
        self._tasks: Mapping[str, Callable[[Client, Data], Answer]] = {
            "pay": self._pay,
            "outcome": self._outcome,
            "resend": self._resend,
            "verify_payee": self._verify_payee,
            "quote": self._quote,
            "return": self._return,
            "recall": self._recall,
            "answer_recall": self._answer_recall,
            "request_to_pay": self._request_to_pay,
            "request_outcome": self._request_outcome,
            "answer_request": self._answer_request,
            "ask_about": self._ask_about,
            "question_outcome": self._question_outcome,
            "answer_question": self._answer_question,
            "balances": self._balances,
            "statement": self._statement,
            "events": self._events,
            "follow": self._follow,
            **({} if hooks is None else {"webhook": self._webhook, "deliveries": self._deliveries}),
        }

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def do(self, task: Mapping[str, Any]) -> Answer:
        """Do one task."""
        work = self._tasks.get(task["task"])
        if work is None:
            return {"unsupported": True}
        url = task["switch"]
        if url not in self._clients:
            self._clients[url] = Client(url, key=self._key)
        return work(self._clients[url], task["data"])

    # Payments.

    def _pay(self, client: Client, data: Data) -> Answer:
        message = self._orders.find(data["order"])
        if message is None:
            message = self._message(data)
            self._orders.keep(data["order"], message)
        return self._sent(client, message, float(data["within_s"]))

    def _message(self, data: Data) -> Message:
        given = {name: data[name] for name in _ORDER if data.get(name)}
        message = credit_transfer(debtor_agent=self._bic, **given)
        (transaction,) = message["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
        if data.get("end_to_end_id"):
            transaction["PmtId"]["EndToEndId"] = data["end_to_end_id"]
        if data.get("credited_amount"):
            transaction["InstdAmt"] = {"Ccy": data["credited_currency"], "Amt": data["credited_amount"]}
        return message

    def _sent(self, client: Client, message: Message, within_s: float) -> Answer:
        """Send a message, new or again, and follow the payment."""
        uetr = _uetr(message)
        try:
            state = client.pay(message, wait=min(within_s, _WAIT_S_MAX))
            if not state.final and within_s:
                state = client.wait(uetr, within_s=within_s)
        except NoAnswer:
            return {"status": "PDNG", "uetr": uetr}
        except RequestRefused as refusal:
            return {"status": "RJCT", "reason": refusal.reason, "uetr": uetr}
        return _stated(state)

    def _resend(self, client: Client, data: Data) -> Answer:
        message = self._orders.find(data["order"])
        return {} if message is None else self._sent(client, message, _WAIT_S_MAX)

    def _outcome(self, client: Client, data: Data) -> Answer:
        message = self._orders.find(data["order"])
        if message is None:
            return {}
        answer = self._sent(client, message, float(data["within_s"]))
        if answer["status"] not in FINAL:
            return answer
        try:
            state = client.payment(answer["uetr"])
        except RequestRefused:
            return answer
        refused = any(each["Sts"]["Conf"] == "RJCR" for each in _about(client, "camt.029", answer["uetr"]))
        return {**answer, "returned": state.returned, **({"recall": "RJCR"} if refused else {})}

    # Questions.

    def _verify_payee(self, client: Client, data: Data) -> Answer:
        message = verification(
            data["account"], data["name"], from_agent=self._bic, to_agent=data["creditor_agent"]
        )
        try:
            (report,) = client.send(message)["Document"]["IdVrfctnRpt"]["Rpt"]
        except RequestRefused:
            return {"match": None}
        return {"match": report["Vrfctn"]}

    def _quote(self, client: Client, data: Data) -> Answer:
        try:
            quote = client.read("quotes", **data)
        except RequestRefused as refusal:
            return {"reason": refusal.reason}
        return {name: quote[name]["amount"] for name in ("credited_amount", "fee")}

    def _balances(self, client: Client, _: Data) -> Answer:
        report = client.send(accounts_request())["Document"]["RtrAcct"]["RptOrErr"]["AcctRpt"]
        found = {}
        for account in report:
            content = account["AcctOrErr"]["Acct"]
            (balance,) = [each for each in content["MulBal"] if each["Tp"]["Cd"] == "BOOK"]
            sign = "-" if balance["CdtDbtInd"] == "DBIT" else ""
            found[content["Ccy"]] = f"{sign}{balance['Amt']}"
        return {"balances": found}

    def _statement(self, client: Client, data: Data) -> Answer:
        return {"entries": len(client.read("reports/account-report", **data)["rows"])}

    # Returns, recalls, requests to pay.

    def _return(self, client: Client, data: Data) -> Answer:
        amount = client.payment(data["uetr"]).credited_amount
        assert amount is not None
        message = payment_return(
            data["uetr"], amount=amount.amount, currency=amount.currency, reason=data["reason"]
        )
        try:
            report = client.send(message)
        except RequestRefused as refusal:
            return {"status": "RJCT", "reason": refusal.reason}
        return {"status": PaymentState.of_report(report).status}

    def _recall(self, client: Client, data: Data) -> Answer:
        message = self._orders.find(data["order"])
        assert message is not None
        (transaction,) = message["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
        to = transaction["CdtrAgt"]["FinInstnId"]["BICFI"]
        wish = recall(_uetr(message), from_agent=self._bic, to_agent=to, reason=data["reason"])
        return {"status": client.send(wish)["Document"]["RsltnOfInvstgtn"]["Sts"]["Conf"]}

    def _answer_recall(self, client: Client, data: Data) -> Answer:
        if data["agree"]:
            return self._return(client, data)
        (wish, *_) = _about(client, "camt.056", data["uetr"])
        to = wish["Assgnmt"]["Assgnr"]["Agt"]["FinInstnId"]["BICFI"]
        client.send(recall_refusal(data["uetr"], from_agent=self._bic, to_agent=to, reason=data["reason"]))
        return {"status": "RJCR"}

    def _request_to_pay(self, client: Client, data: Data) -> Answer:
        message = request_to_pay(creditor_agent=self._bic, **data)
        content = message["Document"]["CdtrPmtActvtnReq"]
        self._requests[data["end_to_end_id"]] = content["GrpHdr"]["MsgId"]
        report = client.send(message)["Document"]["CdtrPmtActvtnReqStsRpt"]
        return {"status": report["OrgnlGrpInfAndSts"]["GrpSts"]}

    def _request_outcome(self, client: Client, data: Data) -> Answer:
        wanted = self._requests[data["end_to_end_id"]]
        reports = [each["OrgnlGrpInfAndSts"] for each in _about(client, "pain.014")]
        found = [each["GrpSts"] for each in reports if each["OrgnlMsgId"] == wanted]
        return {"status": found[-1] if found else "RCVD"}

    def _answer_request(self, client: Client, data: Data) -> Answer:
        wanted = data["end_to_end_id"]
        for wish in _about(client, "pain.013"):
            (transfer, *_) = wish["PmtInf"][0]["CdtTrfTx"]
            if transfer["PmtId"]["EndToEndId"] == wanted:
                agent = transfer["CdtrAgt"]["FinInstnId"]["BICFI"]
                status = "ACCP" if data["accept"] else "RJCT"
                client.send(
                    request_to_pay_answer(
                        wish["GrpHdr"]["MsgId"], status=status, responder=self._bic, creditor_agent=agent
                    )
                )
                return self._pay(client, data) if data["accept"] else {"status": status}
        return {}

    # Investigations.

    def _ask_about(self, client: Client, data: Data) -> Answer:
        message = self._orders.find(data["order"])
        assert message is not None
        (transaction,) = message["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
        question = self._questions[data["order"]] = investigation(
            _uetr(message),
            type_=data["type"],
            reason=data["reason"],
            from_agent=self._bic,
            to_agent=transaction["CdtrAgt"]["FinInstnId"]["BICFI"],
        )
        return self._told(client, question)

    def _told(self, client: Client, question: Message) -> Answer:
        return _answered(client.send(question)["Document"]["InvstgtnRspn"])

    def _question_outcome(self, client: Client, data: Data) -> Answer:
        question = self._questions[data["order"]]
        asked = question["Document"]["InvstgtnReq"]["InvstgtnReq"]
        answers = _about(client, "camt.111", asked["Undrlyg"]["IntrBk"]["OrgnlUETR"])
        found = [each for each in answers if each["OrgnlInvstgtnReq"]["MsgId"] == asked["MsgId"]]
        return _answered(found[-1]) if found else self._told(client, question)

    def _answer_question(self, client: Client, data: Data) -> Answer:
        *_, question = _about(client, "camt.110", data["uetr"])
        message = {"Document": {"InvstgtnReq": question}}
        client.send(investigation_answer(message, status=data["status"], reason=data["reason"]))
        return {"status": data["status"]}

    # Events and webhooks.

    def _events(self, client: Client, data: Data) -> Answer:
        cursor, more = data["after"], True
        found: list[int] = []
        while more:
            try:
                page = client.read("events", after=str(cursor), limit=str(data["limit"]))
            except CursorAhead as ahead:
                cursor, found = ahead.resume, []
                continue
            found += [int(event["id"]) for event in page["events"]]
            cursor, more = page["next"], page["more"]
        return {"events": found, "cursor": cursor}

    def _follow(self, client: Client, data: Data) -> Answer:
        return {"events": [event.id for event in islice(client.events(after=data["after"]), data["count"])]}

    def _webhook(self, client: Client, _: Data) -> Answer:
        assert self._hooks is not None
        hook = client.change("POST", "webhooks", {"url": self._hooks.url})
        self._hooks.keys = [*hook["public_keys"], hook["secret"]]
        return {"id": hook["id"], "url": hook["url"]}

    def _deliveries(self, _: Client, data: Data) -> Answer:
        assert self._hooks is not None
        event = data["event"]
        return {
            "count": int(event in self._hooks.processed),
            "received": self._hooks.received.get(event, 0),
        }


def _uetr(message: Message) -> str:
    (transaction,) = message["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    return str(transaction["PmtId"]["UETR"])


def _answered(response: Mapping[str, Any]) -> Answer:
    """What a camt.111 says."""
    status = response["InvstgtnRspn"]["InvstgtnSts"]
    return {"status": status["Sts"], "reason": status.get("StsRsn", {}).get("Cd")}


def _stated(state: PaymentState) -> Answer:
    return {"status": state.status, "reason": state.reason, "uetr": state.uetr, "returned": state.returned}


def _about(client: Client, name: str, uetr: str | None = None) -> Iterator[dict[str, Any]]:
    """The contents of messages for us of one kind, of one payment if it is named."""
    page: dict[str, Any] = {"next": 0, "more": True}
    while page["more"]:
        page = client.read("messages", after=str(page["next"]), limit="200")
        for entry in page["messages"]:
            if entry["definition"].startswith(name) and uetr in {None, entry["uetr"]}:
                (content,) = entry["message"]["Document"].values()
                yield content


def main(arguments: list[str]) -> None:
    """Answer one task a line, until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m switch.conformance.driver")
    parser.add_argument("--keyid", required=True)
    parser.add_argument("--key", type=Path, required=True, help="the private key, PEM")
    parser.add_argument("--bic", required=True)
    parser.add_argument("--orders", type=Path, required=True, help="file of the messages of orders")
    parser.add_argument("--hooks", type=int, help="port of the receiver of webhooks; 0: any")
    given = parser.parse_args(arguments)
    hooks = None if given.hooks is None else Hooks(given.hooks)
    driver = Driver(SigningKey.from_file(given.keyid, given.key), given.bic, OrderFile(given.orders), hooks)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(driver.do(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
