"""`make fuzz SEED=... N=...`: mutated signed requests over everything that answers, and what was wrong.

    python -m tests.fuzz --seed 7 --requests 20000
    python -m tests.fuzz --replay build/fuzz/7-1234.json

A replay starts a switch with the history of the file's seed, sends the one request, and prints the answer.
"""

import argparse
import asyncio
import functools
import json
import sys
from pathlib import Path

from tests.fuzz import judge, run, seeds
from tests.fuzz.request import Request
from tests.fuzz.wire import Wire
from tests.switch.stack import Stack

say = functools.partial(print, flush=True)


def main() -> int:
    """Run; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", default="1")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first request")
    parser.add_argument("--replay", type=Path, help="a file of build/fuzz")
    parser.add_argument("--figures", type=Path, help="a file that gets the figures")
    given = parser.parse_args()
    with run.switch() as stack:
        if given.replay:
            return asyncio.run(replay(stack, given.replay))
        result = asyncio.run(run.run(stack, given.seed, given.requests, say, given.first))
    for finding in result.findings:
        say(
            finding.number,
            finding.status,
            "; ".join(finding.faults),
            finding.request.target[:200],
            finding.body,
        )
    say("\n".join(result.of_the_switch))
    figures = figures_of(result)
    say(json.dumps(figures))
    if given.figures:
        given.figures.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if result.findings or result.of_the_switch else 0


def figures_of(result: run.Result) -> dict[str, object]:
    """The figures of a run."""
    return {
        "seed": result.seed,
        "requests": result.sent,
        "operations": len(result.tried),
        "operations_passed": sum(1 for count in result.passed.values() if count),
        "never_passed": sorted(name for name in result.tried if not result.passed[name]),
        "statuses": {str(status): count for status, count in sorted(result.statuses.items())},
        "unavailable": dict(result.unavailable),
        "passed_of_the_last_tenth": result.late[True] / max(1, result.late.total()),
        "findings": len(result.findings) + len(result.of_the_switch),
        "seconds": round(result.seconds, 1),
        "slowest_s": [round(result.slowest[0], 2), result.slowest[1]],
        "growth_mib": {name: size >> 20 for name, size in result.growth.items()},
    }


async def replay(stack: Stack, file: Path) -> int:
    """Send the request of a file again."""
    request = Request.from_json(file.read_text())
    found = await seeds.gather(stack, file.stem.partition("-")[0])
    wire = Wire(stack.settings.host, stack.settings.port)
    answer = await run.send(wire, request, found.senders, stack)
    faults = judge.faults(request, answer)
    say(request.method, request.target, request.damage)
    say(answer.status, answer.broken, answer.body[:2000].decode(errors="replace"))
    for log in sorted((stack.settings.data / "logs").glob("api-*.log")):
        say(*(line for line in log.read_text().splitlines() if "request_failed" in line), sep="\n")
    say("; ".join(faults) or "nothing is wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
