"""`payswitch up` and `demo`: run the whole switch, or its demonstration."""

import asyncio
from typing import Annotated

import typer

from switch.base import logs
from switch.base.settings import Settings
from switch.cli import showcase, watchdog
from switch.cli.connect import Data, Database
from switch.cli.screen import Progress
from switch.cli.supervisor import Supervisor, run_until_stopped, running


def up(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="simulated rails, participants and people")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="port of the API; 0 selects a free one")
    ] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Start the switch and keep it running. It is ready when `GET /readyz` returns 200."""
    logs.configure("supervisor")
    given = {"sandbox": sandbox or None, "port": port, "data": data, "database": database_url}
    settings = Settings(**{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    progress = Progress()
    supervisor = Supervisor(settings, progress, resumed=watchdog.watched.resumed, waits=progress.waits)
    try:
        supervisor.start()
        progress.end()
        watchdog.watched.is_ready()
        for line in showcase.welcome(supervisor.settings, supervisor.url):
            print(line, flush=True)
        run_until_stopped(supervisor)
    finally:
        progress.stop()
        supervisor.stop()


def demo(data: Data = None) -> None:
    """Demonstrate payments and settlement. Uses a running sandbox (`--data DIR`), or a temporary one."""
    say = Progress()
    if data is not None and showcase.is_running(data):
        raise typer.Exit(asyncio.run(showcase.show(data, say.title)))
    logs.configure("supervisor")
    with showcase.temporary_directory(data) as place:
        settings = Settings(data=place, sandbox=True, port=0, time_scale=showcase.TIME_SCALE)
        with running(settings, say, say.waits) as supervisor:
            say.end()
            code = asyncio.run(showcase.show(supervisor.settings.data, say.title))
            say("stopping")
    say.end()
    say.title("stopped; temporary files are removed")
    for line in showcase.NEXT:
        print(line)
    raise typer.Exit(code)
