"""The settings file of an installation, `DATA/settings.json`: one JSON object, a setting a field.

It may contain the password of the database, so only its owner may read it. An environment variable overrides
a field. `payswitch init` writes it; people may edit it.
"""

import difflib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

NAME: Final = "settings.json"
_NOT_HERE: Final = frozenset({"data", "sandbox"})
"""`data` says where the file is; a sandbox is started by its option only."""


class InvalidSettingsFile(ValueError):
    """A settings file that cannot be used; its text names every fault, and no value."""


def faults(content: object, known: Collection[str]) -> list[str]:
    """What is wrong with the names of a settings object; values are checked as settings."""
    if not isinstance(content, dict):
        return ["it is not a JSON object"]
    unknown = [no_setting(name, name, known) for name in content if name not in known]
    return [*unknown, *(f"{name} cannot be set here" for name in content if name in _NOT_HERE)]


def no_setting(written: str, name: str, known: Collection[str]) -> str:
    """The fault of an unknown name, as it was written, with the known name that is nearest to it."""
    near = difflib.get_close_matches(name, known, n=1)
    meant = f": is {near[0]} meant?" if near else ""
    return f"there is no setting {written}{meant}"


def read(file: Path, known: Collection[str]) -> dict[str, Any]:
    """Read the settings file of a data directory; nothing if there is none.

    Raises:
        InvalidSettingsFile: it cannot be read, is no JSON object, or has an unknown setting.

    """
    try:
        content = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise InvalidSettingsFile(f"{file}: {error.strerror}") from None
    except ValueError:
        raise InvalidSettingsFile(f"{file}: it is not JSON") from None
    found = faults(content, known)
    if found:
        raise InvalidSettingsFile("\n".join(f"{file}: {fault}" for fault in found))
    return dict(content)


def write(file: Path, content: Mapping[str, Any]) -> None:
    """Replace the file at once; only its owner may read it."""
    new = file.with_name(f"{NAME}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
