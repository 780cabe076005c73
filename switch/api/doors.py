"""Every ISO message that enters, and who handles it: `POST /v1/iso20022/{message}`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas import verdict
from switch.api import door, enquiries, naming, requests_to_pay, returns, suspension

PREFIX: Final = "/v1/iso20022/"
CREDIT_TRANSFER: Final = f"{PREFIX}pacs.008"


@dataclass(frozen=True, slots=True)
class Door:
    """One message's door: what comes in, what it is answered with, and what it is for."""

    message: str
    answer: str
    operation: str
    summary: str
    handler: door.Handler
    asks: bool = False
    """It changes nothing and reaches nobody: a suspended participant may ask it too."""

    async def post(self, request: Request) -> Response:
        """Serve one request."""
        return await door.serve(request, self.message, self._handle)

    async def _handle(self, entered: door.Entered) -> door.Answer:
        verdict.check(entered.message)
        naming.check_senders(entered)
        if not self.asks:
            await suspension.check(entered)
        return await self.handler(entered)


DOORS: Final = (
    Door(
        "pacs.028",
        "pacs.002.001.10",
        "askPaymentStatus",
        "Ask where a payment stands",
        enquiries.payment_status,
        asks=True,
    ),
    Door("pacs.004", "pacs.002.001.10", "returnPayment", "Give a payment back, whole", returns.give_back),
    Door("camt.056", "camt.029.001.09", "askPaymentBack", "Ask for a payment back", returns.ask_back),
    Door("camt.029", "admi.007.001.01", "answerCancellation", "Answer such a wish", returns.answer_wish),
    Door(
        "acmt.023",
        "acmt.024.001.03",
        "verifyAccount",
        "Ask whose an account or alias is",
        enquiries.verify_accounts,
    ),
    Door("pain.013", "pain.014.001.07", "requestToPay", "Ask somebody to pay", requests_to_pay.ask_to_pay),
    Door(
        "pain.014",
        "admi.007.001.01",
        "answerRequestToPay",
        "Answer such a request",
        requests_to_pay.answer_request,
    ),
    Door(
        "camt.003",
        "camt.004.001.10",
        "askAccounts",
        "Ask what stands on one's accounts",
        enquiries.own_accounts,
        asks=True,
    ),
)
"""All but pacs.008, which has a way of its own: it is the hot path."""

Post = Callable[[Request], Awaitable[Response]]
HANDLERS: Final[dict[str, Post]] = {
    CREDIT_TRANSFER: door.post_pacs_008,
    **{f"{PREFIX}{one.message}": one.post for one in DOORS},
}
"""By exact path; called without the framework's layers."""
