"""The endpoint of every ISO message, and its handler: `POST /v1/iso20022/{message}`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas import verdict
from schemas.errors import DuplicateUetr, Restoring
from switch.api import (
    enquiries,
    investigation_answers,
    investigations,
    message_ids,
    naming,
    receiving,
    requests_to_pay,
    returns,
    suspension,
)
from switch.payments import stated

PREFIX: Final = "/v1/iso20022/"
CREDIT_TRANSFER: Final = f"{PREFIX}pacs.008"


@dataclass(frozen=True, slots=True)
class IsoEndpoint:
    """The endpoint of one message: the message, its response, its purpose and its handler."""

    message: str
    answer: str
    operation: str
    summary: str
    handler: receiving.Handler
    read_only: bool = False
    """It changes nothing and notifies no one: a suspended participant may send it too."""

    async def post(self, request: Request) -> Response:
        """Serve one request."""
        return await receiving.serve(request, self.message, self._handle)

    async def _handle(self, received: receiving.Received) -> receiving.IsoResponse:
        verdict.check(received.message)
        stated.check_use(received.message.header, datetime.now(UTC))
        naming.check_senders(received)
        stated.check_member_ids(received.message, received.runtime.directory.now.by_bic)
        if not self.read_only:
            if received.runtime.directory.now.closed:  # what it is about may be lost: no answer would be true
                raise Restoring
            await suspension.check(received)
        if self.message not in receiving.ADMITTED:
            return await self.handler(received)
        with await received.runtime.admission.enter(received.sender.id):
            try:
                return await self.handler(received)
            except DuplicateUetr as error:
                raise message_ids.placed(error, received.message) from None


ISO_ENDPOINTS: Final = (
    IsoEndpoint(
        "pacs.028",
        "pacs.002.001.10",
        "askPaymentStatus",
        "Request the status of a payment",
        enquiries.payment_status,
        read_only=True,
    ),
    IsoEndpoint(
        "pacs.004", "pacs.002.001.10", "returnPayment", "Return a payment in full", returns.return_payment
    ),
    IsoEndpoint("camt.056", "camt.029.001.09", "askPaymentBack", "Recall a payment", returns.recall),
    IsoEndpoint(
        "camt.029",
        "admi.007.001.01",
        "answerCancellation",
        "Answer a cancellation request",
        returns.answer_recall,
    ),
    IsoEndpoint(
        "camt.110",
        "camt.111.001.02",
        "askAboutPayment",
        "Ask about a payment in codes: an investigation",
        investigations.ask,
    ),
    IsoEndpoint(
        "camt.111",
        "admi.007.001.01",
        "answerInvestigation",
        "Answer an investigation",
        investigation_answers.answer,
    ),
    IsoEndpoint(
        "acmt.023",
        "acmt.024.001.03",
        "verifyAccount",
        "Verify the holder of an account or alias",
        enquiries.verify_accounts,
    ),
    IsoEndpoint(
        "pain.013", "pain.014.001.07", "requestToPay", "Request a payment", requests_to_pay.request_payment
    ),
    IsoEndpoint(
        "pain.014",
        "admi.007.001.01",
        "answerRequestToPay",
        "Answer a request to pay",
        requests_to_pay.answer_request,
    ),
    IsoEndpoint(
        "camt.003",
        "camt.004.001.10",
        "askAccounts",
        "Request the balances of your accounts",
        enquiries.own_accounts,
        read_only=True,
    ),
)
"""Every endpoint except that of pacs.008, which has its own code path because it is the hot path."""

Post = Callable[[Request], Awaitable[Response]]
HANDLERS: Final[dict[str, Post]] = {
    CREDIT_TRANSFER: receiving.post_pacs_008,
    **{f"{PREFIX}{one.message}": one.post for one in ISO_ENDPOINTS},
}
"""By exact path; called without the layers of the framework."""
