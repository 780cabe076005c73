"""Write the software bill of materials (CycloneDX 1.6): `sbom.py LOCK PYPROJECT [FILE]`.

Components are the packages of the lock file that this environment has, with the hashes of the lock and the
licence of the installed metadata. The same lock and environment give the same bytes: there is no time in it.
Only the standard library is needed, so the image is described by its own Python, during its build.
"""

import hashlib
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

_PINNED: Final = re.compile(r"^([a-z0-9.-]+)==(\S+?)(?: ; (.+?))? \\$")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_REQUIRED: Final = re.compile(r"^([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?[^;]*(?:;(.*))?$")
_LICENSE: Final = "License :: "

# fmt: off
_OF_CLASSIFIERS: Final[Mapping[str, str]] = MappingProxyType({
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "OSI Approved :: BSD License": "BSD-3-Clause",
    "OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "OSI Approved :: ISC License (ISCL)": "ISC",
    "OSI Approved :: MIT License": "MIT",
    "OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "OSI Approved :: Python Software Foundation License": "PSF-2.0",
})
_OF_TEXTS: Final[Mapping[str, str]] = MappingProxyType({
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD-2-Clause": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT": "MIT",
    "MPL-2.0": "MPL-2.0",
    "Unlicense": "Unlicense",
})
_STATED_ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType({
    "asyncssh": "EPL-2.0 OR GPL-2.0-or-later",
    "axe-playwright-python": "MIT",
    "fido2": "BSD-2-Clause AND Apache-2.0 AND MPL-2.0",
    "iso4217": "LicenseRef-Public-Domain",
    "pypdfium2": "Apache-2.0 AND BSD-3-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "uvloop": "Apache-2.0 OR MIT",
})
"""Packages whose metadata has no licence, or several without a relation: as their licence file states."""
# fmt: on


class UnknownLicence(ValueError):
    """A package whose licence nobody has looked up."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock file. `marker` is the condition under which it is installed, if any."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def read_lock(text: str) -> list[Locked]:
    """The packages of a lock file, by name."""
    found: list[Locked] = []
    for block in re.split(r"\n(?=[a-z])", text):
        first, _, rest = block.partition("\n")
        pinned = _PINNED.match(first)
        if pinned:
            hashes = tuple(sorted(_HASH.findall(rest)))
            found.append(Locked(pinned[1], pinned[2], pinned[3] or "", hashes))
    return found


def licence_of(name: str, found: metadata.PackageMetadata) -> str:
    """The licence of a package as an SPDX expression.

    Raises:
        UnknownLicence: its metadata states none that is in the tables.

    """
    if name in _STATED_ELSEWHERE:
        return _STATED_ELSEWHERE[name]
    if expressions := found.get_all("License-Expression"):
        return str(expressions[0])
    text = "".join(found.get_all("License") or []).strip()
    if text in _OF_TEXTS:
        return _OF_TEXTS[text]
    classified = {
        _OF_CLASSIFIERS[one.removeprefix(_LICENSE)]
        for one in found.get_all("Classifier") or []
        if one.removeprefix(_LICENSE) in _OF_CLASSIFIERS
    }
    if len(classified) != 1:
        raise UnknownLicence(
            f"{name}: its metadata states no known licence; look it up and add it to {__name__}"
        )
    return classified.pop()


def bill(lock: str, project: Mapping[str, Any]) -> dict[str, Any]:
    """The bill of materials of this environment.

    Raises:
        UnknownLicence: see `licence_of`.
        LookupError: a package of the lock is missing, or has another version.

    """
    packages = {one.name: one for one in read_lock(lock)}
    there = {name: one for name, one in packages.items() if _is_installed(one)}
    own = _reference(project["name"], project["version"])
    references = {name: _reference(name, one.version) for name, one in there.items()}
    direct = [_normal(requirement) for requirement in project["dependencies"]]
    further = {part for name in there for part in _needs(name) if part in references}
    wanted = sorted({name for name in direct if name in references} | (references.keys() - further))
    edges = [{"ref": own, "dependsOn": [references[name] for name in wanted]}]
    for name in sorted(there):
        needed = sorted({references[part] for part in _needs(name) if part in references})
        edges.append({"ref": references[name], "dependsOn": needed})
    content: dict[str, Any] = {
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"license": {"id": project["license"]}}],
                "purl": own,
            }
        },
        "components": [_component(there[name], references[name]) for name in sorted(there)],
        "dependencies": edges,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=digest[:16], version=5)}",
        "version": 1,
        **content,
    }


def _is_installed(one: Locked) -> bool:
    try:
        version = metadata.version(one.name)
    except metadata.PackageNotFoundError:
        if one.marker:  # of another platform or version of Python
            return False
        raise LookupError(f"{one.name} is in the lock and not installed") from None
    if version != one.version:
        raise LookupError(f"{one.name} {version} is installed, the lock has {one.version}")
    return True


def _component(one: Locked, reference: str) -> dict[str, Any]:
    expression = licence_of(one.name, metadata.metadata(one.name))
    single = re.fullmatch(r"(?!LicenseRef-)[A-Za-z0-9.-]+", expression)
    return {
        "type": "library",
        "bom-ref": reference,
        "name": one.name,
        "version": one.version,
        "licenses": [{"license": {"id": expression}} if single else {"expression": expression}],
        "purl": reference,
        # Of every file that the lock allows: wheels for several platforms.
        "externalReferences": [
            {
                "type": "distribution",
                "url": reference,
                "hashes": [{"alg": "SHA-256", "content": one_hash}],
            }
            for one_hash in one.hashes
        ],
    }


def _needs(name: str) -> Iterator[str]:
    """Names that a package requires without any of its extras."""
    for requirement in metadata.requires(name) or []:
        found = _REQUIRED.match(requirement)
        if found and "extra ==" not in (found[2] or ""):
            yield _normal(found[1])


def _normal(requirement: str) -> str:
    found = _REQUIRED.match(requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[1]).lower()


def _reference(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def main() -> int:
    """Write the bill to a file, or to the output."""
    lock, pyproject, *file = map(Path, sys.argv[1:])
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    try:
        made = bill(lock.read_text(encoding="utf-8"), project)
    except (UnknownLicence, LookupError) as error:
        sys.stderr.write(f"sbom: {error}\n")
        return 1
    text = json.dumps(made, indent=1) + "\n"
    if file:
        file[0].parent.mkdir(parents=True, exist_ok=True)
        file[0].write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
