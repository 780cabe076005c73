"""Install the switch into a virtual environment without any build tool: `install.py SOURCE ENVIRONMENT`.

It copies the packages, and writes what an installer writes: the metadata with the entry points of the
adapters, the program `payswitch`, and compiled modules, since the image's root is read-only.
"""

import compileall
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any, Final

_PROGRAM: Final = """\
#!{python}
import sys
from {module} import {function}
sys.exit({function}())
"""


def install(source: Path, environment: Path) -> None:
    """Install the project in `source` into the virtual environment."""
    config = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
    paths = sysconfig.get_paths("venv", vars={"base": str(environment), "platbase": str(environment)})
    site = Path(paths["purelib"])
    for package in config["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(source / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    _write_metadata(site, config["project"])
    _write_programs(environment / "bin", config["project"]["scripts"])
    if not compileall.compile_dir(site, quiet=1, workers=1):
        raise SystemExit("some modules do not compile")


def _write_metadata(site: Path, project: dict[str, Any]) -> None:
    info = site / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir()
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License: {project['license']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in project["dependencies"]),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "INSTALLER").write_text("payswitch\n", encoding="utf-8")
    groups = {"console_scripts": project["scripts"], **project["entry-points"]}
    points = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in sorted(names.items()))
        for group, names in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")


def _write_programs(directory: Path, scripts: dict[str, str]) -> None:
    for name, target in scripts.items():
        module, _, function = target.partition(":")
        program = directory / name
        text = _PROGRAM.format(python=directory / "python", module=module, function=function)
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)


if __name__ == "__main__":
    install(Path(sys.argv[1]), Path(sys.argv[2]))
