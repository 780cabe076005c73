"""How a command reports a failure: one line on standard error, and an exit code.

0    done
1    not done: the switch, a rail, the database or a file does not allow it, or a check failed
2    the command line or a setting is wrong; nothing was tried
130  interrupted (Ctrl-C)

No command prints a traceback, which would not help the user and could show the values of variables. With
`PAYSWITCH_TRACEBACK=1` one is printed in addition, for a report of a defect of payswitch.
"""

import os
import sys
import traceback
from typing import Final

import asyncpg
import typer
from pydantic import ValidationError

from adapters.cycle import CycleFileError as UnreadableFile
from adapters.iso8583.pool import Unreachable
from ledger.archive import Archived
from ledger.backup import BackupError
from ledger.detach import NotYet
from ledger.migrate import MigrationError
from ledger.postgres import PostgresError
from ledger.roles import RolesMissing
from schemas.errors import NotFound, OutcomeUnknown, SwitchError
from switch.base import settings
from switch.base.causes import Impossible
from switch.base.personal_data import Erased, UnreadablePersonalData
from switch.base.settings_file import InvalidSettingsFile
from switch.cli.failures import CommandFailed, Incomplete, WrongUse, explained
from switch.cli.supervisor import StartError
from switch.clients.python import NoAnswer, RequestRefused
from switch.payments.erasure import NotFinal

FAILED: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130
_DOCTOR: Final = "run `payswitch doctor` to find out why"
_EXPLAINED: Final = (
    BackupError,
    Erased,
    Impossible,
    MigrationError,
    NoAnswer,
    NotFinal,
    NotYet,
    PostgresError,
    RequestRefused,
    RolesMissing,
    StartError,
    Unreachable,
    UnreadablePersonalData,
    UnreadableFile,
)
"""Exceptions whose text is a complete explanation."""
_MANY: Final = (StartError, InvalidSettingsFile, ValidationError, Incomplete)
"""Those with a reason on each line."""
_LOST: Final = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, ConnectionError)
_OTHER_SCHEMA: Final = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
)


def report(error: BaseException) -> int:
    """Print why the command failed: one line, or of a failed start one line per reason. Get the exit code."""
    text, code = explain(error)
    reasons = text.splitlines() if isinstance(error, _MANY) else [text]
    for reason in reasons:
        print(f"payswitch: {' '.join(reason.split())}", file=sys.stderr)
    if os.environ.get("PAYSWITCH_TRACEBACK"):
        traceback.print_exception(error)
    return code


def explain(error: BaseException) -> tuple[str, int]:
    """The text for the user of the command, and the exit code."""
    match error:
        case KeyboardInterrupt():
            return "interrupted", INTERRUPTED
        case typer.Abort():
            return "no input was given", FAILED
        case typer.BadParameter() | WrongUse() | ValidationError() | InvalidSettingsFile():
            return _usage(error), WRONG_USE
        case _ if hasattr(error, "format_message"):  # every other error of the parser
            return _usage(error), WRONG_USE
        case CommandFailed() | typer.Exit():
            return str(error), FAILED
        case _:
            return _failure(error), FAILED


def _usage(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        return "\n".join(settings.faults(error))
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    return f"{text.rstrip('.')}; see `{context.command_path} --help`" if context is not None else text


def _failure(error: BaseException) -> str:  # noqa: C901, PLR0911 - a table of kinds, one line each
    match error:
        case Archived():
            return error.detail
        case NotFound() if error.detail == NotFound.__doc__:
            return "there is nothing with this id"
        case OutcomeUnknown():
            return "the outcome is unknown: it may have been done; check, then run the same command again"
        case SwitchError():
            return explained(error)
        case _ if isinstance(error, _EXPLAINED):
            return str(error)
        case _ if isinstance(error, _OTHER_SCHEMA):
            return "the database does not have the schema of this version: run `payswitch migrate`"
        case _ if isinstance(error, _LOST):
            return f"the connection was lost; {_DOCTOR}"
        case asyncpg.PostgresError():
            return f"the database refuses: {error}"
        case TimeoutError():
            return f"the switch does not respond; {_DOCTOR}"
        case UnicodeError():
            return "the text is not UTF-8"
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            return f"{place}{error.strerror or error}"
        case _:
            return (
                f"an unexpected {type(error).__name__}; report it, with the output of PAYSWITCH_TRACEBACK=1"
            )
