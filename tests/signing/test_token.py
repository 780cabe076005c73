"""Keys in a PKCS#11 token sign as keys in files do, and what a token cannot do is refused by its name."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from adapters import registry
from adapters.port import RailConnection
from adapters.simulation.harness import sample_order
from ledger.signing import Signer, open_note
from schemas.errors import Unavailable
from schemas.signing import jws, token
from schemas.signing.keys import PublicKey, SigningKey
from schemas.signing.token import TokenError, TokenKey, open_key
from switch.base import outside_keys
from switch.base.settings import Settings
from switch.base.tokens import TokenReference
from switch.cli import preflight
from switch.operations import housekeeping
from switch.reports.artefacts import ReportStore

pkcs11 = pytest.importorskip("pkcs11", reason="the extra `hsm` is not installed")
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "CANARY-1234"
OTHER = rsa.generate_private_key(65537, 2048)
"""It is in a file and in the token."""
RSA_PEM = OTHER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

pytestmark = pytest.mark.skipif(not MODULE.exists(), reason="SoftHSM (Debian: softhsm2) is not installed")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenKey]:
    """A token with an RSA, an EC, an Ed25519 and a DSA key. One a process: the module reads its file once."""
    directory = tmp_path_factory.mktemp("softhsm")
    (directory / "tokens").mkdir()
    (directory / "softhsm2.conf").write_text(
        f"directories.tokendir = {directory}/tokens\nlog.level = ERROR\n"
    )
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(directory / "softhsm2.conf")
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "rails", "--pin", PIN, "--so-pin", "12345678"],
        check=True,
        capture_output=True,
    )
    made = TokenKey(MODULE, "rails", "rsa", PIN)
    with pkcs11.lib(str(MODULE)).get_token(token_label="rails").open(rw=True, user_pin=PIN) as session:
        _make_keys(session)
    token._sessions.clear()
    yield made
    token._sessions.clear()
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def _make_keys(session: Any) -> None:
    from pkcs11 import KeyType
    from pkcs11.util.ec import encode_named_curve_parameters
    from pkcs11.util.rsa import decode_rsa_private_key

    session.generate_keypair(KeyType.RSA, 2048, label="rsa", store=True)
    for name, kind, oid in (("ec", KeyType.EC, "secp256r1"), ("other", KeyType.EC, "secp384r1")):
        parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(oid)}
        session.create_domain_parameters(kind, parameters, local=True).generate_keypair(
            label=name, store=True
        )
    parameters = {pkcs11.Attribute.EC_PARAMS: b"\x13\x0cedwards25519"}
    session.create_domain_parameters(KeyType.EC_EDWARDS, parameters, local=True).generate_keypair(
        mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, label="ed", store=True
    )
    der = OTHER.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    session.create_object(
        {**decode_rsa_private_key(der), pkcs11.Attribute.LABEL: "imported", pkcs11.Attribute.TOKEN: True}
    )
    session.generate_keypair(KeyType.DSA, 1024, label="dsa", store=True)
    for _ in range(2):
        session.generate_keypair(KeyType.RSA, 2048, label="twice", store=True)


def test_an_rsa_key_signs_as_the_rails_need_it(place: TokenKey) -> None:
    key = open_key(place)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(b"order", padding.PKCS1v15(), hashes.SHA256())

    key.public_key().verify(signature, b"order", padding.PKCS1v15(), hashes.SHA256())
    assert key.key_size == 2048


@pytest.mark.parametrize("country", registry.countries())
def test_a_rail_gets_the_same_order_from_a_token_as_from_a_file(place: TokenKey, country: str) -> None:
    """RSA signatures are deterministic; the rails of ISO 8583 use MAC keys, which are refused."""
    sample = sample_order(country, uetr="7c9e6679-7425-40de-944b-e07fc1f90ae7", minor=100_000, serial=42)
    identity = registry.module(country, "sandbox").IDENTITY
    rail_key = OTHER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem = OTHER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    in_file = RailConnection("https://127.0.0.1:1", None, pem, rail_key, identity)
    in_token = replace(in_file, signing_key=b"", signing_token=replace(place, label="imported"))
    if country in {"IR", "TJ"}:
        with pytest.raises(TokenError, match="this rail uses a MAC key"):
            registry.load(country, in_token)
        return

    ours, theirs = (registry.load(country, one).translate(sample) for one in (in_token, in_file))
    assert ours == theirs


def test_keys_on_curves_sign_as_participants_and_checkpoints_do(place: TokenKey) -> None:
    elliptic, edwards = (open_key(replace(place, label=label)) for label in ("ec", "ed"))
    assert isinstance(elliptic, ec.EllipticCurvePrivateKey)
    assert isinstance(edwards, ed25519.Ed25519PrivateKey)
    for key in (SigningKey("a-1", elliptic), SigningKey("a-2", edwards)):
        assert key.public.verify(key.sign(b"content"), b"content")
        assert not key.public.verify(key.sign(b"content"), b"another")
    signer = Signer("switch.example/ledger", edwards)
    assert open_note(signer.sign(7, b"r" * 32), [signer.verifier_key]).size == 7


def test_reports_are_signed_in_the_token(
    place: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HSM_PIN", PIN)
    before = ReportStore(tmp_path)
    old = before.sign(b"report")
    reference = {"module": MODULE, "token": "rails", "label": "ed", "pin_environment": "HSM_PIN"}
    settings = Settings(data=tmp_path, rails=(), report_key_pkcs11=TokenReference(**reference))
    store = ReportStore(tmp_path, outside_keys.of_reports(settings).open())

    jws.verify(store.sign(b"report"), b"report", key=store.public_key)
    assert (tmp_path / "report.pub").read_bytes() == store.public_key.pem
    (former,) = tmp_path.glob("report.*.pub")
    jws.verify(old, b"report", key=PublicKey.from_pem(store.public_key.keyid, former.read_bytes()))
    assert preflight.examine_files(settings) == []
    wrong = settings.model_copy(update={"report_key_pkcs11": TokenReference(**{**reference, "label": "rsa"})})
    (fault,) = preflight.examine_files(wrong)
    assert fault.startswith("PAYSWITCH_REPORT_KEY_PKCS11: ")


def test_keys_of_the_switch_may_be_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ed25519.Ed25519PrivateKey.generate()
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    monkeypatch.setenv("CHECKPOINTS_PEM", pem)
    file = housekeeping.signer(Settings(data=tmp_path))
    settings = Settings(data=tmp_path, rails=(), checkpoint_key_environment="CHECKPOINTS_PEM")
    both, alone = housekeeping.signer(settings), housekeeping.retire_key(settings)

    assert (both.verifier_keys[1], len(alone.verifier_keys)) == (file.verifier_key, 1)
    assert not (tmp_path / "audit" / "checkpoint.key").exists()
    assert preflight.examine_files(settings) == []
    with pytest.raises(ValueError, match="in the environment"):
        housekeeping.rotate_key(settings)
    for text in ("", "nonsense", RSA_PEM):
        monkeypatch.setenv("CHECKPOINTS_PEM", text)
        (fault,) = preflight.examine_files(settings)
        assert fault.startswith("PAYSWITCH_CHECKPOINT_KEY_ENVIRONMENT: ")
        assert "nonsense" not in fault
    both_stated = settings.model_copy(
        update={"checkpoint_key_pkcs11": TokenReference(module=MODULE, token="t", label="l", pin_file="p")}
    )
    assert "state either" in preflight.examine_files(both_stated)[0]


def test_checkpoints_are_signed_in_the_token_and_beside_it_until_the_file_is_retired(
    place: TokenKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HSM_PIN", PIN)
    before = Settings(data=tmp_path)
    old = housekeeping.signer(before)
    reference = {"module": MODULE, "token": "rails", "label": "ed", "pin_environment": "HSM_PIN"}
    settings = Settings(data=tmp_path, checkpoint_key_pkcs11=TokenReference(**reference))
    both, alone = housekeeping.signer(settings), housekeeping.retire_key(settings)

    assert both.verifier_keys[1] == old.verifier_key
    assert alone.verifier_keys == [both.verifier_key]
    assert open_note(both.sign(1, b"r" * 32), [old.verifier_key]).size == 1
    assert housekeeping.verifier_lines(settings) == [old.verifier_key, alone.verifier_key]
    assert preflight.examine_files(settings.model_copy(update={"rails": ()})) == []
    wrong = settings.model_copy(
        update={"rails": (), "checkpoint_key_pkcs11": TokenReference(**{**reference, "label": "rsa"})}
    )
    assert preflight.examine_files(wrong) == [
        "PAYSWITCH_CHECKPOINT_KEY_PKCS11: the key rsa in the token rails is not an Ed25519 key"
    ]


def test_nothing_else_than_signing_is_done(place: TokenKey) -> None:
    key = open_key(place)
    assert isinstance(key, rsa.RSAPrivateKey)
    with pytest.raises(UnsupportedAlgorithm, match=r"PKCS #1 v1\.5"):
        key.sign(b"x", padding.PKCS1v15(), hashes.SHA512())
    with pytest.raises(UnsupportedAlgorithm, match="never leaves"):
        key.private_numbers()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"module": Path("/no/module.so")}, "module /no/module.so cannot be loaded"),
        ({"token": "other"}, "has no token other"),
        ({"label": "none"}, "no private key none in the token rails"),
        ({"label": "twice"}, "several private keys have the label twice"),
        ({"label": "dsa"}, "of the type DSA: RSA, ECDSA on P-256"),
        ({"label": "other"}, "not on the curve P-256"),
    ],
    ids=["module", "token", "key", "twice", "dsa", "curve"],
)
def test_what_cannot_be_used_is_named(place: TokenKey, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(TokenError, match=said) as refused:
        open_key(replace(place, **changed))
    assert PIN not in str(refused.value) + repr(place)


def test_a_wrong_pin_is_named(place: TokenKey) -> None:
    """In a process of its own: in this one the first session has logged in for all."""
    script = (
        "from pathlib import Path; from schemas.signing.token import TokenKey, open_key;"
        f"open_key(TokenKey(Path('{MODULE}'), 'rails', 'rsa', 'CANARY-0000'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "TokenError: the PIN of the token rails is wrong" in done.stderr
    assert "CANARY" not in done.stderr.rpartition("TokenError")[2]


def test_a_lost_session_is_opened_again_and_a_token_that_stays_away_is_unavailable(place: TokenKey) -> None:
    key = open_key(replace(place, label="ed"))
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    key._handle._key.session.close()
    key.public_key().verify(key.sign(b"again"), b"again")

    key._handle._key.session.close()
    key._handle.place = replace(place, token="gone")
    token._sessions.clear()
    with pytest.raises(Unavailable, match="the token gone does not sign now"):
        key.sign(b"never")
