"""TLS of a bridge: as a server for the connector, as a client of the switch and of the connector."""

import ssl
from pathlib import Path


def of_server(certificate: Path | None, key: Path | None, clients: Path | None) -> ssl.SSLContext | None:
    """The server's side; with an authority for clients, only those that it certifies may connect.

    Raises:
        OSError: a file cannot be read, or is no certificate or key.

    """
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def of_client(
    authorities: Path | None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """The client's side; without authorities those of the system are trusted. Raises as `of_server` does."""
    context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context
