"""What the page on signatures shows is what the switch accepts."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from schemas import codec
from schemas.errors import NotAuthentic
from schemas.signing import http_signatures, jws
from schemas.signing.http_signatures import SigningKey
from schemas.signing.keys import PublicKey
from tests.schemas.corpus import PACS_008

PAGE = (Path(__file__).parents[2] / "docs/reference/signatures.md").read_text(encoding="utf-8")
KEY = SigningKey.generate("asha-bank-1")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
def test_the_shell_example_signs_what_the_switch_accepts(tmp_path):
    script = next(b for b in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "Signature-Input" in b)
    body = b"<Document/>"
    (tmp_path / "key.pem").write_bytes(KEY.pem)
    (tmp_path / "payment.xml").write_bytes(body)
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True)
    lines = (tmp_path / "headers").read_bytes().splitlines()
    headers = [tuple(line.split(b": ", 1)) for line in lines]

    http_signatures.verify(
        http_signatures.parse(headers),
        method="POST",
        authority="127.0.0.1:8320",
        path="/v1/iso20022/pacs.008",
        headers=headers,
        body=body,
        key=KEY.public,
        now=int(time.time()),
    )


def test_the_signature_base_on_the_page_is_the_one_that_is_signed():
    body = b"<Document/>"
    added = http_signatures.sign(
        KEY,
        method="POST",
        authority="switch.example:8320",
        path="/v1/iso20022/pacs.008",
        content_type="application/xml",
        body=body,
        now=1_700_000_000,
        nonce="4f9a1c7be2d04aa1",
    )
    base = re.findall(r'```text\n("@method".*?)\n```', PAGE, re.DOTALL)[0]

    assert f'"@signature-params": {added["Signature-Input"].removeprefix("sig=")}' in base
    signature = http_signatures.parse([(n.lower().encode(), v.encode()) for n, v in added.items()]).signature
    assert KEY.public.verify(signature, base.encode())


def test_the_bounds_on_the_page_are_those_of_the_code():
    assert f"1 to {http_signatures.LIFETIME_S_MAX} s after" in PAGE
    assert f"differ by {http_signatures.SKEW_S} s" in PAGE
    assert f'tag="{http_signatures.TAG}"' in PAGE


def test_the_evidence_on_the_page_is_made_and_verified():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    message = codec.decode(PACS_008.read_bytes(), media_type=codec.XML)
    names = {"message": message, "pem": KEY.pem, "public_pem": KEY.public.pem}

    exec(example, names)

    with pytest.raises(NotAuthentic):
        jws.verify(names["token"], message.raw + b" ", key=PublicKey.from_pem("archive-1", KEY.public.pem))
