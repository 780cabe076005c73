"""Every example of the documents is tried: no block without a test.

A block is run (`sh`, `console`, `python`), sent to the sandbox (`xml` and `json` that name a file), or tried by a
test elsewhere that is named here. Output and diagrams are `text`. A new page, block or language without a
test fails.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from switch import cli
from switch.change_catalogue import KINDS
from switch.clients import python
from switch.identity.enrolment import with_maker_half
from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.switch.stack import Stack

BLOCKS = blocks()

ELSEWHERE = {
    ("docs/adapters/tutorial.md", "console"): "tests/adapters/test_tutorial.py",
    ("docs/adapters/tutorial.md", "python"): "tests/adapters/test_tutorial.py",
    **{
        ("docs/integrate/fspiop.md", language): "tests/docs/test_fspiop.py"
        for language in ("sh", "toml", "json")
    },
    ("docs/integrate/bruno.md", "sh"): "tests/docs/test_bruno.py",
    **{
        ("docs/integrate/bulk.md", language): "tests/clients/test_payment_files.py"
        for language in ("sh", "python")
    },
    **{
        ("docs/integrate/conform.md", language): "tests/switch/conformance/test_page.py"
        for language in ("sh", "json")
    },
    **{
        ("docs/integrate/first-client.md", language): "tests/docs/test_first_client.py"
        for language in ("sh", "python", "ts")
    },
    ("docs/reference/ledger.md", "ledger"): "tests/ledger/test_reference.py",
    ("docs/reference/signatures.md", "python"): "tests/signing/test_documentation.py",
    ("docs/regulate/README.md", "console"): "tests/ledger/test_audit.py",
    ("docs/architecture.md", "mermaid"): "tests/docs/test_architecture.py",
    ("docs/operate/inbound.md", "mermaid"): "tests/switch/payments/test_inbound_uncertain.py",
    ("docs/quickstart.md", "sh"): "tests/docs/test_quickstart.py",
    ("README.md", "sh"): "tests/docs/test_quickstart.py",
    ("docs/operate/failover.md", "sh"): "tests/cluster/test_by_hand.py",
    ("docs/operate/many-machines.md", "haproxy"): "tests/cluster/test_many_machines.py",
    ("docs/operate/many-machines.md", "ini"): "tests/switch/processes/test_peers.py",
    **{
        ("docs/operate/failover.md", language): "tests/cluster/test_failover.py"
        for language in ("sql", "ini")
    },
    ("docs/operate/restore.md", "sh"): "tests/chaos/test_restore.py",
    ("docs/operate/witnesses.md", "sh"): "tests/docs/test_witnesses.py",
    ("docs/regulate/witnesses.md", "sh"): "tests/docs/test_witnesses.py",
    **{
        ("docs/operate/going-live.md", language): "tests/docs/test_going_live.py"
        for language in ("sh", "json", "python")
    },
    **{
        (f"docs/integrate/recipes/{page}.md", language): "tests/docs/test_recipes.py"
        for page, languages in {
            "README": ("sh",),
            "unknown-outcome": ("sh",),
            "reconcile": ("sh",),
            "qr": ("sh",),
            **dict.fromkeys(
                (
                    "pay",
                    "quote",
                    "verify-payee",
                    "status",
                    "recall",
                    "investigate",
                    "return",
                    "request-to-pay",
                    "statements",
                ),
                ("sh", "xml", "json"),
            ),
        }.items()
        for language in languages
    },
    **{
        (f"docs/rails/{country}.md", language): "tests/adapters/test_rails_docs.py"
        for country, language in (
            *((country, "xml") for country in ("BY", "IN", "KZ", "PK", "RU")),
            *((country, "json") for country in ("KG", "UZ")),
            ("KG", "http"),
            *((country, "text") for country in ("CN", "IR", "TJ")),
        )
    },
}
"""(Page, language) -> the test that tries those blocks."""

RUN_WHOLE = ("docs/integrate/keys.md", "docs/integrate/messages.md", "docs/reference/signatures.md")
"""Pages whose shell blocks are one session, with the files that the page names."""

FORMS = {
    "docs/rails/qr.md": "a code: tests/switch/api/test_qr.py",
    "docs/integrate/keys.md": "a key request: tests/switch/participants/test_agreement.py",
    "docs/integrate/events.md": "an event: tests/switch/webhooks/test_events_and_webhooks.py",
    "docs/integrate/fx-providers.md": "rates: tests/switch/api/test_fx.py",
    "docs/integrate/quotes.md": "a quote: tests/switch/payments/test_quotes.py",
    "docs/operate/cases.md": "a notice: tests/switch/cases/test_sending.py",
    "docs/operate/participants.md": "participant.onboard",
    "docs/operate/data-rules.md": "corridor.rules",
    "docs/operate/screening.md": "a question and an answer: tests/switch/screening/test_engine.py",
    "docs/operate/rails.md": "a connection: tests/switch/payments/test_rail_connection.py",
}
"""JSON that is no message: what reads it."""

READS = {
    "adapters list", "audit export", "audit keys", "change kinds", "change list", "dashboards", "doctor", "events",
    "ledger partitions", "migrate", "participant show", "people list", "people providers", "qr make", "qr read", "qr schemes", "rails breaks", "rails test",
    "payment", "rails reconcile", "report deliveries", "report list", "report made", "report make", "settlement calendar", "settlement list",
    "restore status", "settlement positions", "settlement show", "upgrade", "verify",
}  # fmt: skip
"""Commands that change nothing that another test would notice: run as they are printed."""

OTHERS = {"promtool", "pip", "psql", "curl", "python"}
ON_OTHER_MACHINES = {
    "docker", "helm", "kubectl", "systemctl", "systemd-sysusers", "/opt/payswitch/bin/pip",
    "apt-get", "python3", "install", "openssl", "echo", "cat", "cp", "chmod", "chown",
}  # fmt: skip
"""Programs of these pages: they need an engine, a cluster or root; tests/deploy checks the files."""
OF_GOING_LIVE = {"docs/operate/reports.md": {"mkdir", "ssh-keygen"}}
"""Programs of these pages that tests/docs/test_going_live.py runs."""
OF_OTHER_MACHINES = {"docs/operate/install.md", "docs/operate/deploy.md", "docs/operate/keys-of-answers.md"}


def of(*languages: str) -> list[Block]:
    return [b for b in BLOCKS if b.language in languages and (b.page, b.language) not in ELSEWHERE]


def test_every_block_has_a_language_and_a_test() -> None:
    known = {
        "sh",
        "console",
        "python",
        "ts",
        "sql",
        "ini",
        "xml",
        "json",
        "toml",
        "yaml",
        "text",
        "ledger",
        "mermaid",
        "haproxy",
        "http",
    }
    missing = [str(b) for b in BLOCKS if b.language not in known]
    assert missing == []
    assert {b.language for b in of("ledger", "python")} <= {"python"}
    assert all((ROOT / place).is_file() for place in ELSEWHERE.values())
    used = {(b.page, b.language) for b in BLOCKS}
    assert ELSEWHERE.keys() <= used, "what is tried elsewhere is still there"


def test_text_is_sparing_and_hides_no_command() -> None:
    native = "docs/rails/"  # made from code
    texts = [b for b in BLOCKS if b.language == "text" and not b.page.startswith(native)]

    assert len(texts) <= 15, [str(b) for b in texts]
    assert not [
        str(b) for b in texts if re.search(r"^(\$ |payswitch [a-z]|curl |make )", b.text, re.MULTILINE)
    ]


_NAMED = re.compile(r"(?<![\w./-])(?:schemas|ledger|adapters|switch|tests|loadtests|docs)/[\w./*-]+")
_LINKED = re.compile(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_document_names_or_links_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = sorted({found[0].rstrip("./") for found in _NAMED.finditer(text)})
    whole = [name for name in named if not re.search(r"/(COUNTRY|NAME|CC)\b", name)]
    missing = [name for name in whole if not any(ROOT.glob(f"{name}*"))]

    assert missing == []
    assert [link for link in _LINKED.findall(text) if not (page.parent / link).exists()] == []


# ── pages whose commands are one session ─────────────────────────────────────────────────────────────────


@pytest.fixture
def place(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory as the documents have it: `.venv`, and `data` of a running sandbox; nothing more on the path."""
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "python").symlink_to(sys.executable)
    program = bin_ / "payswitch"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m switch.cli "$@"\n')
    program.chmod(0o755)
    (tmp_path / "data").symlink_to(stack.settings.data)
    monkeypatch.chdir(tmp_path)
    others = [folder for folder in os.environ["PATH"].split(":") if not (Path(folder) / "payswitch").exists()]
    monkeypatch.setenv("PATH", ":".join(others))
    monkeypatch.setenv("PAYSWITCH_DATA", str(stack.settings.data))
    return tmp_path


def here(stack: Stack, text: str) -> str:
    """The text with the address of the tests' sandbox."""
    return text.replace("127.0.0.1:8320", stack.url.removeprefix("http://"))


def shell(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=False, timeout=240)


def save_files(page: str, place: Path) -> None:
    for block in BLOCKS:
        if block.page == page and block.file:
            (place / block.file).write_text(block.text)


@pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "jq", "openssl"))), reason="curl, jq and openssl are needed"
)
@pytest.mark.parametrize("page", RUN_WHOLE)
def test_the_commands_of_a_page_work_one_after_the_other(page: str, stack: Stack, place: Path) -> None:
    save_files("docs/integrate/messages.md", place)
    write_schema(place / "pacs.008.001.14.xsd")
    if page == "docs/reference/signatures.md":  # it takes a payment that is ready to be sent
        subprocess.run(
            ".venv/bin/payswitch iso fresh payment.xml > fresh.xml && mv fresh.xml payment.xml",
            shell=True,
            check=True,
        )
    parts = [
        b for b in BLOCKS if b.page == page and b.language == "sh" and (b.page, b.language) not in ELSEWHERE
    ]
    script = "\n".join(part.text for part in parts)
    done = shell(here(stack, script))

    assert done.returncode == 0, done.stdout + done.stderr
    accepted = len(re.findall(r'<TxSts>ACCC|"TxSts":"ACCC"', done.stdout))
    assert accepted == script.count("curl ") + script.count("for file in same.json now.json"), done.stdout


def write_schema(path: Path) -> None:
    """A schema file in ISO's form, small."""
    namespace = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.14"
    path.write_text(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{namespace}" targetNamespace="{namespace}"'
        ' elementFormDefault="qualified"><xs:element name="Document" type="Document"/><xs:complexType name="Document">'
        '<xs:sequence><xs:element name="FIToFICstmrCdtTrf" type="FIToFICustomerCreditTransferV14"/></xs:sequence>'
        '</xs:complexType><xs:complexType name="FIToFICustomerCreditTransferV14"><xs:sequence>'
        '<xs:element name="MsgId" type="Max35Text"/></xs:sequence></xs:complexType><xs:simpleType name="Max35Text">'
        '<xs:restriction base="xs:string"><xs:minLength value="1"/><xs:maxLength value="35"/></xs:restriction>'
        "</xs:simpleType></xs:schema>"
    )


@pytest.mark.parametrize(
    "block", [b for b in of("python") if b.page == "docs/integrate/messages.md"], ids=str
)
def test_python_runs(block: Block, place: Path) -> None:
    save_files(block.page, place)
    names: dict[str, object] = {}

    exec(block.text, names)

    assert names["problems"] == []


def test_the_example_of_the_python_client_pays(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in the docstring of `switch.clients.python`, with this sandbox's address and key."""
    example = re.search(r"^    with.*?(?=^\S)", python.__doc__ or "", re.MULTILINE | re.DOTALL)
    assert example is not None
    monkeypatch.chdir(tmp_path)
    Path("key.pem").write_text(stack.participant("asha-bank")["private_key"])
    names: dict[str, Any] = {name: getattr(python, name) for name in python.__all__}

    exec(textwrap.dedent(example[0]).replace("https://switch.example", stack.url), names)

    assert names["state"].status == "ACCC"


# ── commands by the line ─────────────────────────────────────────────────────────────────────────────────

LINES = [
    (block, line) for block in of("sh", "console") if block.page not in RUN_WHOLE for line in block.commands()
]


def leaf(words: list[str]) -> tuple[str, object, list[str]]:
    """The command that words name, and its arguments."""
    command, name = cli.command(words), []
    while hasattr(command, "commands") and not words[len(name) : len(name) + 1][0].startswith("-"):
        name.append(words[len(name)])
        command = command.commands[name[-1]]
    return " ".join(name), command, words[len(name) :]


@pytest.fixture(scope="module")
def ids(stack: Stack) -> dict[str, str]:
    """What examples call by a made-up name, as it is in the tests' sandbox."""

    def printed(*words: str) -> str:
        command = [sys.executable, "-m", "switch.cli", *words, "--data", str(stack.settings.data)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    uetr = json.loads(printed("pay", "asha-bank", "noor-wallet", "15.00"))["uetr"]
    window = printed("settlement", "close", "INR").strip()
    return {
        "UETR": uetr,
        "42": window,
        "window=1234": f"window={window}",
        "olga": "operator",
        "chen": "checker",
    }


@pytest.mark.parametrize(
    "block",
    [
        # The alerts' own tests run it too, and read every runbook's commands.
        pytest.param(
            block,
            id=str(block),
            marks=pytest.mark.long if "promtool test" in block.text or "/runbooks/" in block.page else (),
        )
        for block in sorted({b for b, _ in LINES}, key=str)
    ],
)
def test_each_command_is_run_or_at_least_accepted(
    block: Block, stack: Stack, place: Path, ids: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """What only reads is run; what changes something is read by its parser and its kind, and done in `test_operating.py`."""
    for file in (
        "asha.csr",
        "rates.csv",
        "silkroad-fx-1.pem",
        "camt054.xml",
        "camt054.xml.jws",
        "bundle.json",
        "FILE",
        "report.pub",
        "payment.json",
        "asha.pem",
        "certificate.json",
        "un.xml",
        "national.csv",
        "directory.csv",
    ):
        (place / file).touch()
    (place / "participant.json").write_text("{}")
    for line in (line for found, line in LINES if found == block):
        words = [ids.get(word, word) for word in shlex.split(line, comments=True)]
        if words[0] != "payswitch":
            other_program(stack, block.page, words, line)
            continue
        name, command, arguments = leaf(words[1:])
        if name in READS and not (name == "migrate" and "--dry-run" not in words):
            code = cli.run([word.replace("/var/lib/grafana", str(place)) for word in words[1:]])
            out, err = capfd.readouterr()
            assert code == 0 or (name == "doctor" and code == 1), (line, out[-500:], err)
            continue
        command.make_context(name, list(arguments)).close()
        if name == "change request":
            content = arguments[1].replace('"UETR"', f'"{ids["UETR"]}"')
            whole, _ = with_maker_half(arguments[0], json.loads(content))
            assert KINDS[arguments[0]].read(whole), line


def other_program(stack: Stack, page: str, words: list[str], line: str) -> None:
    """A line that is no command of ours."""
    allowed = (
        OTHERS | (ON_OTHER_MACHINES if page in OF_OTHER_MACHINES else set()) | OF_GOING_LIVE.get(page, set())
    )
    assert words[0] in allowed, line
    if words[0] == "promtool" and shutil.which("promtool"):
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    if words[0] == "curl":
        bank = stack.participant("asha-bank")
        key = (bank if page.startswith("docs/integrate/") else stack.credentials["people"]["operator"])[
            "bearer"
        ]
        done = shell(here(stack, f"KEY={key}; {line.replace('curl', 'curl -sS --fail-with-body', 1)}"))
        assert done.returncode == 0, done.stdout + done.stderr


# ── data ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("block", of("xml", "json"), ids=str)
def test_messages_and_other_data_are_of_the_stated_type(block: Block) -> None:
    """Messages that name a file are sent by the commands of their page; the rest is read by what it is for."""
    if block.language == "xml":
        assert block.file, f"{block}: name a file and send it, or say what tries it"
        etree.fromstring(re.sub(r"<\?xml[^>]*\?>", "", block.text).strip())
        return
    content = json.loads(block.text.replace("\\n...", "\\n"))
    if block.file:
        return
    assert block.page in FORMS, f"{block}: name a file and send it, or say what tries it"
    if FORMS[block.page] in KINDS:
        kind = KINDS[FORMS[block.page]]
        if "keys" in content:
            content["keys"][0]["request"] = "..."
        assert kind.read(content)


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_toml_is_read(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", of("yaml"), ids=str)
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_the_configuration_of_prometheus_is_one(block: Block, tmp_path: Path) -> None:
    for file in ("rules.yml",):
        shutil.copy(ROOT / "switch" / "alerts" / file, tmp_path)
    (tmp_path / "token").touch()
    text = re.sub(r"credentials_file: [^}\s]+", f"credentials_file: {tmp_path / 'token'}", block.text)
    (tmp_path / "prometheus.yml").write_text(text)
    subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], check=True, capture_output=True
    )


# ── help ─────────────────────────────────────────────────────────────────────────────────────────────────


def leaves(command: object, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words
    for name, found in (below or {}).items():
        yield from leaves(found, (*words, name))


LEAVES = tuple(leaves(cli.command()))


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_that_help_names_is_there(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*words, "--help"]) == 0
    printed = re.sub(r"(?<=[a-z])-\s+(?=[a-z])", "-", capfd.readouterr().out)  # help breaks lines at hyphens
    for named in re.findall(r"`payswitch ([a-z-]+(?: [a-z-]+)?)", " ".join(printed.split())):
        assert any(known[: len(named.split())] == tuple(named.split()) for known in LEAVES), named
