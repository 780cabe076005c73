"""URLs that are none: each of these ended in a 500 where it came from outside."""

import pytest
from starlette.requests import Request

from schemas.errors import InvalidMessage, NotAllowed
from switch.api.people import check_same_origin
from switch.base import urls
from switch.base.settings import Settings
from switch.pages.shell import PREFIX, is_ours, page_or_overview
from switch.webhooks import addresses

NONE = [
    "http://[::1",
    "//[",
    "http://[x]/",
    "http://127.0.0.1:99999/",
    "http://a:b/",
    "http://\u2100.example/",
]


@pytest.mark.parametrize("url", NONE)
def test_what_is_no_url_is_refused_by_everybody_who_reads_one(url: str) -> None:
    request = Request(
        {"type": "http", "method": "POST", "headers": [(b"origin", url.encode("latin1", "replace"))]}
    )

    assert urls.split(url) is None
    assert not is_ours(url)
    with pytest.raises(InvalidMessage):
        addresses.check(url, Settings(sandbox=True))
    with pytest.raises(NotAllowed):
        check_same_origin(request)


@pytest.mark.parametrize(
    "path",
    [
        "///console.evil.example/x",
        "///console/x",
        "//console/x",
        "/console//evil.example",
        "/consoles",
        "/console.evil.example",
        "/console@evil.example",
        "/console/\\evil.example",
        "/console\\evil.example",
        "/\t/console/x",
        "/console/x\r\nLocation: https://evil.example",
        "https://evil.example/console",
        "https:/console/x",
        "javascript:/console",
        "console/x",
        " /console",
        "",
    ],
)
def test_a_return_path_of_another_site_leads_to_the_first_page(path: str) -> None:
    assert not is_ours(path)
    assert page_or_overview(path) == PREFIX


@pytest.mark.parametrize(
    "path",
    ["/console", "/console/", "/console/me", "/console/payments?from=2026-01-01&url=https://x.example/"],
)
def test_a_return_path_of_a_page_is_kept(path: str) -> None:
    assert page_or_overview(path) == path


def test_a_request_without_a_host_is_not_of_our_pages() -> None:
    """`Origin: null` and no `Host` were both empty."""
    with pytest.raises(NotAllowed):
        check_same_origin(Request({"type": "http", "method": "POST", "headers": []}))


def test_a_url_has_parts() -> None:
    assert getattr(urls.split("https://bank.example:8443/hooks"), "port", None) == 8443
