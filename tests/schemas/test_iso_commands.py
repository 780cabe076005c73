"""`payswitch iso ...` on files that the project has never seen."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas import codec
from schemas.catalogue import catalogue, notation
from switch.cli.iso import app
from tests.schemas.corpus import PACS_008, SHARED, needs_shared
from tests.schemas.test_attacks import HEADER

SAMPLE = codec.decode(PACS_008.read_bytes(), media_type=codec.XML)
BODY = codec.element(SAMPLE.id, "Document", SAMPLE.document)
HEAD = codec.element("head.001.001.02", "AppHdr", HEADER)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def checked(*arguments: object) -> list[dict[str, object]]:
    return [json.loads(line) for line in run("check", *arguments).stdout.splitlines()]


def test_a_good_file_is_one_line_and_exit_0():
    result = run("check", PACS_008)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "file": str(PACS_008),
        "message": "pacs.008.001.08",
        "valid": True,
        "problems": [],
        "warnings": [],
    }


def test_one_bad_file_among_good_ones_is_exit_1(tmp_path):
    bad = tmp_path / "bad.xml"
    bad.write_text(BODY.replace("<EndToEndId>INVOICE-2026-1187</EndToEndId>", ""))
    result = run("check", PACS_008, bad, PACS_008)
    reports = [json.loads(line) for line in result.stdout.splitlines()]

    assert result.exit_code == 1
    assert [report["valid"] for report in reports] == [True, False, True]
    assert reports[1]["message"] == "pacs.008.001.08"
    assert reports[1]["problems"] == [
        {
            "path": "FIToFICstmrCdtTrf/CdtTrfTxInf/PmtId/EndToEndId",
            "rule": "missing",
            "text": "is missing",
            "line": 1,
            "column": BODY.index("<PmtId>") + 1,
        }
    ]


def test_schema_only_leaves_the_scheme_s_rules_out(tmp_path):
    path = tmp_path / "no-uetr.xml"
    path.write_text(BODY.replace(f"<UETR>{SAMPLE.content['CdtTrfTxInf'][0]['PmtId']['UETR']}</UETR>", ""))

    assert run("check", path).exit_code == 1
    assert checked(path)[0]["problems"][0]["rule"] == "uetr"
    assert run("check", "--schema-only", path).exit_code == 0


ENVELOPES = {
    "bare document": BODY,
    "bare document, prefixed": BODY.replace("<", "<d:").replace("<d:/", "</d:").replace("xmlns=", "xmlns:d="),
    "an envelope without namespace": f"<Envelope>{HEAD}{BODY}</Envelope>",
    "an envelope with one": f'<e:Message xmlns:e="urn:some:bank">{HEAD}{BODY}</e:Message>',
    "two envelopes": f"<Outer><Trace>1</Trace><Payload>{HEAD}{BODY}</Payload></Outer>",
    "header and document in boxes of their own": f"<Bus><Hdr>{HEAD}</Hdr><Doc>{BODY}</Doc></Bus>",
    "comments all over": f"<!-- a --><Envelope><!-- b -->{HEAD}<!-- c -->{BODY}</Envelope><!-- d -->",
    "no Document element": "<Message xmlns='urn:x'>"
    + HEAD
    + BODY.removesuffix("</Document>")
    .partition(">")[2]
    .replace(
        "<FIToFICstmrCdtTrf>", '<FIToFICstmrCdtTrf xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08">', 1
    )
    + "</Message>",
    "JSON": codec.encode(SAMPLE.id, SAMPLE.document, media_type=codec.JSON, header=HEADER).decode(),
    "JSON, pretty": json.dumps(
        {"Document": SAMPLE.document, "AppHdr": HEADER}, indent=4, ensure_ascii=True, sort_keys=True
    ),
}


@pytest.mark.parametrize("text", ENVELOPES.values(), ids=ENVELOPES)
def test_any_envelope_is_checked_and_converted_both_ways(tmp_path, text):
    path = tmp_path / "message"
    path.write_text(text, encoding="utf-8")

    assert checked(path)[0]["problems"] == []
    for form, media_type in (("xml", codec.XML), ("json", codec.JSON)):
        converted = run("convert", "--to", form, path)
        assert converted.exit_code == 0
        again = tmp_path / form
        again.write_bytes(converted.stdout_bytes)
        message = codec.decode(again.read_bytes(), media_type=media_type)
        assert message.document == SAMPLE.document
        assert message.header == (None if "bare" in text or not message.header else HEADER)
        back = run("convert", "--to", form, again)
        assert back.stdout_bytes == converted.stdout_bytes


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "well-formed"),
        (b"not a message", "well-formed"),
        (b"{", "well-formed"),
        (b"<Document/>", "envelope"),
        (BODY.replace("pacs.008.001.08", "pacs.008.001.07").encode(), "version"),
        (b"\xff\xfe" + BODY.encode("utf-16-le"), "encoding"),
    ],
)
def test_files_that_are_no_message_are_reported_not_thrown(tmp_path, content, rule):
    path = tmp_path / "file"
    path.write_bytes(content)
    (report,) = checked(path)

    assert report["valid"] is False
    assert report["problems"][0]["rule"] == rule
    assert run("convert", "--to", "json", path).exit_code == 1


def test_a_header_that_names_another_message_is_reported(tmp_path):
    path = tmp_path / "message.xml"
    path.write_text(f"<E>{HEAD.replace('pacs.008.001.08<', 'pacs.009.001.08<')}{BODY}</E>")
    (report,) = checked(path)

    assert report["problems"][0]["rule"] == "agreement"
    assert checked("--schema-only", path)[0]["valid"] is True


@needs_shared
def test_import_adds_a_message_to_a_catalogue_of_one_s_own(tmp_path):
    own = tmp_path / "catalogue"
    for _ in range(2):
        result = run("import", SHARED / "xsd" / "pacs.008.001.08.xsd", "--into", own)
        assert result.exit_code == 0
        assert json.loads(result.stdout)["message"] == "pacs.008.001.08"

    assert notation.read(own).types == catalogue().reachable("pacs.008.001.08")


def test_import_states_why_it_refuses(tmp_path):
    path = tmp_path / "bad.xsd"
    path.write_text("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>")
    result = run("import", path, "--into", tmp_path)

    assert result.exit_code == 1
    assert "is not an ISO 20022 schema" in str(result.exception)
    assert not Path(tmp_path / "messages.txt").exists()


def test_schema_prints_a_json_schema():
    assert json.loads(run("schema", "pacs.008.001.08").stdout)["$id"] == "urn:payswitch:pacs.008.001.08"
    assert run("schema", "pacs.008.001.99").exit_code == 1
