"""Common parts of every page: the signed-in person, permissions, the frame, and security headers.

A page is a function that returns `render(request, "name.html", ...)`. `Viewer` is the signed-in person:
without one, a page redirects to the sign-in, which returns to the page. Posted forms must come from a page
of this switch (`Sec-Fetch-Site`, `Origin`, and a `SameSite=Strict` cookie), so no token is needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from schemas.errors import InvalidMessage, NotAllowed, NotAuthentic
from switch.api import body as bodies
from switch.api import limits
from switch.api.people import find_person, is_automatic, services_of, set_cookie
from switch.api.runtime import Runtime
from switch.base.calendars import zone_in
from switch.identity.model import Person, Role
from switch.identity.permissions import Right, may
from switch.pages import language, tables
from switch.pages.help import HELP
from switch.pages.labels import labelled
from switch.pages.marks import Marks
from switch.writer.context import ServiceContext

PREFIX: Final = "/console"
FORM_BYTES: Final = 64 * 1024
_FIELDS_MAX: Final = 200
SECURITY: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SignInRequired(Exception):
    """No person is signed in; the response is a redirect to the sign-in page."""


OVERSEERS: Final = frozenset({Role.OPERATOR, Role.CHECKER, Role.AUDITOR})
"""Roles that see the whole switch."""


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """One entry of the navigation, with the right and the roles that its pages require.

    A page takes `Annotated[Person, Depends(shell.QUEUES.viewer)]`, so that a page that is not in a person's
    navigation is also refused.
    """

    path: str
    title: str
    right: Right
    roles: frozenset[Role] = frozenset(Role)
    about: str = ""
    """One sentence for somebody who sees the page for the first time."""
    beside: str = ""
    """The path of another page that belongs to the entry."""
    unlisted: frozenset[Role] = frozenset()
    """Roles whose navigation leaves it out: for them it leads to another entry."""
    kind: str = ""
    """The kind of participants whose people alone have it."""

    def admits(self, person: Person) -> bool:
        """Whether this person may see the entry and its pages."""
        return person.role in self.roles and may(person, self.right)

    async def viewer(self, request: Request) -> Person:
        """The signed-in person, if permitted; the dependency of every page of this entry.

        Raises:
            SignInRequired: no person is signed in.
            NotAllowed: the person lacks the right or the role.

        """
        person = await _viewer(request)
        if not self.admits(person):
            raise NotAllowed("this page is not available for your role")
        return person


_WATCHING: Final = OVERSEERS | {Role.REGULATOR}

OVERVIEW: Final = NavigationEntry(
    "",
    "Overview",
    Right.READ_DIRECTORY,
    about="What needs attention now, and what passes through the switch.",
    unlisted=frozenset({Role.OFFICER}),
)
PAYMENTS: Final = NavigationEntry(
    "/payments",
    "Payments",
    Right.READ_POSITIONS,
    about="Every payment that you may see. Names and accounts are masked.",
)
FILES: Final = NavigationEntry(
    "/payment-files",
    "Payment files",
    Right.READ_POSITIONS,
    OVERSEERS | {Role.PARTICIPANT},
    about="Files of many payments that participants submitted, and the result of each line.",
)
UNKNOWN: Final = NavigationEntry("/doubt", "Unknown outcome", Right.READ_POSITIONS, _WATCHING)
HELD: Final = NavigationEntry("/held", "Held payments", Right.READ_POSITIONS, _WATCHING)
POSITIONS: Final = NavigationEntry(
    "/positions",
    "Positions",
    Right.READ_POSITIONS,
    _WATCHING,
    about="What each participant owes or is owed, what is reserved, and how much it can still send.",
)
RAILS: Final = NavigationEntry(
    "/rails",
    "Rails",
    Right.READ_DIRECTORY,
    _WATCHING,
    about="The national payment systems that are connected, and the corridors between them.",
)
QUEUES: Final = NavigationEntry(
    "/queues",
    "Queues",
    Right.READ_AUDIT,
    OVERSEERS,
    about="Work that waits inside the switch, and its services.",
)
BREAKS: Final = NavigationEntry(
    "/breaks",
    "Breaks",
    Right.READ_AUDIT,
    _WATCHING,
    about="Payments on which the file of a rail and the ledger disagree. Two people resolve each of them.",
)
APPROVALS: Final = NavigationEntry(
    "/changes",
    "Approvals",
    Right.READ_CHANGES,
    about="One person requests a change, another approves it. Nobody changes anything important alone.",
)
REPORTS: Final = NavigationEntry(
    "/reports",
    "Reports",
    Right.READ_REPORTS,
    about="Each report is signed and kept: the same period gives the same file again.",
    beside=f"{PREFIX}/report-deliveries",
)

CASES: Final = NavigationEntry(
    "/cases",
    "Cases",
    Right.READ_CASES,
    about="Everything that needs a person, with an owner and a deadline. A case closes by itself.",
)
SCREENING: Final = NavigationEntry(
    "/screening",
    "Screening",
    Right.SCREEN_PAYMENTS,
    about="Payments that screening holds, decisions that await a second person, and the sanctions lists.",
)
COUNTRY: Final = NavigationEntry(
    "/country",
    "Country",
    Right.READ_POSITIONS,
    frozenset({Role.REGULATOR}),
    about="Participants, positions and payments of your country, and what awaits your decision.",
)
WINDOWS: Final = NavigationEntry(
    "/windows",
    "Windows",
    Right.READ_CHANGES,
    about="Payments of a currency settle together: the window closes, central banks confirm, the agent pays.",
)
STATISTICS: Final = NavigationEntry(
    "/statistics",
    "Statistics",
    Right.READ_CHANGES,
    about="Volumes, values, speed, cost and availability over time. Each chart has its table.",
)
PROOFS: Final = NavigationEntry(
    "/proofs",
    "Proofs",
    Right.READ_REPORTS,
    about="Evidence of any event of the log. This browser verifies it, and a file proves it elsewhere.",
)
LOG: Final = NavigationEntry(
    "/log",
    "Event log",
    Right.READ_AUDIT,
    about="Everything that happened, in order. Nothing can be changed or removed.",
)
PARTICIPANTS: Final = NavigationEntry(
    "/participants",
    "Participants",
    Right.READ_CHANGES,
    about="Banks, wallets and agents of the switch, with their accounts, limits and keys.",
)
PEOPLE: Final = NavigationEntry(
    "/people",
    "People",
    Right.READ_PEOPLE,
    about="Who can sign in, in which role, and by which identity provider.",
)
ACCOUNT: Final = NavigationEntry(
    "/me", "My account", Right.READ_DIRECTORY, about="Your sessions, your passkeys, and how you sign in."
)
"""Everybody's own; the name in the header links to it."""

OWN: Final = tuple(
    NavigationEntry(f"/own/{path}", title, right, frozenset({Role.PARTICIPANT}), about)
    for path, title, right, about in (
        (
            "position",
            "My position",
            Right.READ_POSITIONS,
            "What you can still send, what is reserved, and your limits.",
        ),
        (
            "statements",
            "Statements",
            Right.READ_REPORTS,
            "Account statements by day, to compare with your own books.",
        ),
        (
            "statistics",
            "Statistics",
            Right.READ_REPORTS,
            "Your payments over time: number, value, speed and cost. Each chart has a table.",
        ),
        (
            "messages",
            "Messages",
            Right.READ_POSITIONS,
            "Cancellation requests and other messages about payments. Some await your reply.",
        ),
        (
            "qr",
            "QR codes",
            Right.READ_POSITIONS,
            "What a QR code demands, who is paid, and what a payment of it would cost.",
        ),
        (
            "keys",
            "Keys",
            Right.REQUEST_KEYS,
            "Keys with which your system signs its requests. Replace one before it expires.",
        ),
        (
            "webhooks",
            "Webhooks",
            Right.MANAGE_WEBHOOKS,
            "Addresses of your system to which the switch sends each event.",
        ),
        (
            "tests",
            "Test console",
            Right.TRY_MESSAGES,
            "Check a message, and send it to simulated rails, without a program.",
        ),
    )
)
"""Pages of a participant's own data."""

RATES: Final = NavigationEntry(
    "/own/rates",
    "My rates",
    Right.READ_POSITIONS,
    frozenset({Role.PARTICIPANT}),
    about="Your exchange rates, what open quotes hold of them, and a form to set one with a colleague.",
    kind="fx_provider",
)
"""The page of an FX provider."""

GROUPS: Final = (
    ("Now", (OVERVIEW, SCREENING, CASES, COUNTRY, APPROVALS)),
    ("Payments", (PAYMENTS, FILES, UNKNOWN, HELD, BREAKS)),
    ("My organisation", (RATES, *OWN)),
    ("Operations", (POSITIONS, RAILS, QUEUES)),
    ("Settlement and reports", (WINDOWS, STATISTICS, REPORTS)),
    ("Evidence", (PROOFS, LOG)),
    ("Directory", (PARTICIPANTS, PEOPLE)),
)
"""Groups of entries with their titles, in order; a person sees those that its rights and role permit."""

NAVIGATION: Final = tuple(entry for _, group in GROUPS for entry in group)
"""Every entry."""


async def _viewer(request: Request) -> Person:
    try:
        person = await find_person(request)
    except NotAuthentic:
        raise SignInRequired from None
    if person is None:
        raise SignInRequired
    request.state.viewer = person
    limits.proved(request.scope, f"person:{person.name}")
    return person


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


Viewer = Annotated[Person, Depends(_viewer)]
Context = Annotated[ServiceContext, Depends(services_of)]
Switch = Annotated[Runtime, Depends(_runtime)]

_environment: Final = Environment(
    loader=PackageLoader("switch.pages"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language_for(request: Request, person: Person | None) -> language.Language:
    """The language of a reader, with times in the zone of a regulator's country, for all others in UTC."""
    zone = zone_in(person.scope) if person and person.role is Role.REGULATOR else "UTC"
    return language.of(request, zone)


def render(
    request: Request, template: str, person: Person | None = None, status: int = 200, **context: object
) -> Response:
    """The page of a template. In it, `_` translates, `fmt` formats by locale, `person` is the reader."""
    lang = language_for(request, person)
    html = _environment.get_template(template).render(
        _=lang.text,
        fmt=lang,
        mark=Marks(lang),
        parts_of=tables.parts,
        languages=language.LANGUAGES,
        person=person,
        navigation=_entries(request, person),
        finds=person is not None and PAYMENTS.admits(person),
        about=_about(request.url.path, person.role) if person else "",
        help=_help(request) if person and status == HTTPStatus.OK else (),
        prefix=PREFIX,
        path=request.url.path,
        closed=_is_closed(request),
        noticed=getattr(request.state, "noticed", False),
        ends_in_s=getattr(request.state, "ends_in_s", None),
        **context,
    )
    return finish(request, HTMLResponse(labelled(html), status))


def _is_closed(request: Request) -> bool:
    """Whether the switch is closed after a restore of its database."""
    runtime = _runtime_of(request)
    return runtime is not None and runtime.directory.now.closed


def _runtime_of(request: Request) -> Runtime | None:
    """What this process runs; None for a page of an error before it has begun."""
    app = request.scope.get("app")
    found: Runtime | None = getattr(app.state, "runtime", None) if app is not None else None
    return found


def finish(request: Request, response: Response) -> Response:
    """Add the security headers and, if any, the new token of the session to a response."""
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    token = getattr(request.state, "fresh_token", None)
    if token is not None:
        set_cookie(response, token)
    return response


def redirect(request: Request, path: str) -> Response:
    """Redirect to a page by GET; the path is below `/console`."""
    return finish(request, RedirectResponse(PREFIX + path, 303))


async def on_sign_in_required(request: Request, _: Exception) -> Response:
    """Redirect to the sign-in page, which then returns to the requested page; a script gets 401."""
    if is_automatic(request):
        return finish(request, Response(status_code=401))
    wanted = quote(request.url.path) if request.method == "GET" else ""
    return redirect(request, f"/sign-in?next={wanted}" if wanted else "/sign-in")


def is_ours(path: str) -> bool:
    """Whether a return path is one of these pages; any other would be an open redirect.

    A browser takes `//` for the beginning of a host, a backslash for a slash, and leaves out tabs and line
    breaks: none of them is in an address of a page, so none of them is accepted at any place.
    """
    page = path.partition("?")[0]
    return (
        (page == PREFIX or page.startswith(f"{PREFIX}/"))
        and path.isprintable()
        and "\\" not in path
        and "//" not in page
    )


def page_or_overview(path: str) -> str:
    """The return path if it is one of these pages, otherwise the first page."""
    return path if is_ours(path) else PREFIX


async def form(request: Request) -> Mapping[str, str]:
    """The fields of a posted form, each once.

    Raises:
        InvalidMessage: not a form, too large, or a field occurs twice.

    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidMessage("the request is not a form")
    raw = await bodies.read(request, FORM_BYTES)
    return _fields(raw)


def _fields(raw: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=_FIELDS_MAX
        )
    except (ValueError, UnicodeDecodeError):
        raise InvalidMessage("the request is not a form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidMessage("a field occurs twice")
    if "\0" in "".join(fields.values()):
        raise InvalidMessage("a text contains the character NUL")
    return fields


def static(name: str) -> bytes:
    """A static file of the pages."""
    return files("switch.pages").joinpath("static", name).read_bytes()


def _entries(request: Request, person: Person | None) -> Sequence[tuple[str, Sequence[Mapping[str, Any]]]]:
    """The navigation of a person, group by group with their titles, without empty groups."""
    if person is None:
        return []
    kind = _kind_of(request, person)

    def has(one: NavigationEntry) -> bool:
        return one.admits(person) and person.role not in one.unlisted and one.kind in {"", kind}

    groups = [
        (title, [_entry(one, request.url.path) for one in group if has(one)]) for title, group in GROUPS
    ]
    return [(title, group) for title, group in groups if group]


def _kind_of(request: Request, person: Person) -> str:
    """The kind of a person's participant; empty for everybody else."""
    runtime = _runtime_of(request)
    if runtime is None or person.role is not Role.PARTICIPANT:
        return ""
    found = runtime.directory.now.by_id.get(person.scope)
    return found.kind if found else ""


def _about(path: str, role: Role) -> str:
    """The explanation of a page of the navigation; empty for any other. Officers begin with screening."""
    known = {PREFIX + entry.path: entry.about for entry in (*NAVIGATION, ACCOUNT)}
    if role in OVERVIEW.unlisted:
        known[PREFIX] = SCREENING.about
    return known.get(path, "")


def _help(request: Request) -> Sequence[str]:
    """The help of the page of a request."""
    route: str = getattr(request.scope.get("route"), "path", "")
    return HELP.get(route.removeprefix(PREFIX), ()) if route.startswith(PREFIX) else ()


def _entry(entry: NavigationEntry, path: str) -> Mapping[str, Any]:
    whole = PREFIX + entry.path
    here = path in {whole, entry.beside} or bool(entry.path and path.startswith(f"{whole}/"))
    return {"href": whole, "title": entry.title, "here": here}
