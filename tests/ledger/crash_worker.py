"""A process that pays until it is killed; it says what was acknowledged, line by line.

`python -m tests.ledger.crash_worker URL SEED`
"""

import asyncio
import random
import sys
from uuid import UUID

from ledger.writer import Writer
from tests.ledger.hosts import PlainHost, pay

PAYERS = 160
"""So many that a batch is always decided ahead of the one in flight."""


async def main(database_url, seed):
    seeded = random.Random(seed)
    writer = Writer(database_url, PlainHost())
    await writer.start()
    accounts = [await writer.submit(("open", f"bank {n}", "INR", "position", 100_000)) for n in range(4)]
    say("ready")
    await asyncio.gather(*(payer(writer, accounts, seeded) for _ in range(PAYERS)))


def say(*words):
    """One line, out at once: what was said before a kill was said."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def payer(writer, accounts, seeded):
    while True:
        uetr = UUID(int=seeded.getrandbits(128), version=4)
        legs = pay(*seeded.sample(accounts, 2), seeded.randint(1, 100))
        reply = await writer.submit(("reserve", uetr, legs))
        say(uetr, reply.state)
        if reply.state == "pending":
            reply = await writer.submit((seeded.choice(["post", "void"]), uetr))
            say(uetr, reply.state)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
