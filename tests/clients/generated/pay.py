"""What a bank writes on a client that was generated from the description: pay, page events, verify a webhook.

It runs, and is checked by mypy, where nothing of the switch is: only the generated client `generated`, and the
client of the tree as `payswitch_client`, which signs and verifies.
"""

import json
import queue
import sys
import threading
import time
import uuid
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
from generated import AuthenticatedClient
from generated.api.events import list_events
from generated.api.iso20022 import send_credit_transfer
from generated.api.payments import get_payment
from generated.api.webhooks import add_webhook, list_webhook_keys, remove_webhook, test_webhook
from generated.models import (
    AddedWebhook,
    EventPage,
    FIToFICustomerCreditTransferPacs00800108,
    FIToFIPaymentStatusReportPacs00200110,
    NewWebhook,
    Payment,
    Problem,
)
from payswitch_client import SigningKey, verify_webhook
from payswitch_client.signing import sign

Delivery = tuple[dict[str, str], bytes]


class Signature(httpx.Auth):
    """Signs every request of httpx."""

    requires_request_body = True

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(
            sign(
                self._key,
                method=request.method,
                authority=request.headers["Host"],
                target=request.url.raw_path.decode(),
                headers=request.headers,
                body=request.content,
                now=int(time.time()),
                nonce=uuid.uuid4().hex,
            )
        )
        yield request


def paid(client: AuthenticatedClient, document: dict[str, Any]) -> Payment:
    """Send a payment and read it."""
    message = FIToFICustomerCreditTransferPacs00800108.from_dict(document)
    answer = send_credit_transfer.sync(client=client, body=message, prefer="wait=20")
    assert isinstance(answer, FIToFIPaymentStatusReportPacs00200110), answer
    transactions = answer.document.fi_to_fi_pmt_sts_rpt.tx_inf_and_sts
    assert transactions, answer
    (transaction,) = transactions
    assert transaction.tx_sts == "ACCC", transaction
    payment = get_payment.sync(str(transaction.orgnl_uetr), client=client)
    assert isinstance(payment, Payment), payment
    return payment


def events_since(client: AuthenticatedClient, cursor: int) -> Generator[EventPage, None, None]:
    """The pages of events after a cursor."""
    while True:
        page = list_events.sync(client=client, after=cursor, limit=2)
        assert isinstance(page, EventPage), page
        yield page
        cursor = page.next_
        if not page.more:
            return


def delivered(client: AuthenticatedClient, url: str, deliveries: "queue.Queue[Delivery]") -> str:
    """Add a webhook, have it tested, and verify what comes; the type of the event."""
    hook = add_webhook.sync(client=client, body=NewWebhook(url=url))
    assert isinstance(hook, AddedWebhook), hook
    keys = list_webhook_keys.sync(client=client)
    assert isinstance(keys, list), keys
    test_webhook.sync_detailed(hook.id, client=client)
    headers, body = deliveries.get(timeout=60)
    event = verify_webhook(headers, body, [key.public_key for key in keys])
    assert remove_webhook.sync_detailed(hook.id, client=client).status_code == 204
    return event.type


def receiver(deliveries: "queue.Queue[Delivery]") -> HTTPServer:
    """A server that takes webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            deliveries.put((dict(self.headers.items()), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main(plan: dict[str, Any]) -> dict[str, object]:
    """Do all of it; what was seen."""
    key = SigningKey.from_pem(plan["keyid"], plan["private_key"])
    client = AuthenticatedClient(plan["url"], token="")
    client.set_httpx_client(httpx.Client(base_url=plan["url"], auth=Signature(key), timeout=60))
    *_, last = events_since(client, 0)
    payment = paid(client, plan["document"])
    pages = [page.events for page in events_since(client, last.next_)]
    types = [event.type_ for page in pages for event in page if event.subject == str(payment.uetr)]
    deliveries: queue.Queue[Delivery] = queue.Queue()
    server = receiver(deliveries)
    delivery = delivered(client, f"http://127.0.0.1:{server.server_port}/hook", deliveries)
    server.shutdown()
    unknown = get_payment.sync(str(uuid.uuid4()), client=client)
    assert isinstance(unknown, Problem), unknown
    return {
        "state": payment.state,
        "currency": payment.interbank_settlement_amount.currency
        if payment.interbank_settlement_amount
        else None,
        "pages": len(pages),
        "types": types,
        "delivery": delivery,
        "unknown": unknown.type_,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
