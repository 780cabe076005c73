"""Each rule beyond the schema: a valid payment that breaks it, the code, the place and the ISO reason."""

import copy
from dataclasses import replace

import pytest

from schemas import codec, examples, rules
from schemas.codes import code_sets
from schemas.reasons import Reason, ReturnReason
from schemas.rules import Addresses, Characters, Scheme, UnknownCodes
from tests.schemas.corpus import PACS_008

SAMPLE = codec.decode(PACS_008.read_bytes(), media_type=codec.XML)
ROOT = "FIToFICstmrCdtTrf"
TX = f"{ROOT}/CdtTrfTxInf"
DROP = object()


def changed(changes: dict[str, object], message: codec.Message = SAMPLE) -> codec.Message:
    """The message with the values at some paths replaced, added or dropped; still valid by the schema."""
    document = copy.deepcopy(message.document)
    for path, value in changes.items():
        place = next(iter(document.values()))
        *parents, last = path.split("/")
        for tag in parents:
            place = place.setdefault(tag, {})
            place = place[0] if isinstance(place, list) else place
        if value is DROP:
            del place[last]
        else:
            place[last] = value
    octets = codec.encode(message.id, document, media_type=codec.JSON)
    return codec.decode(octets, media_type=codec.JSON)


def findings(changes: dict[str, object], scheme: Scheme = rules.SWITCH) -> set[tuple[str, str, str]]:
    """(code, path, reason) of what refuses the changed sample."""
    found = rules.refusals(rules.check(changed(changes), scheme=scheme))
    return {(finding.code, finding.path.removeprefix(f"{ROOT}/"), finding.reason) for finding in found}


def test_the_sample_breaks_no_rule():
    assert rules.check(SAMPLE) == []


TWO = [SAMPLE.content["CdtTrfTxInf"][0]] * 2
KZT, INR = {"Ccy": "KZT", "Amt": "512340.50"}, {"Ccy": "INR", "Amt": "88250.00"}
BANK = {"FinInstnId": {"BICFI": "DEMOKZKA"}}
LINES = ["Floor 1", "Floor 2", "Floor 3"]

# fmt: off
ROWS = [
    ("two transactions", {"CdtTrfTxInf": TWO, "GrpHdr/NbOfTxs": "2"}, ("single-transaction", "CdtTrfTxInf", "AM18")),
    ("a number that is not theirs", {"GrpHdr/NbOfTxs": "2"}, ("number-of-transactions", "GrpHdr/NbOfTxs", "AM18")),
    ("a number with zeros in front", {"GrpHdr/NbOfTxs": "001"}, ("number-of-transactions", "GrpHdr/NbOfTxs", "AM18")),
    ("no number at all", {"GrpHdr/NbOfTxs": "000"}, ("number-of-transactions", "GrpHdr/NbOfTxs", "AM18")),
    ("a wrong control sum", {"GrpHdr/CtrlSum": "512340.51"}, ("control-sum", "GrpHdr/CtrlSum", "AM10")),
    ("a wrong total", {"GrpHdr/TtlIntrBkSttlmAmt": {"Ccy": "KZT", "Amt": "1.00"}}, ("control-sum", "GrpHdr/TtlIntrBkSttlmAmt", "AM10")),
    ("a total in another currency", {"GrpHdr/TtlIntrBkSttlmAmt": {"Ccy": "INR", "Amt": "512340.50"}}, ("control-sum", "GrpHdr/TtlIntrBkSttlmAmt", "AM10")),
    ("a method that is not taken", {"GrpHdr/SttlmInf/SttlmMtd": "COVE"}, ("settlement-method", "GrpHdr/SttlmInf/SttlmMtd", "CH16")),
    ("a settlement account at a clearing", {"GrpHdr/SttlmInf/SttlmAcct": {"Id": {"Othr": {"Id": "1"}}}}, ("settlement-account", "GrpHdr/SttlmInf/SttlmAcct", "CH17")),
    ("no UETR", {"CdtTrfTxInf/PmtId/UETR": DROP}, ("uetr", "CdtTrfTxInf/PmtId/UETR", "CH21")),
    ("a time without offset", {"GrpHdr/CreDtTm": "2026-11-23T14:05:07"}, ("offset", "GrpHdr/CreDtTm", "DT01")),
    ("an acceptance time without offset", {"CdtTrfTxInf/AccptncDtTm": "2026-11-23T14:05:07"}, ("offset", "CdtTrfTxInf/AccptncDtTm", "DT01")),
    ("nothing to pay", {"CdtTrfTxInf/IntrBkSttlmAmt": {"Ccy": "KZT", "Amt": "0.00"}}, ("amount", "CdtTrfTxInf/IntrBkSttlmAmt", "AM01")),
    ("a sign", {"CdtTrfTxInf/IntrBkSttlmAmt": {"Ccy": "KZT", "Amt": "+5.00"}}, ("amount", "CdtTrfTxInf/IntrBkSttlmAmt", "AM12")),
    ("an amount without whole part", {"CdtTrfTxInf/IntrBkSttlmAmt": {"Ccy": "KZT", "Amt": ".5"}}, ("amount", "CdtTrfTxInf/IntrBkSttlmAmt", "AM12")),
    ("a leading zero", {"CdtTrfTxInf/IntrBkSttlmAmt": {"Ccy": "KZT", "Amt": "05.00"}}, ("amount", "CdtTrfTxInf/IntrBkSttlmAmt", "AM12")),
    ("finer than the currency", {"CdtTrfTxInf/InstdAmt": {"Ccy": "JPY", "Amt": "5.5"}}, ("amount", "CdtTrfTxInf/InstdAmt", "AM12")),
    ("a currency that is none", {"CdtTrfTxInf/IntrBkSttlmAmt": {"Ccy": "ZZZ", "Amt": "5.00"}}, ("currency", "CdtTrfTxInf/IntrBkSttlmAmt", "AM11")),
    ("gold", {"CdtTrfTxInf/IntrBkSttlmAmt": {"Ccy": "XAU", "Amt": "5.00"}}, ("currency", "CdtTrfTxInf/IntrBkSttlmAmt", "AM11")),
    ("an account in no currency", {"CdtTrfTxInf/CdtrAcct/Ccy": "ZZZ"}, ("currency", "CdtTrfTxInf/CdtrAcct/Ccy", "AM11")),
    ("a wrong check digit", {"CdtTrfTxInf/CdtrAcct/Id": {"IBAN": "KZ87125KZT5004100100"}}, ("iban", "CdtTrfTxInf/CdtrAcct/Id/IBAN", "AC03")),
    ("the debtor's IBAN too short", {"CdtTrfTxInf/DbtrAcct/Id": {"IBAN": "KZ86125KZT500410010"}}, ("iban", "CdtTrfTxInf/DbtrAcct/Id/IBAN", "AC02")),
    ("a BIC of no country", {"CdtTrfTxInf/CdtrAgt/FinInstnId/BICFI": "DEMOZZKA"}, ("bic", "CdtTrfTxInf/CdtrAgt/FinInstnId/BICFI", "RC04")),
    ("the debtor's agent likewise", {"CdtTrfTxInf/DbtrAgt/FinInstnId/BICFI": "DEMOZZKA"}, ("bic", "CdtTrfTxInf/DbtrAgt/FinInstnId/BICFI", "RC03")),
    ("a wrong LEI", {"CdtTrfTxInf/CdtrAgt/FinInstnId/LEI": "00DEMOLEI00000000198"}, ("lei", "CdtTrfTxInf/CdtrAgt/FinInstnId/LEI", "BE15")),
    ("a country that is none", {"CdtTrfTxInf/Cdtr/PstlAdr/Ctry": "ZZ"}, ("country", "CdtTrfTxInf/Cdtr/PstlAdr/Ctry", "BE11")),
    ("an agent without name", {"CdtTrfTxInf/CdtrAgt": {"FinInstnId": {"Nm": "A bank"}}}, ("agent", "CdtTrfTxInf/CdtrAgt/FinInstnId", "RC04")),
    ("a debtor without name", {"CdtTrfTxInf/Dbtr/Nm": DROP}, ("name", "CdtTrfTxInf/Dbtr/Nm", "BE08")),
    ("a debtor named by a symbol", {"CdtTrfTxInf/Dbtr/Nm": "\U0001f600"}, ("name", "CdtTrfTxInf/Dbtr/Nm", "BE08")),
    ("a creditor named by points", {"CdtTrfTxInf/Cdtr/Nm": "..."}, ("name", "CdtTrfTxInf/Cdtr/Nm", "BE22")),
    ("a creditor without name", {"CdtTrfTxInf/Cdtr/Nm": DROP}, ("name", "CdtTrfTxInf/Cdtr/Nm", "BE22")),
    ("no account to debit", {"CdtTrfTxInf/DbtrAcct": DROP}, ("account", "CdtTrfTxInf/DbtrAcct", "AC02")),
    ("no account to credit", {"CdtTrfTxInf/CdtrAcct": DROP}, ("account", "CdtTrfTxInf/CdtrAcct", "AC03")),
    ("an address without town", {"CdtTrfTxInf/Cdtr/PstlAdr/TwnNm": DROP}, ("address", "CdtTrfTxInf/Cdtr/PstlAdr/TwnNm", "BE04")),
    ("an address without country", {"CdtTrfTxInf/Dbtr/PstlAdr/Ctry": DROP}, ("address", "CdtTrfTxInf/Dbtr/PstlAdr/Ctry", "BE07")),
    ("three free lines", {"CdtTrfTxInf/Dbtr/PstlAdr/AdrLine": LINES}, ("address", "CdtTrfTxInf/Dbtr/PstlAdr/AdrLine", "BE07")),
    ("an agent's address without town", {"CdtTrfTxInf/CdtrAgt/FinInstnId/PstlAdr": {"AdrLine": ["Abai 1"], "Ctry": "KZ"}}, ("address", "CdtTrfTxInf/CdtrAgt/FinInstnId/PstlAdr/TwnNm", "AGNT")),
    ("an agent's free lines", {"CdtTrfTxInf/IntrmyAgt1": {"FinInstnId": {"BICFI": "DEMOKZKA", "PstlAdr": {"TwnNm": "Almaty", "Ctry": "KZ", "AdrLine": LINES}}}}, ("address", "CdtTrfTxInf/IntrmyAgt1/FinInstnId/PstlAdr/AdrLine", "AGNT")),
    ("an intermediary after nobody", {"CdtTrfTxInf/IntrmyAgt2": BANK}, ("agent-chain", "CdtTrfTxInf/IntrmyAgt1", "CH21")),
    ("an intermediary after a gap", {"CdtTrfTxInf/IntrmyAgt1": BANK, "CdtTrfTxInf/IntrmyAgt3": BANK}, ("agent-chain", "CdtTrfTxInf/IntrmyAgt2", "CH21")),
    ("an account of no intermediary", {"CdtTrfTxInf/IntrmyAgt1Acct": {"Id": {"Othr": {"Id": "1"}}}}, ("agent-chain", "CdtTrfTxInf/IntrmyAgt1", "CH21")),
    ("an account of no previous agent", {"CdtTrfTxInf/PrvsInstgAgt2Acct": {"Id": {"Othr": {"Id": "1"}}}}, ("agent-chain", "CdtTrfTxInf/PrvsInstgAgt2", "CH21")),
    ("the initiator's free lines alone", {"CdtTrfTxInf/InitgPty": {"Nm": "x", "PstlAdr": {"AdrLine": LINES[:1]}}}, ("address", "CdtTrfTxInf/InitgPty/PstlAdr/Ctry", "BE07")),
    ("a rate between equal currencies", {"CdtTrfTxInf/InstdAmt": KZT}, ("exchange", "CdtTrfTxInf/XchgRate", "CH17")),
    ("a rate from nowhere", {"CdtTrfTxInf/InstdAmt": DROP}, ("exchange", "CdtTrfTxInf/InstdAmt", "CH21")),
    ("money that went missing", {"CdtTrfTxInf/InstdAmt": {"Ccy": "KZT", "Amt": "512400.50"}, "CdtTrfTxInf/XchgRate": DROP, "CdtTrfTxInf/ChrgsInf": DROP}, ("charges", "CdtTrfTxInf/ChrgsInf", "CH21")),
    ("two charges when the debtor bears them", {"CdtTrfTxInf/ChrgBr": "DEBT", "CdtTrfTxInf/ChrgsInf": [{"Amt": INR, "Agt": {"FinInstnId": {"BICFI": "DEMOINBB"}}}] * 2}, ("charges", "CdtTrfTxInf/ChrgsInf", "BE19")),
    ("a remittance of both kinds", {"CdtTrfTxInf/RmtInf/Strd": [{"AddtlRmtInf": ["x"]}]}, ("remittance", "CdtTrfTxInf/RmtInf", "RR07")),
    ("a long remittance", {"CdtTrfTxInf/RmtInf": {"Ustrd": ["x" * 140, "y"]}}, ("remittance", "CdtTrfTxInf/RmtInf/Ustrd", "RR07")),
    ("a very long structured remittance", {"CdtTrfTxInf/RmtInf": {"Strd": [{"AddtlRmtInf": ["x" * 140] * 3}] * 22}}, ("remittance", "CdtTrfTxInf/RmtInf/Strd", "RR07")),
    ("more instructions than anybody reads", {"CdtTrfTxInf/InstrForCdtrAgt": [{"InstrInf": "x" * 140}] * 15}, ("texts", "CdtTrfTxInf/InstrForCdtrAgt", "CH16")),
    ("an override that turns text around", {"CdtTrfTxInf/Cdtr/Nm": "abc\u202edef"}, ("characters", "CdtTrfTxInf/Cdtr/Nm", "RR10")),
    ("a space that nobody sees", {"CdtTrfTxInf/Cdtr/Nm": "abc\u200bdef"}, ("characters", "CdtTrfTxInf/Cdtr/Nm", "RR10")),
    ("a tab", {"CdtTrfTxInf/Cdtr/Nm": "abc\tdef"}, ("characters", "CdtTrfTxInf/Cdtr/Nm", "RR10")),
    ("a letter in two pieces", {"CdtTrfTxInf/Cdtr/Nm": "e\u0301"}, ("characters", "CdtTrfTxInf/Cdtr/Nm", "RR10")),
    ("a name of blanks", {"CdtTrfTxInf/Cdtr/Nm": "  "}, ("blank", "CdtTrfTxInf/Cdtr/Nm", "CH16")),
    ("an id that ends with a blank", {"CdtTrfTxInf/PmtId/EndToEndId": "X "}, ("blank", "CdtTrfTxInf/PmtId/EndToEndId", "CH16")),
    ("an id that is a blank", {"GrpHdr/MsgId": " "}, ("blank", "GrpHdr/MsgId", "CH16")),
    ("the second line of several", {"CdtTrfTxInf/RmtInf": {"Ustrd": ["x", "y\u202e"]}}, ("characters", "CdtTrfTxInf/RmtInf/Ustrd[2]", "RR10")),
]
# fmt: on


@pytest.mark.parametrize(("changes", "finding"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_a_broken_rule_is_found(changes, finding):
    assert finding in findings(changes)


@pytest.mark.parametrize(("changes", "finding"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_every_reason_is_of_the_official_set(changes, finding):
    for code, _, reason in findings(changes):
        assert reason in code_sets()["ExternalStatusReason1Code"], code


def test_every_reason_that_the_switch_sends_is_of_the_official_set():
    assert {str(reason) for reason in Reason} <= code_sets()["ExternalStatusReason1Code"]
    of_returns = (
        *("ExternalReturnReason1Code", "ExternalCancellationReason1Code"),
        "ExternalPaymentCancellationRejection1Code",
    )
    known = {code for name in of_returns for code in code_sets()[name]}
    assert {str(reason) for reason in ReturnReason} <= known - {str(reason) for reason in Reason}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"CdtTrfTxInf/Cdtr/Nm": "می\u200cخواهم"}, id="Persian with a joiner"),  # noqa: RUF001 - Persian it is
        pytest.param({"CdtTrfTxInf/Cdtr/Nm": "क्\u200dष"}, id="Devanagari with a joiner"),
        pytest.param({"CdtTrfTxInf/Cdtr/Nm": "北京纺织有限公司"}, id="Chinese"),
        pytest.param({"CdtTrfTxInf/Cdtr/PstlAdr/AdrLine": LINES[:2]}, id="a hybrid address"),
        pytest.param({"CdtTrfTxInf/Cdtr/PstlAdr": DROP}, id="no address"),
        pytest.param(
            {"CdtTrfTxInf/CdtrAgt/FinInstnId/PstlAdr": {"TwnNm": "Almaty", "Ctry": "KZ", "AdrLine": LINES[:2]}},
            id="an agent's hybrid address",
        ),
        pytest.param({"GrpHdr/CtrlSum": "512340.5"}, id="a control sum with fewer zeros"),
        pytest.param({"GrpHdr/TtlIntrBkSttlmAmt": KZT}, id="the right total"),
        pytest.param({"GrpHdr/CreDtTm": "2026-11-23T08:35:07.123Z"}, id="UTC as Z"),
        pytest.param({"CdtTrfTxInf/Dbtr/Nm": DROP, "CdtTrfTxInf/Dbtr/Id": {"OrgId": {"AnyBIC": "DEMOINBB"}}}, id="a BIC for a name"),
    ],
)  # fmt: skip
def test_what_is_unusual_and_breaks_no_rule(changes):
    assert findings(changes) == set()


SCHEMES = [
    (Addresses.ANY, {"CdtTrfTxInf/Cdtr/PstlAdr/TwnNm": DROP}, 0),
    (Addresses.STRUCTURED, {"CdtTrfTxInf/Cdtr/PstlAdr/AdrLine": LINES[:1]}, 1),
    (Addresses.HYBRID, {"CdtTrfTxInf/Cdtr/PstlAdr/AdrLine": LINES[:1]}, 0),
]


@pytest.mark.parametrize(("policy", "changes", "number"), SCHEMES)
def test_addresses_are_a_corridor_s_policy(policy, changes, number):
    assert len(findings(changes, replace(rules.SWITCH, addresses=policy))) == number


def test_an_unknown_code_is_refused_warned_of_or_ignored():
    message = changed({"CdtTrfTxInf/Purp/Cd": "ZZZZ"})
    by_policy = {
        policy: rules.check(message, scheme=replace(rules.SWITCH, unknown_codes=policy))
        for policy in UnknownCodes
    }

    (refusal,) = by_policy[UnknownCodes.REFUSE]
    (warning,) = by_policy[UnknownCodes.WARN]
    assert (refusal.code, refusal.path, refusal.warning) == ("unknown-code", f"{TX}/Purp/Cd", False)
    assert warning.warning
    assert by_policy[UnknownCodes.IGNORE] == []


def test_a_latin_scheme_names_every_text_that_it_cannot_carry():
    found = rules.check(SAMPLE, scheme=replace(rules.SWITCH, characters=Characters.LATIN))

    assert {finding.path for finding in found} == {
        f"{TX}/Cdtr/Nm",
        f"{TX}/Cdtr/PstlAdr/StrtNm",
        f"{TX}/Cdtr/PstlAdr/TwnNm",
    }


@pytest.mark.parametrize("name", ["pacs.009.001.08", "pacs.009.001.12", "pacs.004.001.09", "pacs.004.001.14"])
def test_every_message_that_settles_is_held_to_the_settlement_method(name):
    document = examples.document(name)
    (root,) = document
    group = document[root]["GrpHdr"]
    for method, account, expected in (
        ("CLRG", None, set()),
        ("COVE", None, {"settlement-method"}),
        ("CLRG", {"Id": {"Othr": {"Id": "1"}}}, {"settlement-account"}),
        ("INDA", {"Id": {"Othr": {"Id": "1"}}}, set()),
    ):
        group["SttlmInf"] = {"SttlmMtd": method} | ({"SttlmAcct": account} if account else {})
        octets = codec.encode(name, document, media_type=codec.JSON)
        found = rules.check(codec.decode(octets, media_type=codec.JSON))
        assert {one.code for one in found if "SttlmInf" in one.path} == expected


@pytest.mark.parametrize(
    ("amount", "refused"),
    [
        ("JPY 1", False), ("JPY 1.0", False), ("JPY 1.5", True), ("KWD 0.001", False), ("KWD 0.0001", True),
        ("KWD 1.23", False), ("INR 0.01", False), ("INR 0.001", True), ("INR 99999999999999.99", False),
        ("CLF 0.0001", False), ("CLF 99999999999999.99", True), ("INR 100000000000000.00", True),
        ("INR 0.00", True), ("XXX 1.00", True), ("XTS 1.00", True), ("XAU 1", True),
    ],
)  # fmt: skip
def test_an_amount_is_as_fine_and_as_large_as_its_currency(amount, refused):
    currency, digits = amount.split()
    found = findings({"CdtTrfTxInf/IntrBkSttlmAmt": {"Ccy": currency, "Amt": digits}})

    assert bool({one for one in found if one[0] in {"amount", "currency"}}) == refused


def test_a_scheme_may_demand_its_clearing_system():
    own = replace(rules.SWITCH, clearing_systems=frozenset({"PAYSWITCH"}))

    assert findings({}, own) == set()
    assert findings({"GrpHdr/SttlmInf/ClrSys": {"Prtry": "OTHER"}}, own)
    assert findings({"GrpHdr/SttlmInf/ClrSys": DROP}, own)


def test_supplementary_data_is_a_scheme_s_choice():
    changes = {"CdtTrfTxInf/SplmtryData": [{"Envlp": "<a></a>"}]}

    assert findings(changes) == set()
    assert findings(changes, replace(rules.SWITCH, supplementary_data=False))


def test_names_and_accounts_may_be_left_to_a_scheme():
    lenient = replace(rules.SWITCH, names_required=False, accounts_required=False)

    assert findings({"CdtTrfTxInf/Cdtr/Nm": DROP, "CdtTrfTxInf/DbtrAcct": DROP}, lenient) == set()


def test_another_message_id_in_the_header_is_a_warning():
    header = {
        "Fr": {"FIId": {"FinInstnId": {"BICFI": "DEMOINBB"}}},
        "To": {"FIId": {"FinInstnId": {"BICFI": "DEMOKZKA"}}},
        "BizMsgIdr": "OTHER",
        "MsgDefIdr": SAMPLE.id,
        "CreDt": "2026-11-23T14:05:07+05:30",
    }
    octets = codec.encode(SAMPLE.id, SAMPLE.document, media_type=codec.XML, header=header)

    (finding,) = rules.check(codec.decode(octets, media_type=codec.XML))

    assert (finding.code, finding.path, finding.warning) == ("business-message-id", "AppHdr/BizMsgIdr", True)
