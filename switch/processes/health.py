"""The health check of a container: exit code 0 if its process is ready. It needs no shell and no `curl`."""

import os
import sys
import urllib.error
import urllib.request
from typing import Final

_WITHIN_S: Final = 4.0
_ANYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - it is only replaced


def address() -> str:
    """The address on which this container's process answers: PAYSWITCH_HEALTH, or that of the API."""
    stated = os.environ.get("PAYSWITCH_HEALTH", "")
    host, _, port = stated.rpartition(":")
    if not stated:
        host, port = os.environ.get("PAYSWITCH_HOST", ""), os.environ.get("PAYSWITCH_PORT", "8320")
    return f"http://{_ANYWHERE.get(host, host)}:{port}"


def main() -> int:
    """Ask `/readyz`."""
    try:
        with urllib.request.urlopen(f"{address()}/readyz", timeout=_WITHIN_S):  # noqa: S310 - our own address
            return 0
    except urllib.error.HTTPError as error:
        print(error.read(500).decode(errors="replace"), file=sys.stderr)  # noqa: T201 - docker keeps it
    except OSError as error:
        print(f"no process answers: {error}", file=sys.stderr)  # noqa: T201 - the same
    return 1


if __name__ == "__main__":
    sys.exit(main())
