"""The page about the bridge to Mojaloop: its tables are those of the code, and its messages are read by the code."""

import json
import re
import subprocess

import pytest

from switch import cli
from switch.fspiop import codec, ilp
from switch.fspiop.errors import FspiopProblem
from switch.fspiop.messages import MESSAGES
from switch.fspiop.settings import BadSettings, load
from tests.docs.fspiop import PAGE, page

TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- message: (\S+) -->\n```json\n(.*?)```", TEXT, re.DOTALL)


def test_the_tables_are_those_of_the_code():
    assert page(TEXT) == TEXT, "run python -m tests.docs.fspiop"


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_each_example_is_a_message(name, example):
    message = MESSAGES[name]
    body = codec.parse(example.encode())
    values = codec.read(message, body)

    assert codec.write(message, values) == json.loads(example)
    if "ilpPacket" in values:
        assert ilp.read(values["ilpPacket"]).terms["amount"] == {"currency": "INR", "amount": "100.00"}


def test_there_is_an_example_of_each_message_of_a_payment():
    assert {
        "parties.put",
        "quotes.post",
        "quotes.put",
        "transfers.post",
        "transfers.put",
        "transfers.putError",
    } <= {name for name, _ in EXAMPLES}


def test_the_refusal_is_that_of_the_code():
    quote = codec.parse(dict(EXAMPLES)["quotes.post"].encode())
    quote["CdtTrfTxInf"]["RgltryRptg"] = {"Dtls": {"Cd": "1"}}
    with pytest.raises(FspiopProblem) as caught:
        codec.read(MESSAGES["quotes.post"], quote)

    assert (
        json.loads(re.findall(r"gets 400:\n\n```json\n(.*?)```", TEXT, re.DOTALL)[0]) == caught.value.document
    )


def test_a_bridge_is_set_up_as_the_page_says(tmp_path):
    """The commands of the page, its settings, and the keys of a connector and a participant."""
    commands, service = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    (settings,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    theirs = [
        "openssl genrsa -out connector.pem 2048",
        "openssl pkey -in connector.pem -pubout -out dfsp.pem",
        "openssl genpkey -algorithm ed25519 -out asha-bank-1.pem",
    ]
    script = "\n".join(["set -e", commands, *theirs])
    subprocess.run(["sh", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "bridge.toml").write_text(settings)

    assert load(tmp_path / "bridge.toml").address == ("127.0.0.1", 8700)
    assert cli.run(["fspiop", "bridge", str(tmp_path / "bridge.toml"), "--check"]) == 0
    assert (tmp_path / "ilp.secret").stat().st_mode & 0o077 == 0

    *copies, start = service.splitlines()  # into a directory of ours, whose user there is not
    script = "\n".join(copies).replace("-o payswitch-bridge -g payswitch-bridge ", "")
    script = script.replace("/var/lib/payswitch-bridge", str(tmp_path / "service"))
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, capture_output=True)
    assert cli.run(["fspiop", "bridge", str(tmp_path / "service" / "bridge.toml"), "--check"]) == 0
    assert start == "systemctl enable --now payswitch-bridge.service"

    wrong = (
        settings.replace("127.0.0.1", "0.0.0.0")
        .replace('key_file = "asha-bank-1.pem"', "")
        .replace("hub", "x")
    )
    (tmp_path / "bridge.toml").write_text(f"unknown = 1\n{wrong}")
    with pytest.raises(BadSettings) as caught:
        load(tmp_path / "bridge.toml")
    assert {line.partition(":")[0] for line in str(caught.value).splitlines()} == {
        "unknown",
        "switch.key_file",
    }
    files = 'certificate_file = "ilp.secret"\ncertificate_key_file = "nothing.pem"\n'
    for shown in (files, files.replace("nothing", "callbacks")):
        (tmp_path / "bridge.toml").write_text(shown + settings)
        with pytest.raises(BadSettings, match=r"^certificate_file: "):
            load(tmp_path / "bridge.toml")
    (tmp_path / "bridge.toml").write_text(settings.replace("127.0.0.1", "0.0.0.0"))
    with pytest.raises(BadSettings, match="loopback"):
        load(tmp_path / "bridge.toml")
