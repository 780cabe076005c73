"""Hands a package over to a destination: by webhook, object store, SFTP or e-mail.

Each returns the receiver's answer, or raises `DeliveryFailed`. A repetition is harmless: the name of a
package never changes, and a file that is there already with the same bytes counts as delivered.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
from yarl import URL

from switch.base import mail, outward
from switch.base.files import fault_of_secret
from switch.base.networks import Network
from switch.base.settings import Settings
from switch.reports.delivery import sigv4
from switch.reports.delivery.address import DeliveryAddress, Transport
from switch.reports.package import MEDIA_TYPE
from switch.webhooks.signing import SigningKeys

WITHIN_S: Final = 120.0
"""How long one delivery may take."""
ATTACHMENT_BYTES_MAX: Final = 20 * 1024 * 1024
_OK: Final = range(200, 300)
_NO_SFTP: Final = "the extra for SFTP is not installed: pip install 'payswitch[sftp]'"


class DeliveryFailed(Exception):
    """The receiver has not accepted it; the text states why, without any secret."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A package on its way."""

    id: str
    name: str
    octets: bytes
    sha256: str
    destination: str
    host_key: str
    access_key: str
    region: str


class Transports:
    """The ways to every destination, within the permitted networks."""

    def __init__(self, settings: Settings, keys: SigningKeys) -> None:
        self._settings = settings
        self._keys = keys
        self._beside: tuple[Network, ...] = outward.permitted_networks(settings, settings.report_networks)
        self._session = outward.session(8, self._beside, WITHIN_S, MEDIA_TYPE)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def send(self, address: DeliveryAddress, parcel: Parcel) -> str:
        """Hand a package over; return the receiver's answer.

        Raises:
            DeliveryFailed: it was not accepted.

        """
        if address.is_plain and not self._settings.sandbox:
            raise DeliveryFailed("the address is without TLS, which only a sandbox may use")
        ways = {
            Transport.WEBHOOK: self._webhook,
            Transport.S3: self._s3,
            Transport.SFTP: self._sftp,
            Transport.EMAIL: self._email,
        }
        try:
            return await ways[address.transport](address, parcel)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise DeliveryFailed(type(error).__name__) from None

    async def _webhook(self, address: DeliveryAddress, parcel: Parcel) -> str:
        headers = self._keys.headers(parcel.id, int(time.time()), parcel.octets)
        named = {"payswitch-file-name": parcel.name, "payswitch-sha256": parcel.sha256}
        return await self._sent("POST", address.url, parcel.octets, {**headers, **named})

    async def _s3(self, address: DeliveryAddress, parcel: Parcel) -> str:
        url = URL(f"{address.url}/{parcel.name}")
        key = sigv4.S3Key(parcel.access_key, self._secret(parcel), parcel.region)
        headers = sigv4.headers(
            key,
            host=url.host_port_subcomponent or "",
            path=url.path,
            body=parcel.octets,
            at=datetime.now(UTC),
            content_type=MEDIA_TYPE,
        )
        return await self._sent("PUT", str(url), parcel.octets, headers)

    async def _sent(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> str:
        async with self._session.request(
            method, url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            if answer.status not in _OK:
                raise DeliveryFailed(f"the receiver responded {answer.status}")
            return f"{answer.status} {answer.headers.get('ETag', '')[:80]}".strip()

    async def _email(self, address: DeliveryAddress, parcel: Parcel) -> str:
        if not self._settings.smtp_host:
            raise DeliveryFailed("no mail server is set (PAYSWITCH_SMTP_HOST)")
        if len(parcel.octets) > ATTACHMENT_BYTES_MAX:
            raise DeliveryFailed(f"more than {ATTACHMENT_BYTES_MAX:,} bytes are too large for an e-mail")
        text = f"{parcel.name}\nSHA-256 {parcel.sha256}\n"
        message = mail.Mail(parcel.id, address.user, parcel.name, text, (parcel.name, parcel.octets))
        await asyncio.to_thread(mail.send, self._settings, message)
        return "accepted by the mail server"

    async def _sftp(self, address: DeliveryAddress, parcel: Parcel) -> str:
        try:
            import asyncssh  # noqa: PLC0415 - an extra
        except ImportError:
            raise DeliveryFailed(_NO_SFTP) from None
        secret = self._secret(parcel)
        is_key = secret.startswith("-----BEGIN")
        connected = await outward.dial(address.host, address.port, self._beside)
        try:
            async with asyncio.timeout(WITHIN_S):
                async with (
                    asyncssh.connect(
                        address.host,
                        address.port,
                        sock=connected,
                        username=address.user,
                        known_hosts=([asyncssh.import_public_key(parcel.host_key)], [], []),
                        client_keys=[asyncssh.import_private_key(secret)] if is_key else None,
                        password=None if is_key else secret,
                        agent_path=None,
                        config=None,
                    ) as connection,
                    connection.start_sftp_client() as client,
                ):
                    return await _uploaded(client, address.path.lstrip("/"), parcel)
        except asyncssh.Error as error:
            raise DeliveryFailed(f"SFTP: {type(error).__name__}") from None
        finally:
            connected.close()

    def _secret(self, parcel: Parcel) -> str:
        file = secret_file(self._settings, parcel.destination)
        if fault := fault_of_secret(file):
            raise DeliveryFailed(fault)
        return file.read_text(encoding="utf-8").strip()


async def _uploaded(client: Any, folder: str, parcel: Parcel) -> str:
    """Upload under another name, then rename: nobody meets half a file under its name."""
    target = "/".join(filter(None, (folder, parcel.name)))
    if await client.exists(target):
        async with client.open(target, "rb") as there:
            if await there.read(len(parcel.octets) + 1) == parcel.octets:
                return "it was there already"
        raise DeliveryFailed("another file of this name is there")
    part = f"{target}.part"
    async with client.open(part, "wb") as file:
        await file.write(parcel.octets)
    await client.rename(part, target)
    return f"{(await client.stat(target)).size} bytes"


def secret_file(settings: Settings, destination: str) -> Path:
    """The file with the secret of a destination: an S3 secret, a private SSH key, or a password."""
    return settings.data / "keys" / "deliveries" / destination
