"""Signed report files, checked offline: a package, or a file with its signature in FILE.jws beside it."""

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import NotAuthentic
from schemas.signing.keys import PublicKey
from switch.cli import output
from switch.cli.failures import CommandFailed, WrongUse
from switch.reports import package
from switch.reports.artefacts import KEYID, jws_beside
from switch.reports.package import InvalidPackage, SignedFile


def verify(files: Sequence[Path], key: Path | None, data: Path | None) -> bool:
    """Check each file and print one JSON line for it; whether all are unchanged.

    Without `key`, the keys of the installation in `data` count, also those before the present one.
    """
    keys = _keys(key, data)
    valid = [_checked(file, keys) for file in files]
    return all(valid)


def _keys(key: Path | None, data: Path | None) -> list[PublicKey]:
    folder = Path() if data is None else data / "reports"
    found = [key] if key is not None else sorted(folder.glob("report*.pub")) if data is not None else []
    if not found:
        raise WrongUse("state the public key with --key: it is at /v1/report-key, and in the package")
    try:
        return [PublicKey.from_pem(KEYID, file.read_bytes()) for file in found]
    except (OSError, ValueError) as error:
        raise CommandFailed(f"the key cannot be read: {error}") from None


def _checked(file: Path, keys: Sequence[PublicKey]) -> bool:
    line: dict[str, object] = {"file": str(file), "valid": False}
    try:
        signed = _read(file)
        line |= {"report": signed.name, "sha256": signed.sha256}
        line["key_sha256"] = _signer(signed, keys).fingerprint
        line["valid"] = True
    except NotAuthentic as error:
        line["problem"] = error.detail
    except (InvalidPackage, OSError, UnicodeDecodeError) as error:
        line["problem"] = str(error)
    output.rows([line])
    return bool(line["valid"])


def _signer(signed: SignedFile, keys: Sequence[PublicKey]) -> PublicKey:
    """The key that signed it.

    Raises:
        NotAuthentic: none of them, or the name is that of another file.

    """
    for key in keys[:-1]:
        try:
            signed.verify(key)
        except NotAuthentic:
            continue
        return key
    signed.verify(keys[-1])
    return keys[-1]


def _read(file: Path) -> SignedFile:
    if not file.is_file():
        raise InvalidPackage("there is no such file")
    if file.stat().st_size > package.FILE_BYTES_MAX:
        raise InvalidPackage(f"the file has more than {package.FILE_BYTES_MAX:,} bytes")
    octets = file.read_bytes()
    beside = jws_beside(file)
    if beside.is_file():
        return SignedFile(file.name, octets, beside.read_text(encoding="ascii"))
    if file.suffix != ".zip":
        raise InvalidPackage(f"there is no signature: {beside.name} must be beside it")
    return package.unpack(octets)
