"""TLS to a rail: the authorities that we trust there, and the certificate that we show."""

import ssl

from adapters.port import RailConnection


def context(connection: RailConnection) -> ssl.SSLContext:
    """TLS 1.2 or later that trusts the rail's own authorities only, where they are given.

    Raises:
        OSError: a file is missing, or is no certificate; the key does not fit (`ssl.SSLError`).

    """
    made = ssl.create_default_context(cafile=connection.ca_file)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if connection.certificate_file is not None:
        made.load_cert_chain(connection.certificate_file, connection.certificate_key_file, password=_unknown)
    return made


def _unknown() -> str:
    """No key of ours has a password: without this, OpenSSL would ask for one at the terminal."""
    return ""
