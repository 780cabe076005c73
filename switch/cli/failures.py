"""Exceptions of commands that fail; `explanations` prints them as one line."""

from schemas.errors import SwitchError


class CommandFailed(Exception):
    """The command failed; the text states why, and what to do."""


class WrongUse(CommandFailed):
    """The command line is wrong in a way that only the command itself can detect."""


class Incomplete(CommandFailed):
    """A file given to the command has faults; each line of the text is one."""


def explained(error: SwitchError) -> str:
    """What is wrong, where, and what to do about it if the refusal has a remedy of its own."""
    place = f" (at {error.path})" if error.path else ""
    return f"{error.detail}{place}{f'. {error.remedy}' if error.remedy else ''}"
