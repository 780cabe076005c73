"""`python -m loadtests NAME [--json] ...`: run one benchmark; each is a module with `main(arguments)`."""

import importlib
import sys

BENCHMARKS = (
    "payments",
    "ledger",
    "codec",
    "reports",
    "volume",
    "causes",
    "overload",
    "names",
    "screening",
    "files",
)


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        print(f"usage: python -m loadtests {{{','.join(BENCHMARKS)}}} [--json] ...", file=sys.stderr)
        return 2
    module = importlib.import_module(f"loadtests.{sys.argv[1]}")
    return int(module.main(sys.argv[2:]) or 0)


if __name__ == "__main__":
    sys.exit(main())
