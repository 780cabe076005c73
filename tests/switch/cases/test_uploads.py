"""Forms with a file: what a browser sends is read to the byte, and nothing else."""

import os

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidMessage
from switch.pages import uploads


@given(content=st.binary(max_size=4000), name=st.sampled_from(["a.pdf", "справка.pdf", "证明 1.pdf"]))
def test_a_file_is_read_as_it_was_sent(content: bytes, name: str) -> None:
    boundary = os.urandom(8).hex().encode()
    raw = b"".join(
        (
            b"--" + boundary + b'\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n',
            b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="',
            name.encode() + b'"\r\nContent-Type: application/pdf\r\n\r\n' + content + b"\r\n",
            b"--" + boundary + b"--\r\n",
        )
    )

    assert uploads.files(raw, boundary) == {"file": uploads.UploadedFile(name, content)}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"--x",
        b"--x\r\n",
        b"--x\r\nno end\r\n\r\n",
        b"text\r\n--x\r\n\r\n\r\n--x--",
        b"--x\r\nno blank line\r\n--x--",
        b"--x\r\n\xff: 1\r\n\r\n\r\n--x--",
        b"--x\r\n\r\n\r\n" * 50 + b"--x--",
    ],
)
def test_what_is_no_complete_form_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidMessage):
        uploads.files(raw, b"x")


def test_the_form_of_a_client_is_read() -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", b"%PDF-", filename="advice.pdf")
    writer = form()

    assert writer.content_type.startswith("multipart/form-data")
