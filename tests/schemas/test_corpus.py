"""Messages of third parties: all that are valid are read, kept whole and written; the others are refused."""

import pytest

from schemas import codec, files
from schemas.errors import InvalidMessage
from tests.schemas.corpus import Sample, documents, is_official, needs_shared, official, samples

LARGE = 1 << 26

SUPPORTED = [sample for sample in samples() if sample.supported]
VALID = [sample for sample in SUPPORTED if sample.valid]
INVALID = [sample for sample in SUPPORTED if not sample.valid]


def named(chosen: list[Sample]) -> list[object]:
    return [pytest.param(sample, id=sample.path.stem) for sample in chosen]


@needs_shared
def test_the_corpus_is_there():
    assert len(VALID) > 100
    assert len(INVALID) > 50


@pytest.mark.parametrize("sample", named(VALID))
def test_a_valid_message_survives_both_representations(sample):
    message = codec.inspect(sample.path.read_bytes(), media_type=codec.XML, max_bytes=LARGE)

    for media_type in (codec.XML, codec.JSON):
        written = codec.encode(
            message.id,
            message.document,
            media_type=media_type,
            header=message.header,
            header_id=message.header_id,
        )
        again = codec.inspect(written, media_type=media_type, max_bytes=LARGE)
        assert (again.id, again.document, again.header) == (message.id, message.document, message.header)
        assert codec.digest(again) == codec.digest(message)


@pytest.mark.parametrize("sample", named(VALID))
def test_what_is_written_is_valid_by_the_official_schema(sample):
    message = codec.inspect(sample.path.read_bytes(), media_type=codec.XML, max_bytes=LARGE)

    assert is_official(message.id, codec.encode(message.id, message.document, media_type=codec.XML))
    if message.header is not None:
        header = codec.element(message.header_id, "AppHdr", message.header)
        assert is_official(message.header_id, header.encode())


@pytest.mark.parametrize("sample", named(INVALID))
def test_an_invalid_message_is_refused_with_its_place(sample):
    with pytest.raises(InvalidMessage) as refusal:
        codec.inspect(sample.path.read_bytes(), media_type=codec.XML, max_bytes=LARGE)

    assert refusal.value.path or refusal.value.rule in {"envelope", "well-formed", "version", "text"}


@pytest.mark.parametrize("sample", named(SUPPORTED))
def test_the_check_of_a_file_agrees(sample):
    report = files.check(sample.path, scheme=None)

    assert report.valid == sample.valid
    assert report.message == sample.message


def test_documents_alone_are_valid_too():
    for message, document in documents():
        assert codec.decode(document, media_type=codec.XML, max_bytes=LARGE).id == message


@needs_shared
def test_the_official_schemas_can_be_checked_in_addition(monkeypatch):
    monkeypatch.setenv("PAYSWITCH_XSD", str(VALID[0].path.parents[2] / "xsd"))

    assert official(VALID[0].message) is not None
    assert all(files.check(sample.path, scheme=None).valid for sample in VALID[:20])
