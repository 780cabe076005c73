"""Exceptions of commands that fail; `explanations` prints them as one line."""


class CommandFailed(Exception):
    """The command failed; the text states why, and what to do."""


class WrongUse(CommandFailed):
    """The command line is wrong in a way that only the command itself can detect."""


class Incomplete(CommandFailed):
    """A file given to the command has faults; each line of the text is one."""
