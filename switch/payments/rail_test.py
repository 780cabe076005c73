"""Test of one endpoint of a rail: a TLS handshake, then a harmless request of the adapter.

No order is sent, and there is no enquiry about an order: `probe` of the port is an echo, a heartbeat or a
sign-on.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from yarl import URL

from adapters import registry, tls
from adapters.port import RailConnection
from schemas.errors import SwitchError

_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class EndpointTest:
    """Result of the test of one endpoint."""

    endpoint: str
    tls: str
    """TLS version of the connection; empty if no connection was made."""
    certificate_until: str
    """Expiry of the server's certificate, ISO 8601."""
    answers: bool
    """Whether the rail responded to the adapter's request; it does not if it rejects our certificate."""
    detail: str
    """What failed; empty if everything works."""

    @property
    def works(self) -> bool:
        """Whether payments can use the endpoint."""
        return not self.detail


async def check_endpoint(country: str, connection: RailConnection) -> EndpointTest:
    """Test the first endpoint of a connection."""
    try:
        async with asyncio.timeout(connection.connect_s or _WITHIN_S):
            version, until = await _handshake(connection)
    except ssl.SSLCertVerificationError as error:
        return _failed(connection, f"the server's certificate is not trusted: {error.verify_message}")
    except ssl.SSLError as error:
        return _failed(connection, f"TLS failed: {error.reason}")
    except TimeoutError:
        return _failed(connection, "no connection in time")
    except OSError as error:
        return _failed(connection, f"no connection: {error.strerror or type(error).__name__}")
    answers = await _answers(country, connection)
    detail = "" if answers else "the rail gives no answer: it may not accept our certificate, key or ids"
    return EndpointTest(connection.base_url, version, until, answers, detail)


async def _handshake(connection: RailConnection) -> tuple[str, str]:
    url = URL(connection.base_url)
    _, writer = await asyncio.open_connection(url.host, url.port, ssl=tls.context(connection))
    try:
        made: ssl.SSLObject = writer.get_extra_info("ssl_object")
        certificate = x509.load_der_x509_certificate(made.getpeercert(binary_form=True) or b"")
        return made.version() or "", certificate.not_valid_after_utc.isoformat()
    finally:
        writer.transport.abort()


async def _answers(country: str, connection: RailConnection) -> bool:
    adapter = registry.load(country, connection)
    try:
        async with asyncio.timeout(_WITHIN_S):
            return await adapter.probe()
    except (OSError, SwitchError):
        return False
    finally:
        await adapter.close()


def _failed(connection: RailConnection, detail: str) -> EndpointTest:
    return EndpointTest(connection.base_url, "", "", answers=False, detail=detail)
