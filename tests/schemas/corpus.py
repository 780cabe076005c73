"""The third-party messages and official schemas that tests read where they are at hand.

`TEST_SHARED` names their directory; without it, `../shared` beside the repository is taken.
"""

import csv
import os
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from schemas import codec, examples
from schemas.catalogue import catalogue
from schemas.catalogue.model import Member
from schemas.plan import NAMESPACE

REPOSITORY = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TEST_SHARED", REPOSITORY.parent / "shared")) / "iso20022"
SAMPLES = Path(__file__).parent / "samples"
PACS_008 = SAMPLES / "pacs.008.001.08.xml"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="TEST_SHARED names no directory with iso20022/xsd, samples, codesets"
)


@dataclass(frozen=True)
class Sample:
    """One file of the corpus and what its collector found."""

    path: Path
    message: str
    header: str
    valid: bool

    @property
    def supported(self) -> bool:
        return self.message in catalogue().messages


@cache
def samples() -> tuple[Sample, ...]:
    """Every XML file of the corpus that is there."""
    if not SHARED.is_dir():
        return ()
    with (SHARED / "samples" / "manifest.csv").open(encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest))
    found = (
        Sample(
            path=SHARED / "samples" / row["file"],
            message=row["message"],
            header=row["header"],
            valid=row["document_valid"] == "True" and row["header_valid"] in {"True", ""},
        )
        for row in rows
    )
    return tuple(sample for sample in found if sample.path.suffix == ".xml" and sample.path.is_file())


@cache
def official(message: str) -> etree.XMLSchema:
    """The official schema, by libxml2."""
    return etree.XMLSchema(etree.parse(SHARED / "xsd" / f"{message}.xsd"))


def is_official(message: str, document: bytes) -> bool:
    """Whether libxml2 takes the document by the official schema."""
    return official(message).validate(etree.fromstring(document))


@cache
def documents() -> tuple[tuple[str, bytes], ...]:
    """(message, document alone) of valid messages: the project's own, then the corpus's."""
    own = [(path.stem, path.read_bytes()) for path in sorted(SAMPLES.glob("*.xml"))]
    found = []
    for sample in samples():
        if sample.valid and sample.supported:
            message = codec.inspect(sample.path.read_bytes(), media_type=codec.XML, max_bytes=1 << 26)
            found.append((message.id, codec.encode(message.id, message.document, media_type=codec.XML)))
    return tuple(own + found)


def random_document(message: str, chance: random.Random) -> dict[str, object]:
    """A valid document with optional members thrown in at random."""

    def wants(member: Member, depth: int) -> int:
        if depth > 7 or chance.random() > 0.35:
            return member.minimum
        return chance.choice((1, 1, 2)) if member.maximum not in {0, 1} else 1

    return examples.document(message, wants)


def document_messages() -> list[str]:
    """Every message of the catalogue but the headers."""
    return [message for message in catalogue().messages if not message.startswith("head.")]


def official_messages() -> list[str]:
    """Those of which the official schema is at hand: of investigations it is not."""
    return [message for message in document_messages() if message[:8] not in {"camt.110", "camt.111"}]


def namespace(message: str) -> str:
    """The namespace of a message."""
    return NAMESPACE + message
