"""Compare both lock files with the published advisories: `python -m tests.supply.audit`.

Where the advisories cannot be reached, one line says so, and the check passes: a machine without a network
can still be worked on. Nothing else is skipped: an advisory about a locked version fails.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = ("requirements-production.lock", "requirements.lock")
WITHIN_S: Final = 45.0
ACCEPTED: Final[Mapping[str, str]] = {}
"""Advisory -> why it does not concern payswitch. Reviewed at each release."""


def audit(lock: str) -> dict[str, Any] | None:
    """What pip-audit says about a lock file; None if it could not ask."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--disable-pip", "--no-deps"]
    try:
        done = subprocess.run(
            [*command, "--format", "json", "--progress-spinner", "off", "--timeout", "10"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return found


def advisories(found: dict[str, Any]) -> Iterator[str]:
    """The advisories that nobody has accepted, one line each."""
    for package in found["dependencies"]:
        for one in package.get("vulns", []):
            if ACCEPTED.keys().isdisjoint({one["id"], *one.get("aliases", [])}):
                fixed = ", ".join(one.get("fix_versions", [])) or "none yet"
                yield f"{package['name']} {package['version']}: {one['id']}; fixed in: {fixed}"


def is_answer(found: dict[str, Any] | None) -> bool:
    """Whether any package was looked up: a mirror may not have the advisories."""
    return found is not None and any("vulns" in package for package in found["dependencies"])


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    for lock in LOCKS:
        found = audit(lock)
        if found is None or not is_answer(found):
            sys.stdout.write("advisories: not reached from here, so not compared\n")
            return 0
        lines = list(advisories(found))
        sys.stdout.write("".join(f"{lock}: {line}\n" for line in lines))
        if lines:
            return 1
    sys.stdout.write("advisories: none about the locked versions\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
