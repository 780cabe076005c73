"""Addresses to which reports are delivered: webhooks, object stores, SFTP servers, e-mail addresses.

https://reports.centralbank.example/in     webhook, signed as those of events
s3+https://s3.example/bucket/folder        object store, signature version 4
sftp://payswitch@sftp.example:22/folder    SFTP, with the pinned key of the host
mailto:reports@centralbank.example         e-mail over TLS
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from yarl import URL

_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)
_SAFE: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*/?", re.ASCII)
_HOST_KEY: Final = re.compile(
    r"(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/]{40,1000}={0,2}", re.ASCII
)
_PORTS: Final = {"https": 443, "s3+https": 443, "http": 80, "s3+http": 80, "sftp": 22}
_S3: Final = "s3+"


class Transport(StrEnum):
    """How a report is handed over."""

    WEBHOOK = "webhook"
    S3 = "s3"
    SFTP = "sftp"
    EMAIL = "e-mail"


class InvalidAddress(ValueError):
    """Not an address to which a report can be delivered; the text states what is wrong."""


@dataclass(frozen=True, slots=True)
class DeliveryAddress:
    """A destination's address in its parts."""

    transport: Transport
    host: str
    port: int = 0
    path: str = ""
    user: str = ""
    url: str = ""
    is_plain: bool = False
    """Without TLS: only a sandbox may use it."""


def parse(text: str) -> DeliveryAddress:
    """Read an address.

    Raises:
        InvalidAddress: it is none.

    """
    if text.startswith("mailto:"):
        if _MAIL.fullmatch(text.removeprefix("mailto:")) is None:
            raise InvalidAddress("after mailto: there must be one e-mail address")
        return DeliveryAddress(Transport.EMAIL, text.rpartition("@")[2], user=text.removeprefix("mailto:"))
    url = _url(text)
    scheme = url.scheme
    if scheme not in _PORTS or not url.host:
        raise InvalidAddress("the address must begin with https://, s3+https://, sftp:// or mailto:")
    if url.password or url.query_string or url.fragment or (url.user and scheme != "sftp"):
        raise InvalidAddress("the address must have no password, query or fragment")
    if _SAFE.fullmatch(url.raw_path) is None or {".", ".."} & set(text.split("/")):
        raise InvalidAddress("folders may have letters, digits, dots, dashes and underscores")
    port = url.explicit_port or _PORTS[scheme]
    path = unquote(url.raw_path).rstrip("/")
    if scheme == "sftp":
        if not url.user:
            raise InvalidAddress("an SFTP address names its user: sftp://user@host/folder")
        return DeliveryAddress(Transport.SFTP, url.host, port, path, url.user)
    if scheme.startswith(_S3):
        if not path:
            raise InvalidAddress("the address of an object store names its bucket: s3+https://host/bucket")
        plain = text.removeprefix(_S3).rstrip("/")
        return DeliveryAddress(Transport.S3, url.host, port, path, url=plain, is_plain=scheme == "s3+http")
    return DeliveryAddress(Transport.WEBHOOK, url.host, port, path, url=text, is_plain=scheme == "http")


def _url(text: str) -> URL:
    try:
        return URL(text)
    except ValueError:
        raise InvalidAddress("not a URL") from None


def is_host_key(text: str) -> bool:
    """Whether it is the public key of an SSH host: `ssh-ed25519 AAAA...`."""
    return _HOST_KEY.fullmatch(text) is not None
