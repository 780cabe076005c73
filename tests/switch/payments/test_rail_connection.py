"""The connection file of a rail: read as a whole, every fault at once, no secret that others can read."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters import keys
from adapters.simulation import sandbox
from switch.base import files
from switch.base.tokens import TokenReference
from switch.payments import rail_connection
from switch.payments.rail_connection import ConnectionFile
from tests.docs.blocks import blocks


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The rail's directory of an operator, with the files that the rail's operator gave."""
    sandbox.prepare(tmp_path, "IN", port=1, callback_url="http://127.0.0.1:1")
    sandbox.issue_client(tmp_path)
    return tmp_path


def written(place: Path, **changes: Any) -> Path:
    content = {
        "endpoints": ["https://rail.example:7443", "https://rail-b.example:7443"],
        "ca_file": "ca.crt",
        "certificate_file": "client.crt",
        "certificate_key_file": "client.key",
        "signing_key_file": "participant.key",
        "rail_key_file": "rail.pub",
        "identity": {"org_id": "700001", "ifsc": "HDFC0000001"},
        **changes,
    }
    file = place / rail_connection.CONNECTION
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return file


def identity() -> dict[str, str]:
    from adapters.india.sandbox import IDENTITY

    return dict(IDENTITY)


def test_a_file_of_an_operator_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAIL_IN_KEY", (place / "participant.key").read_text())
    file = written(
        place,
        identity=identity(),
        signing_key_file=None,
        signing_key_environment="RAIL_IN_KEY",
        connect_s=2,
        submit_s=7.5,
    )
    connection = rail_connection.read(file, 1.0)

    assert rail_connection.faults(file, "IN") == []
    assert connection.urls == ("https://rail.example:7443", "https://rail-b.example:7443")
    assert connection.signing_key == (place / "participant.key").read_bytes()
    assert (connection.ca_file, connection.connect_s, connection.submit_s) == (place / "ca.crt", 2, 7.5)


def test_what_the_sandbox_writes_is_read(place: Path) -> None:
    connection, _ = sandbox.prepare(place, "IN", port=1, callback_url="http://127.0.0.1:1")
    file = place / rail_connection.CONNECTION
    rail_connection.write(file, connection)

    assert rail_connection.read(file, 1.0) == connection


def test_all_faults_are_reported_together(place: Path) -> None:
    (place / "client.key").chmod(0o644)
    (place / "participant.key").chmod(0o640)
    file = written(
        place,
        endpoints=["http://rail.example:80", "https://user@rail.example:1"],
        rail_key="x",
        ca_file="missing.crt",
        connect_s=2,
    )
    found = rail_connection.faults(file, "IN")

    assert [fault.partition(":")[0] for fault in found] == [
        "endpoints.0",
        "endpoints.1",
        "ca_file",
        "certificate_key_file",
        "signing_key_file",
        "rail_key and rail_key_file",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"endpoints": []}, "endpoints: List should have at least 1 item"),
        ({"endpoints": ["https://a:1", "tls://a:1"]}, "endpoints: all of them are https"),
        ({"endpoints": ["https://a:1", "https://a:1"]}, "endpoints: one is there twice"),
        ({"endpoint": "https://a:1"}, "there is no field endpoint"),
        ({"certificate_key_file": None}, "certificate_file and certificate_key_file go together"),
        ({"certificate_key_file": "participant.key"}, "certificate_file is no certificate in PEM"),
        ({"ca_file": "rail.pub"}, "ca_file holds no certificate in PEM"),
        ({"signing_key_file": None, "signing_key_environment": "NOT_SET_HERE"}, "signing_key_environment"),
        ({"signing_key_file": "ca.crt"}, "a key or the identity does not have the form"),
        ({"identity": {}}, "the identity at UPI lacks org_id"),
        ({"connect_s": 0}, "connect_s: Input should be greater than 0"),
    ],
    ids=[
        *("no endpoint", "two schemes", "one endpoint twice", "unknown field", "no key of the certificate"),
        *(
            "another key",
            "no authority",
            "no variable",
            "no signing key",
            "no identity",
            "no time to connect",
        ),
    ],
)
def test_a_fault_is_one_line(place: Path, changes: dict[str, Any], said: str) -> None:
    found = rail_connection.faults(written(place, **{"identity": identity(), **changes}), "IN")

    assert len(found) == 1
    assert said in found[0]


def pem_of(numbers: rsa.RSAPrivateNumbers) -> bytes:
    return numbers.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize("damage", [("d",), ("dmp1",), ("dmq1",), ("iqmp",), ("d", "dmp1"), ("d", "iqmp")])
def test_a_damaged_key_is_a_fault_and_never_makes_a_wrong_signature(
    place: Path, damage: tuple[str, ...]
) -> None:
    good = rsa.generate_private_key(65537, 2048).private_numbers()
    parts = {name: getattr(good, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    parts |= {name: parts[name] + 2 for name in damage}
    damaged = pem_of(rsa.RSAPrivateNumbers(**parts, public_numbers=good.public_numbers))
    (place / "participant.key").write_bytes(damaged)

    assert len(rail_connection.faults(written(place, identity=identity()), "IN")) == 1
    if len(damage) > 1:  # one damaged part alone is not used, or what it gives is seen and made another way
        with pytest.raises(ValueError, match="do not belong together"):
            keys.private(damaged)


def test_a_key_whose_factors_are_not_prime_is_a_fault(place: Path) -> None:
    small, large = (rsa.generate_private_key(65537, bits).private_numbers() for bits in (1024, 3072))
    p, q, e = small.p * small.q, large.q, 65537
    order = (small.p - 1) * (small.q - 1)
    d = pow(e, -1, order * (q - 1))
    weak = pem_of(
        rsa.RSAPrivateNumbers(p, q, d, d % order, d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q))
    )
    (place / "participant.key").write_bytes(weak)

    assert keys.private(weak).key_size > keys.MINIMUM_BITS
    assert len(rail_connection.faults(written(place, identity=identity()), "IN")) == 1


def test_an_inline_key_needs_a_file_that_nobody_else_reads(place: Path) -> None:
    key = (place / "participant.key").read_text()
    file = written(place, identity=identity(), signing_key_file=None, signing_key=key)
    file.chmod(0o644)
    (fault,) = rail_connection.faults(file, "IN")
    file.chmod(0o600)

    assert "holds a secret key" in fault
    assert "PRIVATE" not in fault
    assert rail_connection.faults(file, "IN") == []


def test_the_example_of_the_document_has_every_field_but_alternatives() -> None:
    example, in_token = (
        block for block in blocks() if block.page == "docs/operate/rails.md" and block.language == "json"
    )
    fields = ConnectionFile.model_validate_json(example.text).model_fields_set
    instead = {f"{key}{form}" for key in ("signing_key", "rail_key") for form in ("", "_environment")}
    instead.add("signing_key_pkcs11")
    assert TokenReference(**json.loads(in_token.text)["signing_key_pkcs11"]).pin_file

    assert ConnectionFile.model_fields.keys() - fields == instead


def test_a_key_in_a_token_needs_one_source_of_its_pin_and_no_second_key(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = {"module": "/no/module.so", "token": "rails", "label": "upi"}
    (place / "pin").write_text("1234\n")
    (place / "pin").chmod(0o644)
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    found = []
    for pin in ({}, {"pin_file": "pin"}, {"pin_environment": "NOT_SET_HERE"}):
        file = written(place, identity=identity(), signing_key_file=None, signing_key_pkcs11={**token, **pin})
        found += rail_connection.faults(file, "IN")
    both = written(place, identity=identity(), signing_key_pkcs11={**token, "pin_file": "pin"})

    assert [fault.partition("(")[0] for fault in found] == [
        "signing_key_pkcs11: state either pin_file or pin_environment",
        f"signing_key_pkcs11: pin_file: others than its owner can read {place}/pin ",
        "signing_key_pkcs11: pin_environment: there is no NOT_SET_HERE in the environment",
    ]
    assert rail_connection.faults(both, "IN")[0].startswith("signing_key_file and signing_key_pkcs11: state")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to others")
@pytest.mark.parametrize(
    ("owner", "group", "mode", "is_open"),
    [
        (0, 10001, 0o440, False),  # as Kubernetes mounts a Secret
        (0, 10001, 0o460, True),
        (0, 10001, 0o444, True),
        (0, 10002, 0o440, True),
        (10001, 10001, 0o440, True),
        (10001, 10001, 0o400, False),
    ],
)
def test_a_secret_that_is_mounted_for_our_group_is_no_open_file(
    *, owner: int, group: int, mode: int, is_open: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.touch()
    os.chown(file, owner, group)
    file.chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    monkeypatch.setattr(os, "getegid", lambda: 10001)
    monkeypatch.setattr(os, "getgroups", lambda: [10001])

    assert files.others_may_read(file) is is_open
