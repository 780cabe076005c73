"""Bodies that are no JSON of ours are a 400 that repeats nothing; `tests/fuzz` found what is tested here."""

import json
from typing import Any, Literal

import aiohttp
import msgspec
import pytest

from schemas import plan
from schemas.errors import InvalidMessage
from switch.base.decoding import decoded
from switch.identity import secrets
from tests.switch.api.test_lists import bearer
from tests.switch.stack import Stack

CANARY = "CANARY7391"
WRITES = {
    "/v1/sign-in": "asha-bank",
    "/v1/enrolment": "asha-bank",
    "/v1/enrolment/finish": "asha-bank",
    "/v1/changes": "operator",
    "/v1/changes/1/votes": "checker",
    "/v1/webhooks": "asha-bank",
    "/v1/webhooks/7b0f2f3e-6c1d-4a53-9f0e-2d1c8a54e9b7/replay": "asha-bank",
}
BODIES = {
    "UTF-8 that is none": b'{"name":"\xff","kind":"\xff","decision":"\xff","url":"\xff","since":"\xff"}',
    "a name in UTF-8 that is none": b'{"\xff":1}',
    "an encoded surrogate": b'{"name":"\xed\xa0\x80","kind":"\xed\xa0\x80","url":"\xed\xa0\x80"}',
    "nested too deeply": b'{"kind":"x","reason":"x","content":{"a":' + b"[" * 2000 + b"]" * 2000 + b"}}",
    "an unknown field": f'{{"{CANARY}":1}}'.encode(),
    "a value of another set": f'{{"decision":"{CANARY}","reason":"x"}}'.encode(),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", WRITES)
async def test_a_body_that_is_no_json_of_ours_is_a_400_that_repeats_nothing(
    stack: Stack, path: str, body: str
) -> None:
    headers = {**bearer(stack, WRITES[path]), "Content-Type": "application/json"}
    async with aiohttp.ClientSession(stack.url) as http:
        async with http.post(path, data=BODIES[body], headers=headers) as answer:
            text = await answer.text()

    assert answer.status == 400, text
    assert json.loads(text)["detail"]
    assert CANARY not in text


@pytest.mark.parametrize("code", ["\u0661\u0662\u0663\u0664\u0665\u0666", "\u0417", "", "1" * 2000])
async def test_a_code_that_is_no_code_is_refused_as_a_wrong_one(stack: Stack, code: str) -> None:
    """It was a 500 for people that exist and a 401 for others, which told who exists."""
    answers = []
    async with aiohttp.ClientSession(stack.url) as http:
        for name in ("regulator-kz", "nobody-of-this-name"):
            form = {"name": name, "password": "not the password", "code": code}
            async with http.post("/v1/sign-in", json=form) as answer:
                answers.append((answer.status, await answer.text()))

    assert answers[0] == answers[1]
    assert answers[0][0] == 401


def test_a_code_in_other_digits_is_no_code() -> None:
    secret = secrets.new_totp()
    code = secrets.totp_code(secret, 900_000_000)
    arabic = "".join(chr(0x0660 + int(digit)) for digit in code)

    assert secrets.totp_step(secret, code, 900_000_000, 0) is not None
    assert secrets.totp_step(secret, arabic, 900_000_000, 0) is None


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """A structure with a closed set."""

    kind: Literal["a", "b"]
    parts: list[dict[str, Any]] = []


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"kind":"CANARY7391"}', "Invalid enum value - at `$.kind`"),
        (b'{"kind":"CANARY7391\' - at `$.CANARY7391`"}', "Invalid enum value - at `$.kind`"),
        (b'{"kind":"a","CANARY7391":1}', "unknown field; the fields are: kind, parts"),
        (b'{"kind":"a","CANARY7391` - at `$.CANARY7391":1}', "unknown field; the fields are: kind, parts"),
        (b'{"kind":"a","parts":[{"CANARY7391":1e999}]}', "Number out of range - at `$.parts[0][...]`"),
        (b'{"kind":1}', "Expected `str`, got `int` - at `$.kind`"),
        (b"{}", "Object missing required field `kind`"),
        (b'{"kind":"\xff"}', "the body is not valid UTF-8"),
    ],
)
def test_what_is_wrong_is_said_without_what_was_sent(raw: bytes, said: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        decoded(raw, Wish)

    assert refused.value.detail == said


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ChrgBx", "ChrgBx"),
        ("__proto__", "__proto__"),
        ("50100012345678", "?"),
        ("PK60SAND0000000000000001", "?"),
        ("Asha Rao", "?"),
        ("CdtrAcct'\"--", "?"),
        ("A" * 41, "?"),
        (7, "int"),
    ],
)
def test_the_name_of_an_unknown_element_is_shown_only_if_it_can_be_one(name: object, shown: str) -> None:
    assert plan.printable(name) == shown
