"""How a file or a setting names a private key in a PKCS#11 token; its PIN is elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from switch.base import files

if TYPE_CHECKING:  # every command reads settings, and few open a key
    from schemas.signing.token import TokenKey

Label = Annotated[str, Field(min_length=1, max_length=64)]


class TokenReference(BaseModel):
    """The module, the token, the key and the source of the PIN. Paths are relative to a directory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    module: Path
    token: Label
    label: Label
    pin_file: Path | None = None
    pin_environment: str | None = None

    def faults(self, directory: Path) -> Iterator[str]:
        """Everything that is wrong with it; the token itself is not asked."""
        if (self.pin_file is None) == (self.pin_environment is None):
            yield "state either pin_file or pin_environment"
        elif self.pin_environment is not None and not os.environ.get(self.pin_environment):
            yield f"pin_environment: there is no {self.pin_environment} in the environment"
        elif self.pin_file is not None:
            fault = files.fault_of_secret(directory / self.pin_file)
            if fault:
                yield f"pin_file: {fault}"

    def key(self, directory: Path) -> "TokenKey":
        """The place of the key.

        Raises:
            OSError: the file of the PIN cannot be read.

        """
        if self.pin_environment is not None:
            pin = os.environ.get(self.pin_environment, "")
        else:
            pin = (directory / (self.pin_file or "")).read_text(encoding="utf-8").strip()
        from schemas.signing.token import TokenKey  # noqa: PLC0415 - see above

        return TokenKey(directory / self.module, self.token, self.label, pin)
