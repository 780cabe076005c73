"""Packages of reports: the same bytes each time, checked by OpenSSL alone, and never trusted when they are opened."""

import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from schemas.errors import NotAuthentic
from schemas.signing import jws
from schemas.signing.keys import SigningKey
from switch.reports import package
from switch.reports.artefacts import KEYID, Artefact
from switch.reports.package import InvalidPackage, SignedFile
from switch.reports.wording import LANGUAGES

KEY = SigningKey.generate(KEYID)
OCTETS = b"who,amount\r\nasha-bank,1.00\r\n\x00\xff"


def artefact(octets: bytes = OCTETS) -> Artefact:
    return Artefact("costs", "csv", "csv", "text/csv", octets, jws.sign(KEY, octets), as_of=7, event=8)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_package_is_the_same_each_time_and_opens_again(language: str) -> None:
    made = package.pack(artefact(), KEY.public, language, "https://switch.example/verify")
    signed = package.unpack(made)
    text = zipfile.ZipFile(io.BytesIO(made)).read(package.TEXT_NAME).decode()

    assert made == package.pack(artefact(), KEY.public, language, "https://switch.example/verify")
    assert (signed.name, signed.octets) == (artefact().name, OCTETS)
    signed.verify(KEY.public)
    for said in (signed.sha256, KEY.public.fingerprint, "https://switch.example/verify", "payswitch verify"):
        assert said in text


def commands_in(text: str) -> str:
    return "\n".join(
        line for line in text.splitlines() if line.startswith("  {") or "openssl pkeyutl" in line
    )


@pytest.mark.parametrize(
    ("change", "result"), [(b"", "Signature Verified Successfully"), (b"x", "Signature Verification Failure")]
)
def test_the_commands_in_a_package_verify_it_with_openssl(tmp_path: Path, change: bytes, result: str) -> None:
    zipfile.ZipFile(io.BytesIO(package.pack(artefact(), KEY.public, None, ""))).extractall(tmp_path)
    with (tmp_path / artefact().name).open("ab") as file:
        file.write(change)
    commands = commands_in((tmp_path / package.TEXT_NAME).read_text())
    done = subprocess.run(["bash", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result in done.stdout + done.stderr


def test_a_file_under_the_name_of_another_is_refused() -> None:
    with pytest.raises(NotAuthentic):
        SignedFile(f"costs-{'0' * 64}.csv", OCTETS, artefact().signature).verify(KEY.public)
    with pytest.raises(NotAuthentic):
        SignedFile("renamed.csv", OCTETS, artefact().signature).verify(SigningKey.generate(KEYID).public)
    SignedFile("renamed.csv", OCTETS, artefact().signature).verify(KEY.public)


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, octets in members.items():
            made.writestr(name, octets)
    return out.getvalue()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"PK\x03\x04",
        package.pack(artefact(), KEY.public, None, "")[:-30],
        zip_of({"a.csv": b"1"}),
        zip_of({"a.csv": b"1", "a.csv.jws": b"x" * 5000}),
        zip_of({"a.csv": b"1", "a.csv.jws": b"\xff"}),
        zip_of({"a.csv": b"1", "a.csv.jws": b"x", **{str(n): b"" for n in range(20)}}),
    ],
    ids=["empty", "head", "cut", "unsigned", "long signature", "not text", "many"],
)
def test_what_is_not_a_package_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidPackage):
        package.unpack(octets)


def test_a_package_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "FILE_BYTES_MAX", 1000)

    with pytest.raises(InvalidPackage):
        package.unpack(package.pack(artefact(bytes(1001)), KEY.public, None, ""))
