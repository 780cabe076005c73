"""`payswitch database`: users of the database, one for each process."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ledger import roles
from ledger.roles import Login
from switch.cli.connect import Data, Database, settings_for
from switch.cli.failures import CommandFailed

app = typer.Typer(no_args_is_help=True)
_HEAD = """\
-- The users of payswitch. Run this in its database, as a user who may create roles; it can be repeated.
-- The passwords are in {directory}, one file for each user.
"""


@app.command("roles")
def write_roles(
    to: Annotated[Path | None, typer.Option("--to", help="target file; default: standard output")] = None,
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Write SQL that creates a database user for each process, and keep the passwords in DATA/keys/database.

    The owner of the schema is the user of the database URL; without one, it is `payswitch_owner`.
    """
    settings = settings_for(data, database_url)
    owner = roles.user_of(settings.database) or Login.OWNER
    logins = [*roles.PROCESSES, *([Login.OWNER] if owner == Login.OWNER else [])]
    passwords = settings.passwords.make(logins)
    verifiers = {login: roles.verifier(text) for login, text in passwords.items()}
    head = _HEAD.format(directory=settings.passwords.directory.resolve())
    text = head + "".join(f"{statement};\n" for statement in roles.creation(verifiers, owner))
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text, encoding="utf-8")


@app.command("urls")
def write_urls(
    to: Annotated[Path, typer.Option("--to", help="target directory, for a secret store")],
    data: Data = None,
    database_url: Database = None,
) -> None:
    """Write the URL of each login with its password, one file each: `owner`, `writer`, `api` and so on.

    The server, the database and the parameters are those of the database URL, the passwords those in
    DATA/keys/database. Delete the files when the secret store has them.
    """
    settings = settings_for(data, database_url)
    if not settings.database:
        raise CommandFailed("there is no server: state its URL with --database, or PAYSWITCH_DATABASE")
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    for login, password in settings.passwords.make([Login.OWNER, *roles.PROCESSES]).items():
        file = to / login.name.lower()
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(roles.url_of(settings.database, login, password))
