"""QR payloads of the installed countries, parsed to one type and made from it: `read(text)`, `make(code)`."""

from adapters.qr.model import PaymentCode
from adapters.qr.payload import make, read, schemes

__all__ = ["PaymentCode", "make", "read", "schemes"]
