"""Counts and sums that messages state about themselves."""

import copy

import pytest

from schemas import codec, examples, files
from schemas.catalogue import catalogue
from tests.schemas.corpus import PACS_008

PAIN_001 = "pain.001.001.09"
PAIN_013 = "pain.013.001.07"
PAIN_014 = "pain.014.001.07"


def found(message: str, document: dict) -> list[tuple[str, str]]:
    xml = codec.encode(message, document, media_type=codec.XML)
    report = files.check_bytes(xml, "m.xml")
    root = catalogue().messages[message].tag
    return [(problem.rule, problem.path.removeprefix(f"{root}/")) for problem in report.problems]


def initiation(number: str = "3", total: str = "4.75", part: tuple[str, str] = ("2", "3.50")) -> dict:
    document = examples.document(PAIN_001)
    content = document["CstmrCdtTrfInitn"]
    content["GrpHdr"] |= {"NbOfTxs": number, "CtrlSum": total}
    (batch,) = content["PmtInf"]
    (transfer,) = batch["CdtTrfTxInf"]

    def paid(amount: str) -> dict:
        return {**copy.deepcopy(transfer), "Amt": {"InstdAmt": {"Ccy": "EUR", "Amt": amount}}}

    content["PmtInf"] = [
        {**batch, "NbOfTxs": part[0], "CtrlSum": part[1], "CdtTrfTxInf": [paid("1.25"), paid("2.25")]},
        {**batch, "PmtInfId": "P2", "CdtTrfTxInf": [paid("1.25")]},
    ]
    return document


def test_an_initiation_whose_totals_are_right_passes():
    assert found(PAIN_001, initiation()) == []
    assert found(PAIN_001, initiation(number="003", total="4.750")) == []


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"number": "7"}, ("number-of-transactions", "GrpHdr/NbOfTxs")),
        ({"total": "999.99"}, ("control-sum", "GrpHdr/CtrlSum")),
        ({"part": ("7", "3.50")}, ("number-of-transactions", "PmtInf/NbOfTxs")),
        ({"part": ("2", "3.51")}, ("control-sum", "PmtInf/CtrlSum")),
    ],
)
def test_each_total_of_an_initiation_is_compared(changed, wrong):
    assert found(PAIN_001, initiation(**changed)) == [wrong]


def test_equivalent_amounts_count_as_what_they_are():
    document = initiation(total="5.75")
    document["CstmrCdtTrfInitn"]["PmtInf"][1]["CdtTrfTxInf"][0]["Amt"] = {
        "EqvtAmt": {"Amt": {"Ccy": "EUR", "Amt": "2.25"}, "CcyOfTrf": "USD"}
    }

    assert found(PAIN_001, document) == []


def test_a_request_to_pay_states_its_number_and_sum():
    document = examples.document(PAIN_013)
    (content,) = document.values()
    (batch,) = content["PmtInf"]
    for transfer in batch["CdtTrfTx"]:
        transfer["Amt"] = {"InstdAmt": {"Ccy": "INR", "Amt": "10"}}
    content["GrpHdr"] |= {"NbOfTxs": "2", "CtrlSum": "11"}

    wrong = found(PAIN_013, document)

    assert ("number-of-transactions", "GrpHdr/NbOfTxs") in wrong
    assert ("control-sum", "GrpHdr/CtrlSum") in wrong


def test_a_report_on_requests_adds_up_the_statuses():
    document = examples.document(PAIN_014)
    (content,) = document.values()
    content["OrgnlGrpInfAndSts"] |= {
        "OrgnlNbOfTxs": "3",
        "OrgnlCtrlSum": "30",
        "NbOfTxsPerSts": [
            {"DtldNbOfTxs": "1", "DtldSts": "ACCP", "DtldCtrlSum": "10"},
            {"DtldNbOfTxs": "2", "DtldSts": "RJCT", "DtldCtrlSum": "20"},
        ],
    }
    before = found(PAIN_014, document)
    content["OrgnlGrpInfAndSts"]["NbOfTxsPerSts"][1] |= {"DtldNbOfTxs": "3", "DtldCtrlSum": "25"}

    assert [each for each in found(PAIN_014, document) if each not in before] == [
        ("number-of-transactions", "OrgnlGrpInfAndSts/OrgnlNbOfTxs"),
        ("control-sum", "OrgnlGrpInfAndSts/OrgnlCtrlSum"),
    ]


# Statements

ROOTS = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def amount(text: str, currency: str = "EUR") -> dict:
    return {"Ccy": currency, "Amt": text}


def balance(code: str, text: str, direction: str = "CRDT", currency: str = "EUR") -> dict:
    return {
        "Tp": {"CdOrPrtry": {"Cd": code}},
        "Amt": amount(text, currency),
        "CdtDbtInd": direction,
        "Dt": {"Dt": "2026-11-23"},
    }


def entry(text: str, direction: str, status: str = "BOOK", currency: str = "EUR", **more: object) -> dict:
    return {
        "Amt": amount(text, currency),
        "CdtDbtInd": direction,
        "Sts": {"Cd": status},
        "BkTxCd": {"Prtry": {"Cd": "X"}},
        **more,
    }


def statement(name: str = "camt.053", **content: object) -> tuple[str, dict]:
    root, tag = ROOTS[name]
    if name == "camt.053":
        content = {"Bal": [balance("CLAV", "1")], **content}
    item = {"Id": "S", "Acct": {"Id": {"Othr": {"Id": "1"}}}, **content}
    group = {"MsgId": "M", "CreDtTm": "2026-11-23T10:00:00"}
    return f"{name}.001.08", {root: {"GrpHdr": group, tag: [item]}}


ENTRIES = [entry("10", "CRDT"), entry("4.50", "DBIT"), entry("99", "CRDT", "PDNG")]
SUMMARY = {
    "TtlNtries": {"NbOfNtries": "3", "Sum": "113.5", "TtlNetNtry": {"Amt": "104.5", "CdtDbtInd": "CRDT"}},
    "TtlCdtNtries": {"NbOfNtries": "2", "Sum": "109"},
    "TtlDbtNtries": {"NbOfNtries": "1", "Sum": "4.5"},
}


@pytest.mark.parametrize("name", ROOTS)
def test_a_summary_that_is_right_passes(name):
    assert found(*statement(name, TxsSummry=SUMMARY, Ntry=ENTRIES)) == []


@pytest.mark.parametrize("name", ROOTS)
@pytest.mark.parametrize(
    ("part", "stated", "rule"),
    [
        ("TtlNtries", {"NbOfNtries": "2"}, "number-of-entries"),
        ("TtlNtries", {"Sum": "113"}, "sum-of-entries"),
        ("TtlNtries", {"TtlNetNtry": {"Amt": "104.5", "CdtDbtInd": "DBIT"}}, "sum-of-entries"),
        ("TtlNtries", {"TtlNetNtry": {"Amt": "1", "CdtDbtInd": "CRDT"}}, "sum-of-entries"),
        ("TtlCdtNtries", {"NbOfNtries": "3"}, "number-of-entries"),
        ("TtlDbtNtries", {"Sum": "4.51"}, "sum-of-entries"),
    ],
)
def test_a_summary_that_is_wrong_is_found(name, part, stated, rule):
    summary = {**SUMMARY, part: {**SUMMARY[part], **stated}}

    (problem,) = found(*statement(name, TxsSummry=summary, Ntry=ENTRIES))

    assert problem[0] == rule
    assert f"TxsSummry/{part}" in problem[1]


def test_the_booked_entries_lead_from_the_opening_to_the_closing_balance():
    right = [balance("OPBD", "1", "DBIT"), balance("CLBD", "4.5"), balance("CLAV", "7")]
    wrong = [balance("OPBD", "1"), balance("CLAV", "7"), balance("CLBD", "4.5")]

    assert found(*statement(Bal=right, Ntry=ENTRIES)) == []
    assert found(*statement(Bal=wrong, Ntry=ENTRIES)) == [("balance", "Stmt/Bal[3]/Amt")]


@pytest.mark.parametrize(
    "content",
    [
        {"StmtPgntn": {"PgNb": "2", "LastPgInd": True}},
        {"StmtPgntn": {"PgNb": "1", "LastPgInd": False}},
        {"Ntry": [entry("10", "CRDT", currency="USD")]},
        {"Ntry": [], "TxsSummry": {"TtlNtries": {"NbOfNtries": "5"}}},
    ],
)
def test_what_is_not_complete_here_is_taken_as_stated(content):
    base = {"Bal": [balance("OPBD", "1"), balance("CLBD", "500")], "Ntry": ENTRIES}
    parts = {**base, **content}
    ordered = {tag: parts[tag] for tag in ("StmtPgntn", "Bal", "TxsSummry", "Ntry") if parts.get(tag)}

    assert found(*statement(**ordered)) == []


def test_a_batch_inside_an_entry_counts_its_transactions():
    details = [
        {
            "Btch": {"NbOfTxs": "3", "TtlAmt": amount("10"), "CdtDbtInd": "CRDT"},
            "TxDtls": [{"Amt": amount("4"), "CdtDbtInd": "CRDT"}, {"Amt": amount("5"), "CdtDbtInd": "CRDT"}],
        }
    ]

    assert found(*statement(Ntry=[entry("10", "CRDT", NtryDtls=details)])) == [
        ("number-of-transactions", "Stmt/Ntry/NtryDtls/Btch/NbOfTxs"),
        ("control-sum", "Stmt/Ntry/NtryDtls/Btch/TtlAmt"),
    ]


# What binds payments does not bind statements


@pytest.mark.parametrize("currency", ["HRK", "BGN", "DEM", "EEK"])
def test_a_statement_may_be_in_a_currency_of_the_past_and_a_payment_not(currency):
    assert found(*statement(Bal=[balance("OPBD", "10.00", currency=currency)])) == []

    document = examples.document("pacs.008.001.08")
    transfer = document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transfer |= {"IntrBkSttlmAmt": amount("10.00", currency), "InstdAmt": amount("10.00", currency)}
    assert ("currency", "CdtTrfTxInf/IntrBkSttlmAmt") in found("pacs.008.001.08", document)
    assert ("currency", "CdtTrfTxInf/InstdAmt") in found("pacs.008.001.08", document)


def test_a_currency_that_never_was_is_none_in_a_statement_either():
    assert found(*statement(Bal=[balance("OPBD", "10.00", currency="ZZZ")])) == [("currency", "Stmt/Bal/Amt")]


@pytest.mark.parametrize("text", ["000000000000149.87", "+149.87", ".87", "5.", "0.00"])
def test_a_statement_s_amount_has_any_form_that_the_schema_takes(text):
    assert found(*statement(Bal=[balance("OPBD", text)])) == []


def test_a_statement_s_time_without_offset_is_a_warning():
    message, document = statement(Bal=[balance("OPBD", "1")])
    report = files.check_bytes(codec.encode(message, document, media_type=codec.XML), "m.xml")

    assert report.valid
    assert [warning.rule for warning in report.warnings] == ["offset"]


@pytest.mark.parametrize("time", ["2026-11-23T24:00:00Z", "12026-11-23T10:00:00Z", "-2026-11-23T10:00:00Z"])
def test_a_time_of_which_no_payment_can_be_made_is_found_by_the_check(time):
    document = examples.document("pacs.008.001.08")
    document["FIToFICstmrCdtTrf"]["GrpHdr"]["CreDtTm"] = time

    assert ("instant", "GrpHdr/CreDtTm") in found("pacs.008.001.08", document)


def test_an_element_that_no_rail_takes_is_a_warning_of_the_check_not_a_problem():
    document = copy.deepcopy(codec.decode(PACS_008.read_bytes(), media_type=codec.XML).document)
    transfer = document["FIToFICstmrCdtTrf"]["CdtTrfTxInf"][0]
    transfer["InstrForNxtAgt"] = [{"Cd": "PHOA"}]
    xml = codec.encode("pacs.008.001.08", document, media_type=codec.XML)

    report = files.check_bytes(xml, "m.xml")

    assert report.valid
    (warning,) = (each for each in report.warnings if each.rule == "element-refused")
    assert warning.path == "FIToFICstmrCdtTrf/CdtTrfTxInf/InstrForNxtAgt/Cd"
    assert warning.text.endswith("the switch refuses a payment with this element")
