"""A program for tests: it runs the text that is its argument."""

import sys


def main() -> None:
    """Run it."""
    exec(compile(sys.argv[1], "text", "exec"), {"__name__": "__main__"})
