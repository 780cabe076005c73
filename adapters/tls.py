"""TLS to a rail: the authorities that we trust, and our client certificate."""

import ssl

from adapters.port import RailConnection


def context(connection: RailConnection) -> ssl.SSLContext:
    """TLS 1.2 or later; trusts only the rail's own authorities if they are given.

    Raises:
        OSError: a file is missing or not a certificate, or the key does not match (`ssl.SSLError`).

    """
    made = ssl.create_default_context(cafile=connection.ca_file)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    present(made, connection)
    return made


def present(context: ssl.SSLContext, connection: RailConnection) -> None:
    """Give a context our client certificate, if the connection has one.

    Raises:
        OSError: a file is missing or not a certificate, or the key does not match (`ssl.SSLError`).

    """
    if connection.certificate_file is not None:
        context.load_cert_chain(
            connection.certificate_file, connection.certificate_key_file, password=_unknown
        )


def _unknown() -> str:
    """None of our keys has a password: without this function OpenSSL would ask for one at the terminal."""
    return ""
