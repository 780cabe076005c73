"""`make probe SECONDS=600`: schemathesis with every check over the whole description, signed, on a sandbox.

    python -m tests.description.probing --seconds 600 --seed 7

It repeats generated and linked requests until the time is spent. `st replay` of a test case that it names sends that case again,
while the same switch runs.
"""

import argparse
import sys

from tests.description import probing
from tests.fuzz import run


def main() -> int:
    """Run; 1 if anything was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.description.probing", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    words = [
        "--seed",
        str(given.seed),
        "--max-time",
        str(given.seconds),
        "--phases",
        "examples,coverage,fuzzing,stateful",
    ]
    with run.switch() as stack:
        return probing.probe(stack, *words).returncode


if __name__ == "__main__":
    sys.exit(main())
