"""`payswitch up` and `demo`: the whole switch, and its demonstration."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from switch import logs, showcase
from switch.cli.connect import CONNECTS_WITHIN_S, Data, Database, reaching
from switch.cli.failures import CommandFailed
from switch.rails import CONNECTION, read_connection
from switch.settings import Settings
from switch.supervisor import Supervisor, run_until_stopped, running


def _progress() -> Callable[[str], None]:
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    return say


def up(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="simulated rails, made-up participants and people")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="port of the API; 0 takes a free one")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Start the switch and keep it running; it is ready when `GET /readyz` answers 200."""
    logs.configure("supervisor")
    given = {"sandbox": sandbox or None, "port": port, "data": data, "database": database_url}
    settings = Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    _check(settings)
    supervisor = Supervisor(settings, _progress())
    try:
        supervisor.start()
        for line in showcase.welcome(supervisor.settings, supervisor.url):
            print(line, flush=True)
        run_until_stopped(supervisor)
    finally:
        supervisor.stop()


def _check(settings: Settings) -> None:
    """Say at once what would keep the switch from starting, before anything is made.

    Raises:
        CommandFailed: a rail has no connection file, or a wrong one; or the database cannot be reached.

    """
    if not settings.sandbox:
        missing = [c for c in settings.rails if not (settings.rails_directory / c / CONNECTION).is_file()]
        if missing:
            raise CommandFailed(
                f"nothing says where the rails of {', '.join(missing)} are: write"
                f" {settings.rails_directory.resolve()}/COUNTRY/{CONNECTION} for each, or name in"
                " PAYSWITCH_RAILS only the rails that are connected; `payswitch up --sandbox` simulates"
                " them all"
            )
        for country in settings.rails:
            _check_connection(settings.rails_directory / country / CONNECTION)
    if settings.database:
        asyncio.run(_reach(settings.database))


def _check_connection(file: Path) -> None:
    try:
        read_connection(file, 1.0)
    except OSError as error:
        raise CommandFailed(f"{file}: {error.strerror}") from None
    except KeyError as error:
        raise CommandFailed(f"{file} is no connection of a rail: {error} is missing") from None
    except (AttributeError, TypeError, ValueError):
        raise CommandFailed(f"{file} is no connection of a rail: it is not a JSON object of texts") from None


async def _reach(url: str) -> None:
    with reaching():
        await (await asyncpg.connect(url, timeout=CONNECTS_WITHIN_S)).close()


def demo(data: Data = None) -> None:
    """Show the main job on a running sandbox (`--data DIR`), or on a temporary one."""
    say = _progress()
    if data is not None and showcase.is_running(data):
        raise typer.Exit(asyncio.run(showcase.show(data, say)))
    logs.configure("supervisor")
    with showcase.temporary_directory(data) as place:
        settings = Settings(data=place, sandbox=True, port=0, time_scale=showcase.TIME_SCALE)
        with running(settings, say) as supervisor:
            code = asyncio.run(showcase.show(supervisor.settings.data, say))
    say("stopped; everything temporary is removed")
    raise typer.Exit(code)
