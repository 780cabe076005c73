"""`payswitch change`: changes that need two people."""

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.errors import SwitchError
from switch.api.change_documents import change_document, full_document
from switch.approvals import approvals
from switch.approvals.effects import NOTHING
from switch.approvals.kinds import encode_content
from switch.base.sql import statements
from switch.change_catalogue import KINDS, describe
from switch.cli import output
from switch.cli.as_person import (
    As,
    CommandContext,
    Reason,
    ask,
    find_person,
    request,
    run,
    show,
    vote,
    without_hash,
)
from switch.cli.connect import NUMBER_MAX, Data, Database, read_json
from switch.cli.failures import CommandFailed, WrongUse, explained
from switch.cli.installation import PlannedChange, read_changes
from switch.cli.pages import Before, Limit, shown
from switch.identity.model import ChangeState

changes = typer.Typer(no_args_is_help=True)
Numbers = Annotated[
    list[str], typer.Argument(metavar="NUMBER...", help="numbers of changes, or ranges such as 3-9")
]
_VOTES_MAX: Final = 200
_BRIEF: Final = ("number", "kind", "state", "outcome", "checker_half")
"""What is printed of each change after a vote on several."""
_SAME: Final = statements("switch.cli")("same_change")
Number = Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the change")]

Yes = Annotated[
    bool, typer.Option("--yes", help="skip the confirmation: you have read the effect of the change")
]


@changes.command("kinds")
def kinds() -> None:
    """Print every kind of change with the JSON Schema of its content, one JSON line each."""
    output.rows(map(describe, KINDS.values()))


@changes.command("list")
def list_changes(
    state: Annotated[ChangeState | None, typer.Option(help="only changes in this state")] = None,
    before: Before = None,
    limit: Limit = 100,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print changes, newest first, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        async with context.services.pool.acquire() as connection:
            found = await approvals.read(connection, state=state, before=before, limit=limit + 1)
        return [without_hash(change_document(c)) for c in shown(found, limit, lambda change: change.number)]

    output.rows(run(data, database_url, work))


@changes.command("show")
def show_change(number: Number, data: Data = None, database_url: Database = None) -> None:
    """Print a change: its effect, the comparison with the values in force, and every vote."""
    show(_read(data, database_url, number))


def _read(data: Path | None, database: str | None, number: int, as_: str = "") -> dict[str, Any]:
    """Read a change; a person that is given must be signed in."""

    async def work(context: CommandContext) -> dict[str, Any]:
        if as_:
            await find_person(context.services, context.settings, as_)
        async with context.services.pool.acquire() as connection:
            change = await approvals.find(connection, number)
        return without_hash(await full_document(context.services, change))

    return run(data, database, work)


@changes.command("request")
def request_change(
    kind: Annotated[str, typer.Argument(help="a kind of `payswitch change kinds`")],
    content: Annotated[str, typer.Argument(help="JSON, or @FILE")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request a change."""
    try:
        read = read_json(Path(content[1:])) if content.startswith("@") else json.loads(content)
    except ValueError as error:
        raise WrongUse(f"the content is not JSON: {error}") from None
    ask(data, database_url, as_, kind, read, reason)


@changes.command("request-all")
def request_all(
    file: Annotated[Path, typer.Argument(help="JSON: a list of objects with `kind` and `content`")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request every change of FILE, in its order; one JSON line each.

    The file is checked as a whole first. A change with the same content that was requested or executed
    already is not requested again, so the command may be repeated.
    """
    planned = read_changes(file)

    async def work(context: CommandContext) -> None:
        for change in planned:
            number = await _known(context, change)
            if number is not None:
                output.rows([{"number": number, "kind": change.kind, "state": "known"}])
                continue
            try:
                made = await request(context, as_, change.kind, content=change.content, reason=reason)
            except SwitchError as error:
                raise CommandFailed(f"{change.kind} is not possible: {explained(error)}") from None
            shown = ("number", "kind", "state", "maker_half")
            output.rows([{name: made[name] for name in shown if name in made}])

    run(data, database_url, work)


async def _known(context: CommandContext, change: PlannedChange) -> int | None:
    """The number of a change with the same content that is requested, approved or executed."""
    kind = KINDS[change.kind]
    if "maker_half" in kind.content.__struct_fields__:  # each request has another one
        text, without = encode_content(kind.read({"maker_half": "0" * 64, **change.content})), "maker_half"
    else:
        text, without = encode_content(kind.read(change.content)), ""
    number: int | None = await context.services.pool.fetchval(_SAME, change.kind, text.decode(), without)
    return number


@changes.command()
def approve(
    numbers: Numbers,
    *,
    as_: As,
    reason: Reason,
    yes: Yes = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Approve changes after reading their contents and effects; the last approval of a change executes it."""
    _decide(data, database_url, as_, numbers, "approve", reason, yes=yes)


@changes.command()
def refuse(
    numbers: Numbers,
    *,
    as_: As,
    reason: Reason,
    yes: Yes = False,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Refuse changes; this is final."""
    _decide(data, database_url, as_, numbers, "refuse", reason, yes=yes)


@changes.command()
def withdraw(number: Number, *, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Withdraw your own request."""

    async def work(context: CommandContext) -> dict[str, Any]:
        person = await find_person(context.services, context.settings, as_)
        return without_hash(change_document(await approvals.withdraw(context.services, person, number)))

    show(run(data, database_url, work))


def _decide(  # noqa: PLR0917 - what both commands are given
    data: Path | None,
    database: str | None,
    name: str,
    texts: list[str],
    decision: str,
    reason: str,
    *,
    yes: bool,
) -> None:
    """Print the contents and effects, ask once, and vote on each change; end at the first that fails."""
    numbers = [number for text in texts for number in _numbers(text)]

    async def look(context: CommandContext) -> list[dict[str, Any]]:
        await find_person(context.services, context.settings, name)  # who is not signed in reads nothing
        async with context.services.pool.acquire() as connection:
            found = [await approvals.find(connection, number) for number in numbers]
        return [without_hash(await full_document(context.services, change)) for change in found]

    seen = _shown(run(data, database, look), decision, yes=yes)

    async def work(context: CommandContext) -> bool:
        for number in numbers:
            change = await vote(
                context, name, number, decision=decision, reason=reason, seen=seen.get(number)
            )
            document = without_hash(change_document(change))
            if len(numbers) == 1:
                show(document)
            else:
                output.rows([{each: document[each] for each in _BRIEF if each in document}])
            if change.state is ChangeState.FAILED:
                return False
        return True

    if not run(data, database, work):
        raise typer.Exit(1)


def _numbers(text: str) -> range:
    """A number, or a range of them as in 3-9."""
    first, _, last = text.partition("-")
    try:
        found = range(int(first), int(last or first) + 1)
    except ValueError:
        found = range(0)
    if not (found and found[0] >= 1 and found[-1] <= NUMBER_MAX and len(found) <= _VOTES_MAX):
        raise WrongUse(f"{text!r} is not the number of a change, or a range such as 3-9")
    return found


def _shown(changes_: list[dict[str, Any]], decision: str, *, yes: bool) -> dict[int, str]:
    """Print contents and effects of changes and ask for confirmation; return the digest of each effect.

    Raises:
        CommandFailed: the answer was no, or there was no terminal to answer.

    """
    open_ = [change for change in changes_ if change["effect"] is not None]  # a vote on others is refused
    for change in open_:
        for line in _lines(change):
            typer.echo(_visible(line), err=True)
    if open_:
        what = ", ".join(str(change["number"]) for change in open_)
        try:
            agreed = yes or typer.confirm(f"{decision} change {what}?", err=True)
        except typer.Abort:  # there is no terminal
            agreed = False
        if not agreed:
            raise CommandFailed("no vote was recorded: answer with y, or add --yes after reading the effect")
    return {change["number"]: str(change["effect"]["digest"]) for change in open_}


def _lines(change: dict[str, Any]) -> Iterator[str]:
    """The lines of a change for a voter at a terminal."""
    kind, effect = KINDS[change["kind"]], change["effect"]
    yield f"Change {change['number']}: {kind.title}. Requested by {change['maker']}: {change['reason']}"
    content = kind.rows(change["content"])
    named = {value for _, value in content}
    links = [(link["subject"].capitalize(), link["id"]) for link in change["links"]]
    yield from _table([*content, *(link for link in links if link[1] and link[1] not in named)])
    rows = [
        ("What", "Now", "Then"),
        *((row["what"], _quantity(row["now"], row), _quantity(row["then"], row)) for row in effect["rows"]),
    ]
    yield from _table(rows)
    for one in change["comparisons"]:
        beyond = ": beyond the band" if one["beyond"] else ""
        factor = f" The factor is {one['factor']}{beyond}." if one["factor"] else ""
        yield f"  {one['what']}: {one['reference']}. Stated: {one['stated']}.{factor}"
    for warning in effect["warnings"]:
        yield f"  {warning}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows in columns; a text of several lines, such as a key request, has its further lines below."""
    cells = [[text.splitlines() or [""] for text in row] for row in rows]
    widths = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    for row in cells:
        for parts in zip_longest(*row, fillvalue=""):
            texts = (text.ljust(width) for text, width in zip(parts, widths, strict=True))
            yield f"  {'  '.join(texts)}".rstrip()


def _visible(text: str) -> str:
    """A text that cannot steer a terminal."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _quantity(text: str, row: dict[str, Any]) -> str:
    return text if text == NOTHING or not row["unit"] else f"{text} {row['unit']}"
