"""Validation by official schema files, optional and in addition to the catalogue.

The files are `pacs.008.001.08.xsd` and so on, in one directory. They are read once and only from that
directory; nothing is downloaded.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, Final

from lxml import etree

from schemas import codec, foreign
from schemas.errors import InvalidMessage

SETTING: Final = "PAYSWITCH_XSD"
"""Environment variable that names the directory."""


def check_where_set(message: codec.Message) -> None:
    """Validate a decoded message by the official schemas, if the environment names their directory.

    Raises:
        InvalidMessage: as `check`.

    """
    directory = os.environ.get(SETTING)
    if directory:
        check(message, Path(directory))


def check(message: codec.Message, directory: Path) -> None:
    """Validate a decoded message, including its header, by the official schemas.

    Raises:
        InvalidMessage: libxml2 refuses it by the official schema, or there is no such file.

    """
    if message.header is not None and message.header_id is not None:
        _validate(message.header_id, codec.element(message.header_id, "AppHdr", message.header), directory)
    _validate(message.id, codec.element(message.id, "Document", message.document), directory)


def _validate(definition: str, text: str, directory: Path) -> None:
    schema = _schema(directory / f"{definition}.xsd")
    if schema is None:
        raise InvalidMessage(f"there is no official schema of {definition}", rule="version")
    if not schema.validate(etree.fromstring(text.encode(), foreign.new_parser())):
        log: Any = schema.error_log
        kind = f": {log.last_error.type_name}" if log.last_error is not None else ""
        raise InvalidMessage(f"the official schema refuses it{kind}", rule="official-schema")


@cache
def _schema(path: Path) -> etree.XMLSchema | None:
    if not path.is_file():
        return None
    return etree.XMLSchema(etree.parse(path, foreign.new_parser()))
