"""Header and document are found wherever an envelope has them, or refused: nothing is lost on the way."""

import pytest

from schemas import codec, examples, files
from schemas.errors import InvalidMessage
from tests.schemas.corpus import PACS_008

DOCUMENT = PACS_008.read_text("utf-8").partition("?>")[2]
HEAD = "urn:iso:std:iso:20022:tech:xsd:head.001.001."


def header(version: str = "02", message: str = "pacs.008.001.08", prefix: str = "") -> str:
    """A header; with a prefix, `AppHdr` itself is of the envelope's own namespace and its content is not."""
    content = {**examples.document(f"head.001.001.{version}"), "MsgDefIdr": message}
    written = codec.element(f"head.001.001.{version}", "AppHdr", content)
    if not prefix:
        return written
    inner = written.partition(">")[2].removesuffix("</AppHdr>")
    inner = inner.replace("</", "\0").replace("<", f"<{prefix}:").replace("\0", f"</{prefix}:")
    return f'<AppHdr xmlns:{prefix}="{HEAD}{version}">{inner}</AppHdr>'


def read(text: str) -> codec.Message:
    return codec.decode(text.encode(), media_type=codec.XML)


@pytest.mark.parametrize(
    "text",
    [
        "<Envelope>{header}{document}</Envelope>",
        "<Envelope>{document}{header}</Envelope>",
        '<Envelope xmlns="urn:other"><Head>{header}</Head>{document}</Envelope>',
        '<Envelope xmlns="urn:other"><Body>{document}</Body><A><B>{header}</B></A></Envelope>',
        '<Message xmlns="urn:tch"><Head/>{own_header}<Transfer>{document}</Transfer></Message>',
    ],
)
@pytest.mark.parametrize("version", ["01", "02", "03", "04"])
def test_a_header_is_found_at_any_place(text, version, tmp_path):
    both = text.format(header=header(version), own_header=header(version, prefix="h"), document=DOCUMENT)
    message = read(both)

    assert message.header_id == f"head.001.001.{version}"
    assert message.header["MsgDefIdr"] == "pacs.008.001.08"
    (tmp_path / "message.xml").write_text(both, "utf-8")
    for form in (codec.JSON, codec.XML):
        octets, _ = files.convert(tmp_path / "message.xml", to=form)
        again = codec.decode(octets, media_type=form)
        assert (again.header, again.header_id, again.document) == (
            message.header,
            message.header_id,
            message.document,
        )


@pytest.mark.parametrize(
    ("text", "rule", "path"),
    [
        ("<E>{header}{header}{document}</E>", "envelope", "AppHdr"),
        ("<E>{header}<F>{header}</F>{document}</E>", "envelope", "AppHdr"),
        ("<E>{document}{document}</E>", "envelope", "Document"),
        ("<E>{header}</E>", "envelope", "Document"),
        ('<E xmlns="urn:e"><AppHdr><BizMsgIdr>LOST</BizMsgIdr></AppHdr>{document}</E>', "version", "AppHdr"),
        ("<E><F><G><H>{header}</H></G></F>{document}</E>", "envelope", "F/G/H/AppHdr"),
        (f'<E><AppHdr xmlns="{HEAD}09"><Fr/></AppHdr>{{document}}</E>', "version", "AppHdr"),
        ("<E>{other}{document}</E>", "agreement", "AppHdr/MsgDefIdr"),
        (
            '<E><AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><A>x</A></AppHdr>{document}</E>',
            "version",
            "AppHdr",
        ),
    ],
)
def test_a_header_of_which_something_would_be_lost_is_refused_with_its_place(text, rule, path):
    filled = text.format(header=header(), document=DOCUMENT, other=header(message="pacs.002.001.10"))

    with pytest.raises(InvalidMessage) as refusal:
        read(filled)

    assert (refusal.value.rule, refusal.value.path) == (rule, path)
    assert not files.check_bytes(filled.encode(), "m.xml").valid


def test_a_header_form_that_nobody_filled_in_is_no_header_and_is_named():
    text = (
        f'<Message xmlns="urn:tch" xmlns:h="{HEAD}01"><AppHdr><h:Fr/><h:To/><h:BizMsgIdr/><h:MsgDefIdr/>'
        f"<h:CreDt>0001-01-01T00:00:00</h:CreDt></AppHdr>{DOCUMENT}</Message>"
    )

    report = files.check_bytes(text.encode(), "m.xml")

    assert report.valid
    assert [(warning.path, warning.rule) for warning in report.warnings if warning.rule == "beside"] == [
        ("AppHdr", "beside")
    ]


def test_what_an_envelope_holds_beside_the_message_is_named():
    text = f'<E xmlns="urn:e"><Head><Sender>X</Sender></Head>{DOCUMENT}</E>'

    assert read(text).beside == ("Head/Sender",)


def test_errors_of_header_and_document_come_together():
    text = f"<E>{header()}{DOCUMENT}</E>".replace("<BizMsgIdr>", "<BizMsgIdr/><BizMsgIdr>", 1)
    text = text.replace("<ChrgBr>SLEV", "<ChrgBr>OURS", 1).replace("<ChrgBr>SHAR", "<ChrgBr>OURS", 1)

    with pytest.raises(InvalidMessage) as refusal:
        read(text)

    paths = [problem.path for problem in refusal.value.problems]
    assert paths[0] == "AppHdr/BizMsgIdr"
    assert paths[-1] == "FIToFICstmrCdtTrf/CdtTrfTxInf/ChrgBr"


def test_the_id_of_a_cancellation_or_query_is_held_to_its_header():
    for message in ("camt.056.001.08", "camt.003.001.08", "pacs.008.001.08"):
        document = codec.element(message, "Document", examples.document(message))
        report = files.check_bytes(f"<E>{header(message=message)}{document}</E>".encode(), "m.xml")
        found = [warning.path for warning in report.warnings if warning.rule == "business-message-id"]
        (own,) = examples.document(message).values()
        is_same = "Example" in str(own)[:60] and header(message=message).count("<BizMsgIdr>Example<")
        assert bool(found) != bool(is_same)
