"""`payswitch screening`: sanctions lists, tried against names and put in force; payments that are held."""

import asyncio
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import typer

from schemas.errors import InvalidMessage
from switch.base import personal_data
from switch.cases import reading
from switch.cases.officers import DecidedBy, scope_of_officer
from switch.cli import output
from switch.cli.as_person import As, CommandContext, Reason, ask, find_person, run, show
from switch.cli.connect import NUMBER_MAX, Data, Database, installed, settings_for
from switch.cli.failures import CommandFailed
from switch.cli.pages import Limit
from switch.identity.model import Person
from switch.identity.permissions import Right, may, require
from switch.operations import (
    goaml,
    screening_clearances,
    screening_decisions,
    screening_engines,
    screening_lists,
    screening_officers,
    watching,
)
from switch.screening import index, list_files
from switch.screening.engine import AskedParty, EngineClient, EngineHit, EngineSilent, EngineTerms
from switch.screening.listed import ListedParty
from switch.writer.watching import WatchAction, WatchKind

app = typer.Typer(no_args_is_help=True)


class EngineForm(StrEnum):
    """How an outside engine is asked."""

    WATCHMAN = "watchman"
    JSON = "json"
    NONE = "none"


@app.command()
def search(
    name: Annotated[list[str], typer.Argument(help="names, in any script")],
    *,
    lists: Annotated[
        list[Path],
        typer.Option(
            "--list",
            exists=True,
            dir_okay=False,
            readable=True,
            help="file of a list: UN, OFAC or EU in XML, or CSV; may be repeated",
        ),
    ],
    threshold: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="the least score of a hit")
    ] = index.THRESHOLD,
) -> None:
    """Search the entries of lists that a name may be, and print one JSON line per hit.

    Exit code 1 if there is a hit.
    """
    parties: list[ListedParty] = []
    for file in lists:
        try:
            parties += list_files.read(file.read_bytes()).parties
        except InvalidMessage as error:
            raise CommandFailed(f"{file}: {error.detail}") from None
    found = index.NameIndex(parties)
    hits = [(one, hit) for one in name for hit in found.search(one, threshold=threshold)]
    rows = (
        {
            "name": one,
            "score": hit.score,
            "id": hit.party.id,
            "listed": hit.name,
            "kind": hit.party.kind,
            "programmes": hit.party.programmes,
            "countries": hit.party.countries,
        }
        for one, hit in hits
    )
    output.rows(rows, ensure_ascii=False)
    raise typer.Exit(1 if hits else 0)


@app.command()
def check(
    file: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="files of lists")
    ],
) -> None:
    """Read files of lists, and print one JSON line for each: publisher, date, number of entries and names.

    Exit code 1 if a file is not a whole list.
    """
    for one in file:
        try:
            found = list_files.read(one.read_bytes())
        except InvalidMessage as error:
            raise CommandFailed(f"{one}: {error.detail}") from None
        facts = {
            "file": str(one),
            "publisher": found.publisher,
            "published": found.published.isoformat() if found.published else None,
            "entries": len(found.parties),
            "names": sum(len(party.names) for party in found.parties),
        }
        output.rows([facts], ensure_ascii=False)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="file of a list")],
    *,
    source: Annotated[str, typer.Option(help="where the file is from, such as its address and the day")],
    as_: As,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Add the file of a list, which the switch keeps. It is in force after `payswitch screening use`."""
    raw = file.read_bytes()

    async def work(context: CommandContext) -> dict[str, Any]:
        person = await find_person(context.services, context.settings, as_)
        return await screening_lists.add(context.services.pool, person, raw, source)

    show(run(data, database_url, work))


def _check_reads(person: Person) -> None:
    """Show lists and clearances to who reads the log, and to screening officers."""
    if not may(person, Right.SCREEN_PAYMENTS):
        require(person, Right.READ_AUDIT)


@app.command("lists")
def list_lists(*, as_: As, limit: Limit = 100, data: Data = None, database_url: Database = None) -> None:
    """Print the files of lists that were added, newest first, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        _check_reads(await find_person(context.services, context.settings, as_))
        return await screening_lists.read(context.services.pool, limit=limit)

    output.rows(run(data, database_url, work))


@app.command()
def use(
    number: Annotated[
        list[int] | None, typer.Argument(min=1, max=NUMBER_MAX, help="numbers of lists; none: no screening")
    ] = None,
    *,
    threshold_percent: Annotated[
        int, typer.Option(min=70, max=100, help="the least score of a hit, in percent")
    ] = round(index.THRESHOLD * 100),
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request that payments are compared with these lists, and with no others; a checker approves it."""
    content = {"lists": number or [], "threshold": threshold_percent}
    ask(data, database_url, as_, "screening.lists", content, reason)


Form = Annotated[
    EngineForm, typer.Argument(help="watchman: Moov Watchman; json: the form of this switch; none")
]
Address = Annotated[str, typer.Argument(help="its URL")]
LeastScore = Annotated[
    int, typer.Option("--threshold-percent", min=50, max=100, help="the least score of a hit, in percent")
]
WithinMs = Annotated[
    int, typer.Option(min=50, max=10_000, help="time-out for all parties of a payment, in milliseconds")
]


@app.command()
def engine(
    form: Form,
    address: Address = "",
    *,
    threshold_percent: LeastScore = screening_engines.WATCHMAN_THRESHOLD,
    within_ms: WithinMs = screening_engines.WITHIN_MS,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request that an outside engine is asked about every payment, or none; a checker approves it."""
    content = {"form": form.value, "address": address, "threshold": threshold_percent, "within_ms": within_ms}
    ask(data, database_url, as_, "screening.engine", content, reason)


@app.command("show-engine")
def show_engine(*, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Print the outside engine that was set last."""

    async def work(context: CommandContext) -> dict[str, Any]:
        require(await find_person(context.services, context.settings, as_), Right.READ_AUDIT)
        return await screening_engines.read(context.services.pool)

    show(run(data, database_url, work))


@app.command("try-engine")
def try_engine(
    form: Form,
    address: Address,
    name: Annotated[list[str], typer.Argument(help="names, in any script")],
    *,
    threshold_percent: LeastScore = screening_engines.WATCHMAN_THRESHOLD,
    within_ms: WithinMs = screening_engines.WITHIN_MS,
    data: Data = None,
) -> None:
    """Ask an outside engine about names as payments would, with the settings of this machine.

    One JSON line per hit. Fails if the engine does not answer.
    """
    if form is EngineForm.NONE or (fault := screening_engines.fault_of(form.value, address)):
        raise CommandFailed("the form none asks nobody" if form is EngineForm.NONE else fault)
    asked_as: Literal["watchman", "json"] = "json" if form is EngineForm.JSON else "watchman"
    terms = EngineTerms(asked_as, address, threshold_percent, within_ms / 1000)

    settings = installed(settings_for(data, None))

    async def asked() -> list[EngineHit]:
        client = EngineClient(settings, terms)
        try:
            return await client.ask("", [AskedParty("creditor", one) for one in name])
        finally:
            await client.close()

    try:
        hits = asyncio.run(asked())
    except EngineSilent as silent:
        raise CommandFailed(f"the engine does not answer: {silent}") from None
    rows = ({"name": name[hit.party]} | msgspec.to_builtins(hit) for hit in hits)
    output.rows(
        ({key: value for key, value in row.items() if key != "party"} for row in rows), ensure_ascii=False
    )


@app.command()
def officers(
    participant: Annotated[str, typer.Argument(help="id of the participant that sends; * for all others")],
    decided_by: Annotated[
        DecidedBy,
        typer.Argument(
            help="operators: an operator and a checker; officers: two officers of the operator; participant:"
            " two officers of the participant"
        ),
    ],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request who decides about held payments of a participant; a checker approves it."""
    content = {"participant": participant, "decided_by": decided_by.value}
    ask(data, database_url, as_, "screening.officers", content, reason)


@app.command("show-officers")
def show_officers(*, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Print who decides about held payments, one JSON line for each participant with a setting of its own."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        require(await find_person(context.services, context.settings, as_), Right.READ_AUDIT)
        return await screening_officers.read(context.services.pool)

    output.rows(run(data, database_url, work))


Uetr = Annotated[UUID, typer.Argument(help="UETR of the payment")]
Comparison = Annotated[
    int, typer.Option(min=1, max=2**31 - 1, help="number of the comparison, as `hits` prints it")
]


@app.command()
def hits(uetr: Uetr, *, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Print what screening found in a payment that it holds or held; the log records that you read it."""

    async def work(context: CommandContext) -> dict[str, Any]:
        services = context.services
        person = await find_person(services, context.settings, as_)
        keys = personal_data.load(context.settings.personal_data_keys)
        return await screening_decisions.read_hits(services.pool, keys, services.link, person, uetr)

    show(run(data, database_url, work))


@app.command("goaml")
def goaml_draft(
    case: Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the case")],
    *,
    as_: As,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the draft of a suspicious transaction report in goAML form; the log records that you read it."""

    async def work(context: CommandContext) -> bytes:
        services = context.services
        person = await find_person(services, context.settings, as_)
        keys = personal_data.load(context.settings.personal_data_keys)
        found = await reading.one(services.pool, case, person)
        return await goaml.draft(services.pool, keys, services.link, person, found)

    typer.echo(run(data, database_url, work).decode(), nl=False)


WatchedParticipant = Annotated[str, typer.Option("--participant", help="whose accounts; without: of all")]


@app.command()
def watch(
    pattern: Annotated[WatchKind, typer.Argument(help="the pattern")],
    action: Annotated[WatchAction, typer.Argument(help="what happens to a payment; none ends the rule")],
    currency: Annotated[str, typer.Argument(help="currency of the amount")],
    amount: Annotated[str, typer.Argument(help="the amount, such as 50000.00")],
    *,
    participant: WatchedParticipant = "",
    source: Annotated[str, typer.Option("--from", help="country of the debtor agent")] = "",
    target: Annotated[str, typer.Option("--to", help="country of the creditor agent")] = "",
    count: Annotated[int, typer.Option(min=2, max=100, help="payments, or payers, in a day")] = 3,
    near_percent: Annotated[int, typer.Option(min=1, max=99, help="structuring: from this part on")] = 80,
    hour_from: Annotated[int, typer.Option(min=0, max=23, help="first hour of the night")] = 22,
    hour_until: Annotated[int, typer.Option(min=0, max=23, help="first hour after it")] = 6,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request a watch rule, from its approval on; a checker approves it."""
    content = {
        "pattern": pattern.value,
        "action": action.value,
        "participant": participant,
        "source": source,
        "target": target,
        "currency": currency,
        "amount": amount,
        "near_percent": near_percent,
        "count": count,
        "hour_from": hour_from,
        "hour_until": hour_until,
    }
    ask(data, database_url, as_, "watch.set", content, reason)


@app.command("watch-rules")
def watch_rules(*, as_: As, data: Data = None, database_url: Database = None) -> None:
    """Print the newest version of every watch rule, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        _check_reads(await find_person(context.services, context.settings, as_))
        return await watching.read(context.services.pool)

    output.rows(run(data, database_url, work))


def _decision(outcome: Literal["release", "refuse"], about: str) -> None:
    """Add the command that requests a decision about a held payment."""

    def command(
        uetr: Uetr,
        *,
        screening: Comparison = 1,
        as_: As,
        reason: Reason,
        data: Data = None,
        database_url: Database = None,
    ) -> None:
        content = {"uetr": str(uetr), "screening": screening}
        ask(data, database_url, as_, f"screening.{outcome}", content, reason)

    app.command(outcome, help=about)(command)


_decision(
    "release", "Request that a held payment is released: it continues as if it came when a checker approves."
)
_decision("refuse", "Request that a held payment is refused, with RR04 and no other word to its sender.")


@app.command()
def clear(
    uetr: Uetr,
    hit: Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="place of the hit in what `hits` prints")],
    *,
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="last day, within two years")],
    screening: Comparison = 1,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request that the party of a hit is no hit for this entry any more, in later payments too."""
    content = {"uetr": str(uetr), "screening": screening, "hit": hit, "expires_on": until.date().isoformat()}
    ask(data, database_url, as_, "screening.clear", content, reason)


@app.command()
def clearances(
    *,
    as_: As,
    every: Annotated[bool, typer.Option("--all", help="ended and expired ones, too")] = False,
    limit: Limit = 100,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Print the pairs of a party and an entry that two people cleared, newest first, one JSON line each."""

    async def work(context: CommandContext) -> list[dict[str, Any]]:
        person = await find_person(context.services, context.settings, as_)
        _check_reads(person)
        whose = scope_of_officer(person)
        pool = context.services.pool
        return await screening_clearances.read(pool, in_force=not every, limit=limit, whose=whose)

    output.rows(run(data, database_url, work))


@app.command("end-clearance")
def end_clearance(
    number: Annotated[int, typer.Argument(min=1, max=NUMBER_MAX, help="number of the clearance")],
    *,
    as_: As,
    reason: Reason,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Request that a clearance ends: the pair is a hit again."""
    ask(data, database_url, as_, "screening.end_clearance", {"number": number}, reason)
