"""`payswitch database`: users of the database, one for each process."""

from pathlib import Path
from typing import Annotated

import typer

from ledger import roles
from ledger.roles import Login
from switch.cli.connect import Data, Database, settings_for

app = typer.Typer(no_args_is_help=True)
app.callback()(lambda: None)  # further commands may come

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
