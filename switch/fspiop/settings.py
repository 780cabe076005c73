"""The settings file of a bridge: TOML, with paths from the folder of the file."""

import ipaddress
import ssl
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from switch.clients.python import SigningKey
from switch.fspiop import jws, tls

SECRET_MIN: Final = 32
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,35}$")]


class BadSettings(Exception):
    """The settings cannot be used; each line of the text is one fault."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SwitchPart(_Part):
    """`[switch]`: where the switch is, and the key of the participant."""

    url: HttpUrl
    """Address of the switch."""
    participant: Id
    """The DFSP's id at the switch."""
    keyid: str
    """Id of its signing key at the switch."""
    key_file: Path
    """The private key, Ed25519 or P-256, in PEM."""
    authorities_file: Path | None = None
    """Certificates to trust for the switch; default: those of the system."""


class DfspPart(_Part):
    """`[dfsp]`: whom the bridge serves."""

    id: Id
    """The DFSP's id in FSPIOP: `FSPIOP-Source` of its requests."""
    callbacks: HttpUrl
    """Beginning of the address of its callbacks; `/quotes/...` is appended."""
    public_key_file: Path
    """The key that verifies its signatures, RSA or P-256, in PEM."""
    authorities_file: Path | None = None
    """Certificates to trust for its callbacks; default: those of the system."""
    certificate_file: Path | None = None
    """Certificate that the bridge shows there."""
    certificate_key_file: Path | None = None
    """Its key."""


class RoutePart(_Part):
    """`[[routes]]`: which participant holds the accounts that begin so, for requests that name none."""

    type: Annotated[str, Field(pattern=r"^[A-Z_]{1,32}$")]
    """Type of the party identifier."""
    prefix: str = ""
    """Beginning of the identifier; an IBAN without its check digits. The longest one applies."""
    fsp: Id
    """Id of the participant at the switch."""


class BridgeSettings(_Part):
    """All settings of a bridge."""

    listen: str = "127.0.0.1:8700"
    """Address and port for the DFSP. Without TLS only a loopback address."""
    hub: Id = "payswitch"
    """The bridge's own id in FSPIOP: `FSPIOP-Source` of callbacks."""
    journal_file: Path
    """File of the transfers and callbacks; kept on a durable disk."""
    secret_file: Path
    """At least 32 random bytes, from which fulfilments are made."""
    signing_key_file: Path
    """The key that signs callbacks, RSA or P-256, in PEM."""
    certificate_file: Path | None = None
    """Certificate of the bridge, for TLS."""
    certificate_key_file: Path | None = None
    """Its key."""
    client_authorities_file: Path | None = None
    """Certificates of the authority whose clients may connect; default: any client."""
    quote_valid_s: Annotated[int, Field(ge=5, le=3600)] = 60
    """Seconds for which a quote may be paid."""
    keep_days: Annotated[int, Field(ge=1, le=3660)] = 400
    """Days for which transfers that ended are known; the switch knows payments for longer."""
    notices: bool = False
    """Tell the DFSP by `PATCH /transfers/{UETR}` of payments that were credited to it."""
    switch: SwitchPart
    dfsp: DfspPart
    routes: tuple[RoutePart, ...] = ()

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        for part in (self, self.dfsp):
            if (part.certificate_file is None) != (part.certificate_key_file is None):
                raise ValueError("certificate_file and certificate_key_file: state both, or neither")
        host, _ = self.address
        if self.certificate_file is None and not ipaddress.ip_address(host).is_loopback:
            raise ValueError("listen: without certificate_file only a loopback address is possible")
        if self.client_authorities_file is not None and self.certificate_file is None:
            raise ValueError("client_authorities_file: needs certificate_file")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        try:
            address = str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
            number = int(port)
        except ValueError:
            raise ValueError("listen: write an address and a port, as in 127.0.0.1:8700") from None
        return address, number

    @property
    def secret(self) -> bytes:
        """The secret of fulfilments."""
        return self.secret_file.read_bytes()

    @property
    def switch_key(self) -> SigningKey:
        """The participant's key."""
        return SigningKey.from_file(self.switch.keyid, self.switch.key_file)

    @property
    def signing_key(self) -> jws.PrivateKey:
        """The key that signs callbacks."""
        return jws.private_key(self.signing_key_file.read_bytes())

    @property
    def dfsp_key(self) -> jws.PublicKey:
        """The key that verifies the DFSP's requests."""
        return jws.public_key(self.dfsp.public_key_file.read_bytes())

    @property
    def server_tls(self) -> ssl.SSLContext | None:
        """TLS for the connector; none on a loopback address without a certificate."""
        return tls.of_server(self.certificate_file, self.certificate_key_file, self.client_authorities_file)

    @property
    def switch_tls(self) -> ssl.SSLContext:
        """TLS to the switch."""
        return tls.of_client(self.switch.authorities_file)

    @property
    def dfsp_tls(self) -> ssl.SSLContext:
        """TLS to the connector."""
        dfsp = self.dfsp
        return tls.of_client(dfsp.authorities_file, dfsp.certificate_file, dfsp.certificate_key_file)


def load(file: Path) -> BridgeSettings:
    """Read the settings, and every key that they name.

    Raises:
        BadSettings: they cannot be used.

    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise BadSettings(f"{file}: is not TOML: {error}") from None
    try:
        settings = BridgeSettings.model_validate(_with_folder(content, file.parent))
    except ValidationError as error:
        raise BadSettings("\n".join(_fault(each) for each in error.errors())) from None
    _check_keys(settings)
    return settings


def _with_folder(content: Any, folder: Path) -> Any:
    """The content with file names that are relative to the settings file."""
    if not isinstance(content, dict):
        return content
    return {
        name: folder / value
        if name.endswith("_file") and isinstance(value, str)
        else _with_folder(value, folder)
        for name, value in content.items()
    }


def _fault(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {text}" if place else text


def _check_keys(settings: BridgeSettings) -> None:
    faults = []
    for name, read in (
        ("switch.key_file", lambda: settings.switch_key),
        ("signing_key_file", lambda: settings.signing_key),
        ("dfsp.public_key_file", lambda: settings.dfsp_key),
        ("secret_file", lambda: _long_enough(settings.secret)),
        ("certificate_file", lambda: settings.server_tls),
        ("switch.authorities_file", lambda: settings.switch_tls),
        ("dfsp.certificate_file", lambda: settings.dfsp_tls),
    ):
        try:
            read()
        except OSError as error:
            why = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
            faults.append(f"{name}: {why}")
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise BadSettings("\n".join(faults))


def _long_enough(secret: bytes) -> None:
    if len(secret) < SECRET_MIN:
        raise ValueError(f"must have at least {SECRET_MIN} bytes")
