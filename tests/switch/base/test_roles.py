"""The rights of the database's roles: each process may run its statements, and nothing that it must not."""

import ast
import gc
import re
from collections.abc import Iterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

import ledger
import switch
from ledger.roles import GRANTED, PROCESSES, REGULATOR, Login
from switch.base import database
from switch.payments import reconciliation, search
from switch.statistics import making
from tests.ledger.test_columns import DECLARED
from tests.switch.stack import Stack

W, A, C, M, R = Login.WRITER, Login.API, Login.CARETAKER, Login.MESSENGER, Login.READER
OWNER: frozenset[str] = frozenset()
"""Statements of the owner: of an operator's commands, and of the sandbox's first start."""
ELSEWHERE: frozenset[str] = frozenset()
"""Statements for exported files, not for PostgreSQL."""

# Which roles run the statements of a module; the longest name counts.
# fmt: off
RUN_BY: dict[str, tuple[str, ...] | frozenset[str]] = {
    "ledger.archive":                 (A, C, R),
    "ledger.audit":                   (A, C, M, R),
    "ledger.audit/add_cosignature":   (A, M),
    "ledger.audit/audit_grow":        (C,),
    "ledger.audit/add_checkpoint":    (C,),
    "ledger.detach":                  OWNER,
    "ledger.migrate":                 OWNER,
    "ledger.migrate/_APPLIED":        (W, A, C, M, R),
    "ledger.migrate/_HAS_HISTORY":    (W, A, C, M, R),
    "ledger.partitions":              (C, R),
    "ledger.partitions/add_partitions": (C,),
    "ledger.positions":               (A, C, R),
    "ledger.roles":                   OWNER,
    "ledger.silence":                 (W, A, C, M, R),
    "ledger.statements":              (A, R),
    "ledger.verify":                  (C, R),
    "ledger.windows":                 (A, C, R),
    "ledger.writer":                  (W,),
    "switch.api":                     (A,),
    "switch.approvals":               (A, C),
    "switch.approvals.causes":        (W,),
    "switch.approvals.content/account_number": (W, A, C),
    "switch.participants.changes/_NUMBER": (W, A, C),
    "switch.participants.changes/_accounts": (W, A, C),
    "switch.participants.resolution/returnable_payment": (W, A, C),
    "switch.approvals.approvals/add_change": (A,),
    "switch.approvals.approvals/add_vote": (A,),
    "switch.approvals.approvals/_check_active": (A,),
    "switch.approvals.approvals/approved_changes": (C,),
    "switch.approvals.approvals/begin_execution": (C,),
    "switch.approvals.approvals/due_changes": (C,),
    "switch.base":                    (A, C, R),
    "switch.base.installation":       (W, A, C, M, R),
    "switch.base.installation/state_installation": OWNER,
    "switch.cli":                     (R,),
    "switch.cli.preflight/latest_sealed_key": (A, C),
    "switch.cli.preflight/is_seal_needed": (A,),
    "switch.cli.doctor":              OWNER,
    "switch.cli.steps":               OWNER,
    "switch.identity":                (A,),
    "switch.identity.guesses/forget_failures": (C,),
    "switch.identity.enrolment/add_first": OWNER,
    "switch.identity.enrolment/create_first": OWNER,
    "switch.identity.nonces/forget_nonces": (C,),
    "switch.identity.notices/forget_old": (C,),
    "switch.identity.providers/end_sessions_of_issuer": (A, C),
    "switch.identity.providers/identity_providers": (A, C, R),
    "switch.identity.sessions/end_all": (A, C),
    "switch.identity.sessions/forget_old": (C,),
    "switch.operations.caused":       (R,),
    "switch.operations.export":       (R,),
    "switch.operations.export/monthly": ELSEWHERE,
    "switch.operations.export/exported_odd_payment": ELSEWHERE,
    "switch.operations.export/exported_sums": ELSEWHERE,
    "switch.operations.facts":        (C,),
    "switch.operations.housekeeping": OWNER,
    "switch.operations.invariants":   (C,),
    "switch.operations.oversight":    (A,),
    "switch.operations.reopen":       (A, C, R),
    "switch.operations.restored":     (W,),
    "switch.operations.retention":    (C,),
    "switch.operations.unfreeze":     (A, C),
    "switch.operations.upgrade":      OWNER,
    "switch.operations.verify":       (C, R),
    "switch.operations.witness_changes": (A, C),
    "switch.operations.witness_pushing": (M,),
    "switch.operations.witnesses":    (A, C, R),
    "switch.operations.witnesses/witness_cosigned": (A,),
    "switch.pages":                   (A, R),
    "switch.pages.charts":            (A,),
    "switch.pages.country":           (R,),
    "switch.participants":            (A, C),
    "switch.participants.liquidity/_change": (C,),
    "switch.participants.keys/_END_OWN": (A,),
    "switch.participants.people/add_invited": (A,),
    "switch.participants.reads":      (A,),
    "switch.payments.correspondence": (A,),
    "switch.payments.directory":      (A,),
    "switch.payments.dossier":        (A,),
    "switch.payments.erasure":        OWNER,
    "switch.payments.events":         (A, M),
    "switch.payments.journey":        (A, R),
    "switch.payments.own_uetrs":      (A, R),
    "switch.payments.own_uetrs/add_own_uetr": (A,),
    "switch.payments.own_uetrs/sender_of_uetr": (A,),
    "switch.payments.rail_register":  (A, C),
    "switch.payments.rails":          (A, C),
    "switch.payments.reach":          (A,),
    "switch.payments.reconciliation": (A, C),
    "switch.payments.reconciliation/add_breaks": (C,),
    "switch.payments.reconciliation/add_cycle": (C,),
    "switch.payments.reconciliation/add_cycle_line": (C,),
    "switch.payments.reconciliation/add_restore_lines": (C,),
    "switch.payments.reconciliation/note_restore_rail_seen": (C,),
    "switch.payments.reconciliation/set_restore_rail_read": (C,),
    "switch.payments.returnable":     (W, A, C),
    "switch.payments.search":         (A,),
    "switch.payments.signatures":     (W,),
    "switch.processes.caretaker":     (C,),
    "switch.processes.due_work":      (C,),
    "switch.processes.lease":         (W,),
    "switch.processes.process":       (C, M),
    "switch.reports":                 (R,),
    "switch.reports.parties":         (C,),
    "switch.reports.pattern_rules/add_rules": (A,),
    "switch.reports.probes":          (C,),
    "switch.reports.regulators":      OWNER,
    "switch.reports.service":         (A,),
    "switch.sandbox":                 OWNER,
    "switch.settlement":              (A, C),
    "switch.settlement.causes":       (W,),
    "switch.settlement.day/add_confirmation": (A,),
    "switch.settlement.day/result_of_confirmation": (A,),
    "switch.settlement.day/set_processed": (C,),
    "switch.settlement.day/unprocessed_confirmations": (C,),
    "switch.settlement.day/add_delivery": (C,),
    "switch.settlement.day/add_line":  (C,),
    "switch.settlement.day/add_settlement": (C,),
    "switch.settlement.day/carry_lines": (C,),
    "switch.settlement.day/instruct":  (C,),
    "switch.settlement.day/open_settlement": (C,),
    "switch.settlement.day/set_instructed": (C,),
    "switch.settlement.day/take_settled_before": (C,),
    "switch.settlement.delivery":     (C,),
    "switch.statistics":              (A, R),
    "switch.statistics.making":       (C,),
    "switch.statistics.making/fact_mark": (C, R),
    "switch.statistics.making/payment_facts": (C, R),
    "switch.statistics.making/payment_time_facts": (C, R),
    "switch.statistics.making/wrong_payment_facts": (R,),
    "switch.statistics.making/wrong_payment_time_facts": (R,),
    "switch.statistics.making/rebuild": OWNER,
    "switch.webhooks.changes":        (A, C),
    "switch.webhooks.delivery":       (M,),
    "switch.webhooks.registry":       (A,),
    "switch.webhooks.signing":        (A, C, M),
    "switch.webhooks.signing/_take_up": (M,),
    "switch.writer":                  (W,),
    "switch.writer.audit_notes":      (C,),
    "switch.writer.audit_notes/add_note": (A, C),
}
# fmt: on

COMPOSED = {
    "switch.payments.reconciliation/add_breaks": reconciliation._BREAKS,
    "switch.statistics.making/add_availability_facts": making._ADD_AVAILABILITY,
    "switch.statistics.making/add_payment_facts": making._ADD_PAYMENTS,
    "switch.statistics.making/add_payment_time_facts": making._ADD_TIMES,
    "switch.statistics.making/wrong_payment_facts": making._WRONG_PAYMENTS,
    "switch.statistics.making/wrong_payment_time_facts": making._WRONG_TIMES,
    "switch.payments.search/find_payments": search._FOUND[False],
}
"""Statements whose files have a place for another."""

OF_REGULATORS = re.compile(r"\bregulator\.")
_VERBS = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|LOCK TABLE)\s")
_TABLES = re.compile(r"\b(switch|ledger|regulator|migration)\.\w+|pg_\w+")


class Statement(NamedTuple):
    """One statement, and where it is: `module/name` or `module/function`."""

    place: str
    text: str


def statements() -> Iterator[Statement]:
    """Every statement of the code: those in files, and short ones in the modules."""
    for package in (ledger, switch):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            module = ".".join((package.__name__, *path.relative_to(root).with_suffix("").parts))
            yield from _of_module(module.removesuffix(".__init__"), path)


def _of_module(module: str, path: Path) -> Iterator[Statement]:
    text = path.read_text()
    tree = _parse(text)
    for name in re.findall(r'statement\("(\w+)"\)|statements\("[\w.]+"\)\("(\w+)"\)', text):
        file = "".join(name)
        for folder in (path.parent / "sql", Path(ledger.__path__[0]) / "sql"):
            if (folder / f"{file}.sql").is_file():
                stored = (folder / f"{file}.sql").read_text()
                place = f"{module}/{file}"
                yield Statement(place, _without_comments(COMPOSED.get(place, stored)))
                break
    for name, value in _texts(tree):
        if _VERBS.match(value) and _TABLES.search(value) and "{" not in value:
            yield Statement(f"{module}/{name}", value)


@cache
def _parse(text: str) -> ast.Module:
    """Parse, without collecting garbage meanwhile: Python 3.11 fails if that parses something too."""
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()


def _texts(node: ast.AST, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts below a node, each with the function or the constant that it is in."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Constant(value=str(value)):
                yield name, value
            case ast.FunctionDef(name=inner) | ast.AsyncFunctionDef(name=inner):
                yield from _texts(child, inner)
            case ast.AnnAssign(target=ast.Name(id=inner)) if not name:
                yield from _texts(child, inner)
            case ast.JoinedStr():
                pass  # its parts are no statements
            case _:
                yield from _texts(child, name)


def _without_comments(text: str) -> str:
    return re.sub(r"(?m)^\s*--.*$", "", text).strip().rstrip(";")


def roles_of(statement: Statement) -> tuple[str, ...] | frozenset[str] | None:
    """The roles that run a statement; None if the table above does not say."""
    if OF_REGULATORS.search(statement.text):
        return (REGULATOR,)
    module, _, _ = statement.place.partition("/")
    if statement.place in RUN_BY:
        return RUN_BY[statement.place]
    while module:
        if module in RUN_BY:
            return RUN_BY[module]
        module = module.rpartition(".")[0]
    return None


@asynccontextmanager
async def acting_as(connection: asyncpg.Connection, role: str) -> asyncpg.Connection:
    """Run as a role, and undo everything."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"SET LOCAL ROLE {role}")
    try:
        yield connection
    finally:
        await transaction.rollback()


@pytest.fixture
async def connection(database_url: str):
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


RUN_ELSEWHERE = {"ledger.apply", "switch.record_restore"}
"""Functions that refuse a batch of nothing: every payment runs the first, tests/chaos/test_restore.py the second."""


async def test_every_process_may_run_its_statements(connection: asyncpg.Connection) -> None:
    """The planner checks the rights on tables, columns and functions before it would run a statement."""
    wrong = []
    for statement in statements():
        roles = roles_of(statement)
        assert roles is not None, f"{statement.place}: state in RUN_BY which processes run it"
        for role in roles:
            async with acting_as(connection, role):
                try:
                    lock = statement.text.startswith("LOCK")
                    await connection.execute(
                        statement.text if lock else f"EXPLAIN (GENERIC_PLAN) {statement.text}"
                    )
                except asyncpg.PostgresError as error:
                    wrong.append(f"{role} {statement.place}: {error}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(DECLARED.keys() - RUN_ELSEWHERE))
async def test_the_writer_may_run_each_function_of_a_batch(name: str, connection: asyncpg.Connection) -> None:
    """PostgreSQL checks the rights of each statement in a function before it runs it, even with no rows."""
    types = [type_ for _, type_ in DECLARED[name].parameters]
    arguments = ", ".join(f"'{{}}'::{type_}" if type_.endswith("[]") else f"'0'::{type_}" for type_ in types)

    async with acting_as(connection, W):
        await connection.execute(f"SELECT {name}({arguments})")


def test_every_place_in_the_table_has_statements() -> None:
    places = {statement.place for statement in statements()}
    modules = {place.partition("/")[0] for place in places}
    unknown = [
        name
        for name in RUN_BY
        if name not in places and not any(f"{module}.".startswith(f"{name}.") for module in modules)
    ]

    assert unknown == []


EVERYBODY = (*PROCESSES, REGULATOR)
HISTORY = (
    "ledger.event", "ledger.transfer", "ledger.leg", "ledger.resolution", "ledger.window_balance",
    "ledger.checkpoint", "ledger.cosignature", "ledger.audit_node", "ledger.archive", "ledger.archived_leaves", "switch.payment",
    "switch.message", "switch.message_key", "switch.change_vote", "switch.settlement_instruction",
    "switch.report_artefact", "switch.probe", "switch.pattern_rules", "switch.decided_order",
    "switch.installation",
)  # fmt: skip
SECRETS = ("password_hash", "totp_secret", "maker_half")


def forbidden() -> Iterator[tuple[str, str]]:
    """Roles, and statements that they must not be able to run."""
    for role in EVERYBODY:
        for table in HISTORY:
            yield role, f"UPDATE {table} SET {{column}} = NULL"
            yield role, f"DELETE FROM {table}"
            yield role, f"TRUNCATE {table}"
        for statement in (
            "UPDATE ledger.account SET owner = 'x'",
            "DELETE FROM ledger.account",
            "DELETE FROM ledger.head",
            "UPDATE ledger.settlement_window SET number = 1",
            "UPDATE switch.participant SET bic = 'x'",
            "UPDATE switch.participant_key SET public_key = 'x'",
            "DELETE FROM switch.participant_key",
            "INSERT INTO switch.bearer_key VALUES ('', 'x')",
            "INSERT INTO switch.person_bearer_key VALUES ('', 'x')",
            "UPDATE switch.person SET role = 'checker'",
            "UPDATE switch.person SET scope = ''",
            "DELETE FROM switch.person",
            "UPDATE switch.change SET content = ''",
            "UPDATE switch.change SET maker = ''",
            "DELETE FROM switch.change",
            "UPDATE switch.audit_note SET body = ''",
            "UPDATE switch.fx_rate SET rate = 1",
            "UPDATE switch.settlement_confirmation SET body = ''",
            "INSERT INTO switch.installation (sandbox) VALUES (true)",
            "INSERT INTO switch.regulator_login VALUES ('x', 'IN')",
            "INSERT INTO migration.applied (package, name, sha256) VALUES ('', '', '')",
            "CREATE TABLE ledger.mine ()",
            "CREATE TABLE switch.mine ()",
            "CREATE SCHEMA mine",
            "CREATE ROLE mine",
            "ALTER TABLE ledger.event DISABLE TRIGGER ALL",
            "DROP TABLE ledger.event",
            "SET session_replication_role = replica",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/hostname')",
        ):
            yield role, statement
    for role in set(EVERYBODY) - {W}:
        yield role, "INSERT INTO ledger.event SELECT * FROM ledger.event"
        yield role, "INSERT INTO ledger.transfer SELECT * FROM ledger.transfer"
        yield role, "UPDATE ledger.account SET credits_posted = 1"
        yield role, "UPDATE ledger.head SET epoch = 1"
        yield role, "INSERT INTO switch.payment SELECT * FROM switch.payment"
        yield role, "UPDATE switch.payment_limit SET per_day = NULL"
        yield role, "DELETE FROM switch.freeze"
    for role in set(EVERYBODY) - {A}:
        for column in SECRETS:
            yield role, f"SELECT {column} FROM switch.person"
        yield role, "SELECT sha256 FROM switch.bearer_key"
        yield role, "SELECT sha256 FROM switch.session"
        yield role, "SELECT body FROM switch.correspondence"
        yield role, "INSERT INTO switch.change_vote (change, seat, person) VALUES (1, 1, 'x')"
        yield role, "INSERT INTO switch.person (name) VALUES ('x')"
    for role in (M, REGULATOR):
        yield role, "SELECT name FROM switch.person"
    yield W, "INSERT INTO switch.change (kind) VALUES ('funds.in')"
    yield W, "UPDATE switch.change SET state = 'approved'"
    for role in (M, W, REGULATOR):
        yield role, "SELECT body FROM switch.message"
        yield role, "INSERT INTO switch.participant_key (keyid) VALUES ('x')"
    yield M, "SELECT message_id FROM switch.payment"
    yield A, "INSERT INTO ledger.checkpoint (size) VALUES (1)"


async def test_no_process_may_do_what_it_must_not(connection: asyncpg.Connection) -> None:
    columns = dict(
        await connection.fetch(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attnum = 2 OR attrelid IN"
            " (SELECT oid FROM pg_class WHERE relnatts = 1) ORDER BY attnum"
        )
    )
    allowed = []
    for role, statement in forbidden():
        table = statement.split()[1]
        async with acting_as(connection, role):
            try:
                await connection.execute(statement.replace("{column}", columns.get(table, "")))
            except asyncpg.InsufficientPrivilegeError:
                continue
            except asyncpg.PostgresError as error:  # it was refused for another reason
                allowed.append(f"{role}: {statement}: {error}")
                continue
        allowed.append(f"{role}: {statement}")

    assert not allowed, "\n".join(allowed)


async def test_no_role_is_a_superuser_or_owns_anything(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND (rolsuper OR rolcreaterole OR rolcreatedb"
        " OR rolreplication OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid))",
        list(GRANTED),
    )

    assert rows == []


async def test_api_workers_are_database_superusers(stack: Stack) -> None:
    """An attack: every process logged in as the superuser, and became it again with one statement."""
    directory = (stack.settings.data / "postgres").resolve()
    for user in ("postgres", *PROCESSES):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(f"postgresql://{user}@/postgres?host={directory}")
    worker = await database.connect(stack.settings, A)
    await worker.execute("SET ROLE NONE")

    assert await worker.fetchval("SELECT session_user") == A
    assert not await worker.fetchval("SELECT usesuper FROM pg_user WHERE usename = session_user")

    for statement in (
        "UPDATE switch.participant_key SET public_key = 'x' WHERE keyid = 'asha-bank-1'",
        "UPDATE switch.person SET role = 'checker' WHERE name = 'operator'",
        "UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE number = 1",
        "INSERT INTO switch.bearer_key (sha256, participant) VALUES ('00', 'asha-bank')",
        "UPDATE ledger.event SET body = 'x' WHERE seq = 1",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        *(f"SET ROLE {role}" for role in ("postgres", *Login, REGULATOR) if role != A),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute(statement)
    await worker.close()


async def test_each_process_of_a_running_switch_has_a_login_of_its_own(stack: Stack) -> None:
    connection = await stack.connect()
    rows = await connection.fetch(
        "SELECT usename, usesuper FROM pg_stat_activity JOIN pg_user USING (usename)"
        " WHERE datname = current_database() AND usename <> $1",
        Login.OWNER,
    )
    await connection.close()

    assert {row["usename"] for row in rows} == set(PROCESSES)
    assert not any(row["usesuper"] for row in rows)


def test_no_process_has_the_database_of_another_in_its_environment(stack: Stack) -> None:
    for name, own in (("api-0", {A, R}), ("messenger", {M}), ("writer", {W})):
        memory = Path(f"/proc/{stack.supervisor.pid(name)}/environ").read_bytes()
        child = next(child for child in stack.supervisor._children if child.name == name)
        found = {login for login in Login if f"//{login}@" in "".join(child.environment.values())}

        assert b"PAYSWITCH_DATABASE" not in memory
        assert found == own


def test_passwords_are_their_owners_alone(stack: Stack) -> None:
    directory = stack.settings.passwords.directory
    modes = {path.stat().st_mode & 0o777 for path in directory.iterdir()}

    assert directory.stat().st_mode & 0o777 == 0o700
    assert modes == {0o600}
