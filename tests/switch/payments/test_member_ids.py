"""The books follow the BIC of an agent, a rail may follow its member id: both must name one participant."""

import asyncio
import re
import uuid
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

import aiohttp
import pytest

from adapters import registry
from adapters.belarus.country import IBAN as BELARUS
from adapters.identifiers import kyrgyz_account
from adapters.iran.country import IBAN as IRAN
from adapters.kazakhstan.country import IBAN as KAZAKHSTAN
from adapters.pakistan.country import IBAN as PAKISTAN
from schemas.codec import Message
from schemas.errors import Refused
from schemas.payment import PartyAccount
from switch.change_catalogue import KINDS
from switch.payments import stated
from switch.payments.directory import Participant
from switch.sandbox import world
from switch.sandbox.setup import SandboxSetup
from tests.switch.api.test_doors import post as post_other
from tests.switch.payments.test_correspondence import REQUEST, request
from tests.switch.stack import Stack

Content = dict[str, Any]
OF_ANOTHER = {
    "asha-bank": "HDFC0000001",
    "jade-bank": "102100099996",
    "registan-bank": "00001",
    "pamir-bank": "350101001",
    "alborz-bank": "012",
    "volga-bank": "049999801",
}
"""A participant of each rail that has member ids -> the member id of another bank."""
WITHOUT_IDS = "indus-bank"
MEMBER = "FinInstnId/ClrSysMmbId/MmbId"


def agent(bic: str, member_id: str) -> Content:
    return {"FinInstnId": {"BICFI": bic, "ClrSysMmbId": {"MmbId": member_id}}}


async def post(stack: Stack, sender: str, message: str, document: Content) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {stack.participant(sender)['bearer']}", "Prefer": "wait=20"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{stack.url}/v1/iso20022/{message}", json=document) as answer:
            return answer.status, await answer.text()


def payment_to(stack: Stack, creditor: str) -> tuple[str, Content, Content]:
    """A payment from another country, its sender, and its transaction."""
    sender = "indus-bank" if creditor == "asha-bank" else "asha-bank"
    document = stack.document(sender, creditor)
    (transaction,) = document["Document"]["FIToFICstmrCdtTrf"]["CdtTrfTxInf"]
    return sender, document, transaction


@pytest.mark.parametrize("creditor", OF_ANOTHER)
async def test_money_of_one_bank_went_to_another_by_its_member_id(ten: Stack, creditor: str) -> None:
    sender, document, transaction = payment_to(ten, creditor)
    transaction["CdtrAgt"] = agent(ten.participant(creditor)["bic"], OF_ANOTHER[creditor])
    if creditor == "asha-bank":  # the rail makes the address of an account from the member id
        transaction["CdtrAcct"] = {"Id": {"Othr": {"Id": "123456789012"}}}

    status, text = await post(ten, sender, "pacs.008", document)

    assert (status, '"RJCT"' in text.replace(" ", ""), '"RC04"' in text) == (422, True, True), text
    assert f"CdtTrfTxInf/CdtrAgt/{MEMBER}" in text
    # Three figures may be in an id or an instant by chance.
    assert not re.search(rf"(?<![\w.:+-]){re.escape(OF_ANOTHER[creditor])}(?![\w:+-])", text)


@pytest.mark.parametrize("creditor", OF_ANOTHER)
async def test_a_bank_is_paid_by_its_own_member_id(ten: Stack, creditor: str) -> None:
    sender, document, transaction = payment_to(ten, creditor)
    bank = ten.participant(creditor)
    assert transaction["CdtrAgt"]["FinInstnId"]["ClrSysMmbId"]["MmbId"] == bank["member_id"]

    status, text = await post(ten, sender, "pacs.008", document)

    assert (status, '"ACCC"' in text) == (200, True), text


@pytest.mark.parametrize("tag", ["DbtrAgt", "InstgAgt", "InstdAgt", "IntrmyAgt1", "PrvsInstgAgt1"])
async def test_another_agent_of_a_payment_has_the_member_id_of_another_bank(ten: Stack, tag: str) -> None:
    _, document, transaction = payment_to(ten, "jade-bank")
    bank = ten.participant("jade-bank" if tag == "InstdAgt" else "asha-bank")
    transaction[tag] = agent(bank["bic"], "HDFC0000001")

    status, text = await post(ten, "asha-bank", "pacs.008", document)

    assert (status, '"AGNT"' in text) == (422, True), text


async def test_no_member_id_is_believed_of_a_bank_that_registered_none(ten: Stack) -> None:
    _, document, transaction = payment_to(ten, WITHOUT_IDS)
    transaction["CdtrAgt"] = agent(ten.participant(WITHOUT_IDS)["bic"], "ANY0000001")

    status, text = await post(ten, "asha-bank", "pacs.008", document)

    assert (status, '"RC04"' in text) == (422, True), text
    assert "participant.member_ids" in text


async def test_a_request_to_pay_names_its_creditor_agent_by_another_banks_member_id(ten: Stack) -> None:
    asha, indus = ten.participant("asha-bank"), ten.participant("indus-bank")
    jade = ten.participant("jade-bank")["member_id"]
    own, attack, payer = (request(ten, "asha-bank", uuid.uuid4().hex, "indus-bank") for _ in range(3))
    for document, member_id in ((own, asha["member_id"]), (attack, jade)):
        transfer(document)["CdtrAgt"] = agent(asha["bic"], member_id)
    payer["CdtrPmtActvtnReq"]["PmtInf"][0]["DbtrAgt"] = agent(indus["bic"], jade)

    assert (await post_other(ten, "asha-bank", "pain.013", REQUEST, own))[0] == 202
    for document, reason, path in ((attack, "RC04", "CdtrAgt"), (payer, "AGNT", "DbtrAgt")):
        status, problem = await post_other(ten, "asha-bank", "pain.013", REQUEST, document)
        assert (status, problem["reason"]) == (422, reason)
        assert problem["errors"][0]["path"].endswith(f"/{path}/{MEMBER}")


def transfer(document: Content) -> Content:
    found: Content = document["CdtrPmtActvtnReq"]["PmtInf"][0]["CdtTrfTx"][0]
    return found


async def test_an_id_that_two_people_registered_counts_and_is_shown(ten: Stack) -> None:
    _, document, transaction = payment_to(ten, WITHOUT_IDS)
    transaction["CdtrAgt"] = agent(ten.participant(WITHOUT_IDS)["bic"], "INDU0042")
    connection, link = await ten.connect(), ten.link()
    await link.start()
    try:
        async with connection.transaction():
            setup = SandboxSetup(connection, link, KINDS)
            ids = {"participant": WITHOUT_IDS, "member_ids": ["INDU", "PKSAND"]}
            await setup.make("participant.member_ids", ids)
    finally:
        await link.stop()
        await connection.close()
    async with ten.client(WITHOUT_IDS) as client:
        assert (await client.read(f"participants/{WITHOUT_IDS}"))["member_ids"] == ["INDU", "PKSAND"]
    async with asyncio.timeout(20):
        while True:
            transaction["PmtId"]["UETR"] = str(uuid.uuid4())
            status, text = await post(ten, "asha-bank", "pacs.008", document)
            if status == HTTPStatus.OK:
                break
            await asyncio.sleep(0.2)
    assert '"ACCC"' in text, text


@pytest.mark.parametrize(
    ("registered", "member_id", "own"),
    [
        (("OKBK",), "OKBK0000001", True),
        (("OKBK",), "OKBK0ABC123", True),
        (("OKBK",), " okbk0000001", True),
        (("OKBK",), "OKBC0000001", False),
        (("102100099996",), "102100099996", True),
        (("102100099996",), "10210009999", False),
        (("00001", "00002"), "00002", True),
        (("00001",), "00010", False),
        ((), "00001", False),
    ],
)
def test_an_id_is_registered_whole_or_by_its_beginning(
    registered: tuple[str, ...], member_id: str, *, own: bool
) -> None:
    bank = Participant("a-bank", "A", "ASHAINBB", "IN", "direct", "active", registered)

    assert bank.has_member_id(member_id) is own


def test_every_agent_of_a_message_is_read_and_one_of_no_participant_is_left() -> None:
    bank = Participant("a-bank", "A", "ASHAINBB", "IN", "direct", "active", ("OKBK",))
    stranger, own = agent("NOBODEFF", "HDFC0000001"), agent("ASHAINBBXXX", "OKBK0000001")
    fine = {"PmtRtr": {"TxInf": [{"OrgnlTxRef": {"DbtrAgt": own, "CdtrAgt": stranger}}]}}
    header = {"Fr": {"FIId": agent("ASHAINBB", "HDFC0000001")}}
    stated.check_member_ids(Message("pacs.004.001.09", fine), {"ASHAINBB": bank})
    with pytest.raises(Refused) as refused:
        stated.check_member_ids(Message("pacs.004.001.09", fine, header), {"ASHAINBB": bank})

    assert (refused.value.reason, refused.value.path) == ("AGNT", f"AppHdr/Fr/FIId/{MEMBER}")


def test_participants_of_the_sandbox_have_the_ids_that_their_payments_state() -> None:
    made = {bank.id: bank.member_ids for bank in world.participants()}

    assert {bank for bank in OF_ANOTHER if made[bank]} == set(OF_ANOTHER)
    assert made[WITHOUT_IDS] == ("PKSAND",)
    assert made["asha-bank"] == ("OKBK0000001", "@OKBANK")
    assert made["steppe-bank"] == ("KZ999",)


AT_ANOTHER = {
    "indus-bank": {"Id": {"IBAN": "PK36SCBL0000001123456702"}},
    "neman-bank": {"Id": {"IBAN": BELARUS.of("AKBB30141000000000000007")}},
    "alborz-bank": {"Id": {"IBAN": IRAN.of("0120000000000000000007")}},
    "steppe-bank": {"Id": {"IBAN": KAZAKHSTAN.of("1250000000000007")}},
    "asha-bank": {"Id": {"Othr": {"Id": "NOTPROVIDED"}}, "Prxy": {"Id": "asha@hdfcbank"}},
    "asha-bank by a branch": {"Id": {"Othr": {"Id": "123456789012@HDFC0000001.ifsc.npci"}}},
}
"""A participant -> an account at another bank of its country."""


@pytest.mark.parametrize("creditor", AT_ANOTHER)
async def test_money_of_one_bank_went_to_another_by_its_iban_or_address(ten: Stack, creditor: str) -> None:
    """The books credited the bank of the BIC, and the rail paid the bank that the account names."""
    account = AT_ANOTHER[creditor]
    sender, document, transaction = payment_to(ten, creditor.partition(" ")[0])
    transaction["CdtrAcct"] = account

    status, text = await post(ten, sender, "pacs.008", document)

    place = "Prxy/Id" if "Prxy" in account else f"Id/{'IBAN' if 'IBAN' in account['Id'] else 'Othr/Id'}"
    assert (status, '"RC04"' in text) == (422, True), text
    assert f"CdtTrfTxInf/CdtrAcct/{place}" in text
    assert "participant.member_ids" in text.replace('","', "")
    assert not any(word in text for word in ("SCBL", "AKBB", "hdfcbank", "HDFC"))


def bank(id_: str, *member_ids: str) -> Participant:
    return Participant(id_, id_, "BANKPKKA", "PK", "direct", "active", member_ids)


IBAN = PAKISTAN.of("SCBL0000001123456702")
KYRGYZ = kyrgyz_account("10901812345678")


@pytest.mark.parametrize(
    ("own", "others", "account", "refused"),
    [
        pytest.param((), (), PartyAccount(iban=IBAN), False, id="nobody-registered-any"),
        pytest.param((), ("PKSCBL",), PartyAccount(iban=IBAN), True, id="registered-for-another"),
        pytest.param(("PKHABB",), (), PartyAccount(iban=IBAN), True, id="another-one-registered"),
        pytest.param(("PKHABB", "PKSCBL"), (), PartyAccount(iban=IBAN), False, id="registered"),
        pytest.param(("INDU0042",), (), PartyAccount(iban=IBAN), False, id="only-a-clearing-id"),
        pytest.param(("@OKBANK",), (), PartyAccount(other="a.b@okBank"), False, id="handle-in-any-case"),
        pytest.param(("@OKBANK",), (), PartyAccount(other="a.b@okbank2"), True, id="a-longer-handle"),
        pytest.param((), ("@OKBANK",), PartyAccount(other="ab@okbank"), True, id="handle-of-another"),
        pytest.param(("OKBK",), (), PartyAccount(other="12@OKBK0000007.ifsc.npci"), False, id="own-branch"),
        pytest.param((), (), PartyAccount(other="12@OKBK0000007.ifsc.npci"), True, id="no-branch-registered"),
        pytest.param(("PKHABB",), ("PKSCBL",), PartyAccount(other="+92-3001234567"), False, id="a-phone"),
        pytest.param((), (), PartyAccount(other=KYRGYZ), False, id="nobody-registered-a-bik"),
        pytest.param((), ("KG109018",), PartyAccount(other=KYRGYZ), True, id="bik-of-another"),
        pytest.param(("KG129001",), (), PartyAccount(other=KYRGYZ), True, id="another-bik-registered"),
        pytest.param(("KG109",), ("KG129001",), PartyAccount(other=KYRGYZ), False, id="beginning-of-a-bik"),
        pytest.param(
            ("KG129001",), (), PartyAccount(other="+996550000001"), False, id="a-phone-beside-a-bik"
        ),
    ],
)
def test_the_bank_of_an_account_is_the_one_of_the_bic(
    own: tuple[str, ...], others: tuple[str, ...], account: PartyAccount, refused: bool
) -> None:
    country = "PK" if account.iban or (account.other or "").startswith("+92") else "IN"
    if account.other in {KYRGYZ, "+996550000001"}:
        country = "KG"
    agent_of_bic, other = bank("own", *own), bank("other", *others)
    expected = pytest.raises(Refused, match="is an account of a bank") if refused else nullcontext()

    with expected:
        forms = registry.profile(country).creditor
        stated.check_creditor_account(account, forms, agent_of_bic, [agent_of_bic, other])
