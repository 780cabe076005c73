"""Where people arrive after the sign-in and other forms: at a page of this switch, never elsewhere."""

import uuid
from html import unescape
from urllib.parse import quote

import aiohttp
import pytest

from tests.switch.identity.small_provider import CLIENT, SECRET, SmallProvider
from tests.switch.identity.test_people_api import agreed
from tests.switch.stack import Stack

ELSEWHERE = ("///console.evil.example/x", "///console/x", "/console//evil.example", "/console\\evil.example")


async def registered(http: aiohttp.ClientSession, stack: Stack, small: SmallProvider) -> str:
    """Register the provider with the running switch; return its id."""
    id_ = f"small-{uuid.uuid4().hex[:8]}"
    folder = stack.settings.data / "keys" / "openid"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{id_}.secret").touch(0o600)
    (folder / f"{id_}.secret").write_text(SECRET)
    content = {
        "id": id_,
        "title": "Small provider",
        "issuer": small.issuer,
        "client_id": CLIENT,
        "grants": ["auditors=auditor"],
        "just_in_time": True,
        "second_factors": ["otp"],
    }
    change = await agreed(http, stack, "identity_provider.set", content, "checker")
    assert change["state"] == "executed", change
    return id_


@pytest.mark.parametrize(
    ("wanted", "arrived"), [("/console/log", "/console/log"), *((each, "/console") for each in ELSEWHERE)]
)
async def test_a_sign_in_with_a_provider_never_leads_to_another_site(
    stack: Stack, wanted: str, arrived: str
) -> None:
    small = SmallProvider(claims={"groups": ["auditors"], "amr": ["otp"], "sub": uuid.uuid4().hex})
    await small.start()
    jar = aiohttp.CookieJar(unsafe=True)
    try:
        async with aiohttp.ClientSession(stack.url, cookie_jar=jar) as http:
            id_ = await registered(http, stack, small)
            begun = await http.get(
                f"/console/openid/sign-in/{id_}?next={quote(wanted)}", allow_redirects=False
            )
            ticket = begun.headers["Set-Cookie"].partition(";")[0]
            answer = small.answer(begun.headers["Location"])
            came = await http.get("/console/openid/callback", params=answer, headers={"Cookie": ticket})
            page = unescape(await came.text())
    finally:
        await small.stop()

    assert (begun.status, came.status) == (303, 200)
    assert f'content="0; url={arrived}"' in page
    assert "evil" not in page


@pytest.mark.parametrize("wanted", ELSEWHERE)
async def test_no_form_leads_to_another_site(stack: Stack, wanted: str) -> None:
    own = {"Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(stack.url) as http:
        shown = await http.get("/console/sign-in", params={"next": wanted})
        again = await http.post("/console/sign-in", data={"name": "x", "next": wanted}, headers=own)
        language = await http.post(
            "/console/language", data={"back": wanted}, headers=own, allow_redirects=False
        )
        pages = await shown.text(), await again.text()

    for page in pages:
        assert 'name="next" value=""' in page
    assert language.headers["Location"] == "/console"
