"""What a command raises that cannot do what was asked; `explanations` prints it as one line."""


class CommandFailed(Exception):
    """The command cannot do what was asked; the text says why, and what to do."""


class WrongUse(CommandFailed):
    """The command line is wrong in a way that only the command itself can see."""
