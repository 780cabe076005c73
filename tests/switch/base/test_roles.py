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
from ledger.migrate import Phase, migrate
from ledger.roles import GRANTED, PROCESSES, REGULATOR, Login
from switch.base import database
from switch.cases import opening
from switch.operations import ends
from switch.payments import directory, reconciliation, search
from switch.statistics import making
from tests.ledger.test_columns import DECLARED
from tests.switch.stack import Stack

W, A, P, C, M, R = (
    Login.WRITER,
    Login.API,
    Login.PAGES,
    Login.CARETAKER,
    Login.MESSENGER,
    Login.READER,
)
OWNER: frozenset[str] = frozenset()
"""Statements of the owner: of an operator's commands, and of the sandbox's first start."""
ELSEWHERE: frozenset[str] = frozenset()
"""Statements for exported files, not for PostgreSQL."""

# Which roles run the statements of a module; the longest name counts.
# fmt: off
RUN_BY: dict[str, tuple[str, ...] | frozenset[str]] = {
    "ledger.archive":                 (A, P, C, R),
    "ledger.audit":                   (A, P, C, M, R),
    "ledger.audit/add_cosignature":   (A, M),
    "ledger.audit/audit_grow":        (C,),
    "ledger.audit/add_checkpoint":    (C,),
    "ledger.detach":                  OWNER,
    "ledger.migrate":                 OWNER,
    "ledger.migrate/_APPLIED":        (W, A, P, C, M, R),
    "ledger.migrate/_HAS_HISTORY":    (W, A, P, C, M, R),
    "ledger.partitions":              (C, R),
    "ledger.partitions/add_partitions": (C,),
    "ledger.positions":               (A, P, C, R),
    "ledger.roles":                   OWNER,
    "ledger.silence":                 (W, A, P, C, M, R),
    "ledger.statements":              (A, P, R),
    "ledger.verify":                  (C, R),
    "ledger.windows":                 (A, P, C, R),
    "ledger.writer":                  (W,),
    "switch.api":                     (A,),
    "switch.approvals":               (P, C),
    "switch.approvals.causes":        (W,),
    "switch.approvals.content/account_number": (W, P, C),
    "switch.participants.changes/_NUMBER": (W, P, C),
    "switch.participants.changes/_accounts": (W, P, C),
    "switch.participants.resolution/returnable_payment": (W, P, C),
    "switch.participants.reversals/newest_reversal": (W, P, C),
    "switch.approvals.approvals/add_change": (P,),
    "switch.approvals.approvals/add_vote": (P,),
    "switch.approvals.approvals/_check_active": (P,),
    "switch.approvals.approvals/approved_changes": (C,),
    "switch.approvals.approvals/begin_execution": (C,),
    "switch.approvals.approvals/due_changes": (C,),
    "switch.approvals.approvals/is_recorded": (C,),
    "switch.base":                    (A, P, C, R),
    "switch.base.installation":       (W, A, P, C, M, R),
    "switch.base.installation/state_installation": OWNER,
    "switch.cases":                   (P,),
    "switch.cases.erasing":           OWNER,
    "switch.cases.notices/add_notices": (P, C),
    "switch.cases.officers":          (W, P, C),
    "switch.cases.opening":           (C,),
    "switch.cases.reading/case_counts": (P, C),
    "switch.cases.sending":           (M,),
    "switch.cli":                     (R,),
    "switch.cli.preflight/latest_sealed_key": (A, P, C),
    "switch.cli.preflight/is_seal_needed": (P,),
    "switch.cli.doctor":              OWNER,
    "switch.cli.steps":               OWNER,
    "switch.identity":                (P,),
    "switch.identity.guesses/forget_failures": (C,),
    "switch.identity.enrolment/add_first": OWNER,
    "switch.identity.enrolment/create_first": OWNER,
    "switch.identity.nonces":         (A,),
    "switch.identity.nonces/forget_nonces": (C,),
    "switch.identity.sessions/look_at_session": (A,),
    "switch.identity.sessions/person_of_bearer": (A, P),
    "switch.identity.notices/forget_old": (C,),
    "switch.identity.providers/end_sessions_of_issuer": (P, C),
    "switch.identity.providers/identity_providers": (P, C, R),
    "switch.identity.sessions/end_all": (P, C),
    "switch.identity.sessions/forget_old": (C,),
    "switch.operations.caused":       (R,),
    "switch.operations.export":       (R,),
    "switch.operations.export/monthly": ELSEWHERE,
    "switch.operations.export/exported_odd_payment": ELSEWHERE,
    "switch.operations.export/exported_sums": ELSEWHERE,
    "switch.operations.facts":        (C,),
    "switch.operations.housekeeping": OWNER,
    "switch.operations.invariants":   (C,),
    "switch.operations.monitoring":   (C,),
    "switch.operations.oversight":    (P,),
    "switch.operations.source_rails": (P, R),
    "switch.operations.priced":       (R,),
    "switch.operations.parted":       (R,),
    "switch.operations.ends":         (R,),
    "switch.operations.reopen":       (P, C, R),
    "switch.operations.restored":     (W,),
    "switch.operations.retention":    (C,),
    "switch.operations.screening_clearances": (P, C),
    "switch.operations.screening_clearances/add_clearance": (C,),
    "switch.operations.screening_clearances/_END": (C,),
    "switch.operations.screening_decisions": (P, C),
    "switch.operations.screening_decisions/_SENDER": (W, P, C),
    "switch.operations.screening_engines": (P, C, R),
    "switch.operations.screening_engines/add_screening_engine": (C,),
    "switch.operations.screening_lists": (P, C),
    "switch.operations.screening_officers": (P, C),
    "switch.operations.screening_officers/set_screening_officers": (C,),
    "switch.operations.screening_lists/add_screening_list": (P,),
    "switch.operations.screening_lists/add_screening_set": (C,),
    "switch.operations.screening_lists/_OF_HASH": (P,),
    "switch.operations.unfreeze":     (P, C),
    "switch.operations.goaml":        (P,),
    "switch.operations.watching":     (P, C),
    "switch.operations.watching/_EXAMINED": (C,),
    "switch.operations.upgrade":      OWNER,
    "switch.operations.verify":       (C, R),
    "switch.operations.witness_changes": (P, C),
    "switch.operations.witness_pushing": (M,),
    "switch.operations.witnesses":    (A, P, C, R),
    "switch.operations.witnesses/witness_cosigned": (A,),
    "switch.pages":                   (P, R),
    "switch.pages.charts":            (P,),
    "switch.pages.country":           (R,),
    "switch.pages.views":             (P,),
    "switch.participants":            (P, C),
    "switch.participants.comparisons/rates_in_force": (A, P, C),
    "switch.participants.comparisons/rate_before": (A, P, C),
    "switch.participants.liquidity/_change": (C,),
    "switch.participants.indirect/add_directory_file": (P,),
    "switch.participants.indirect/_OF_HASH": (P,),
    "switch.participants.indirect/directory_page": (A, P, R),
    "switch.participants.indirect/import_directory": (C,),
    "switch.participants.keys/_END_OWN": (A,),
    "switch.participants.people/add_invited": (P,),
    "switch.participants.reads":      (A, P),
    "switch.participants.tariffs/add_tariff": (C,),
    "switch.participants.tariffs/_END": (C,),
    "switch.payments.correspondence": (A,),
    "switch.payments.correspondence/add_message": (A, C),
    "switch.payments.rail_returns":   (C,),
    "switch.payments.part_returns":   (A, P, R),
    "switch.processes.reversals":     (C,),
    "switch.processes.recalls":       (C,),
    "switch.processes.investigations": (C,),
    "switch.payments.investigations": (A,),
    "switch.payments.investigations/investigations_of_payment": (A, P, C),
    "switch.payments.investigations/count_questions": (P,),
    "switch.payments.recalls":        (A,),
    "switch.payments.recalls/recalls_of_payment": (A, P),
    "switch.processes.inbound":       (C,),
    "switch.processes.order_refunds": (C,),
    "switch.payments.inbound":        (A,),
    "switch.payments.inbound_lookups": (A,),
    "switch.processes.inbound_lookups": (C,),
    "switch.payments.payment_files":  (A,),
    "switch.payments.payment_files/payment_files": (A, P),
    "switch.payments.payment_files/payment_file_lines": (A, P),
    "switch.payments.payment_files/cancel_payment_file": (A, P),
    "switch.payments.payment_requests": (A,),
    "switch.payments.payment_requests/payment_requests": (A, P),
    "switch.processes.payment_requests": (C,),
    "switch.processes.payment_files": (C,),
    "switch.payments.inbound/inbound_rails": (A, C),
    "switch.operations.inbound_agreement": (C, R),
    "switch.participants.inbound/set_rail_inbound": (C,),
    "switch.participants.inbound/settle_inbound_order": (C,),
    "switch.participants.inbound/_LOCK": (C,),
    "switch.participants.recalls/end_unpaid_recalls": (C,),
    "switch.payments.directory":      (A, P),
    "switch.payments.dossier":        (P,),
    "switch.payments.erasure":        OWNER,
    "switch.payments.events":         (A, P, M),
    "switch.payments.held":           (A, P, R),
    "switch.payments.indirect":       (A, C),
    "switch.payments.held/screening_holds": (A, C),
    "switch.payments.held/holds_waiting_for_engine": (C,),
    "switch.payments.journey":        (A, P, C, R),
    "switch.payments.own_uetrs":      (A, P, R),
    "switch.payments.own_uetrs/add_own_uetr": (A,),
    "switch.payments.own_uetrs/sender_of_uetr": (A,),
    "switch.payments.quotes":         (A,),
    "switch.payments.rail_register":  (P, C),
    "switch.payments.rails":          (A, C),
    "switch.payments.reach":          (A, P),
    "switch.payments.reconciliation": (P, C),
    "switch.payments.reconciliation/add_breaks": (C,),
    "switch.payments.reconciliation/add_cycle": (C,),
    "switch.payments.reconciliation/add_cycle_line": (C,),
    "switch.payments.reconciliation/add_restore_lines": (C,),
    "switch.payments.reconciliation/note_restore_rail_seen": (C,),
    "switch.payments.reconciliation/set_restore_rail_read": (C,),
    "switch.payments.returnable":     (W, A, P, C),
    "switch.payments.screening":      (A, C),
    "switch.payments.screening/parties_of_lists": (A, P, C),
    "switch.payments.screening/screening_tables": (A, C),
    "switch.payments.screening/keep_screening_tables": (C,),
    "switch.payments.search":         (P,),
    "switch.payments.signatures":     (W,),
    "switch.processes.caretaker":     (C,),
    "switch.processes.due_work":      (C,),
    "switch.processes.held_payments": (C,),
    "switch.processes.lease":         (W,),
    "switch.processes.process":       (C, M),
    "switch.reports":                 (R,),
    "switch.reports.delivery.changes": (P, C),
    "switch.reports.delivery.changes/add_destination": (C,),
    "switch.reports.delivery.changes/add_schedule": (C,),
    "switch.reports.delivery.changes/_REMOVE_DESTINATION": (C,),
    "switch.reports.delivery.changes/_REMOVE_SCHEDULE": (C,),
    "switch.reports.delivery.making": (C,),
    "switch.reports.delivery.receipts": (R,),
    "switch.reports.delivery.repeating": (P,),
    "switch.reports.delivery.sending": (M,),
    "switch.reports.parties":         (C,),
    "switch.reports.pattern_rules/add_rules": (P,),
    "switch.reports.probes":          (C,),
    "switch.reports.regulators":      OWNER,
    "switch.reports.service":         (A, P, C),
    "switch.sandbox":                 OWNER,
    "switch.settlement":              (P, C),
    "switch.settlement.causes":       (W,),
    "switch.settlement.proofs/keys_at": (C,),
    "switch.settlement.day/add_confirmation": (A, P),
    "switch.settlement.day/result_of_confirmation": (A, P),
    "switch.settlement.day/set_processed": (C,),
    "switch.settlement.day/unprocessed_confirmations": (C,),
    "switch.settlement.day/add_delivery": (C,),
    "switch.settlement.day/add_line":  (C,),
    "switch.settlement.day/add_settlement": (C,),
    "switch.settlement.day/carry_lines": (C,),
    "switch.settlement.day/instruct":  (C,),
    "switch.settlement.day/open_settlement": (C,),
    "switch.settlement.day/open_windows": (C,),
    "switch.settlement.day/set_instructed": (C,),
    "switch.settlement.day/take_settled_before": (C,),
    "switch.settlement.delivery":     (C,),
    "switch.settlement.examined/examine_confirmation": (C,),
    "switch.statistics":              (A, P, R),
    "switch.statistics.making":       (C,),
    "switch.statistics.making/fact_mark": (C, R),
    "switch.statistics.making/payment_facts": (C, R),
    "switch.statistics.making/payment_time_facts": (C, R),
    "switch.statistics.making/wrong_payment_facts": (R,),
    "switch.statistics.making/wrong_payment_time_facts": (R,),
    "switch.statistics.making/liquidity_facts": (C, R),
    "switch.statistics.making/liquidity_states": (C, R),
    "switch.statistics.making/wrong_liquidity_facts": (R,),
    "switch.statistics.making/rebuild": OWNER,
    "switch.webhooks.changes":        (P, C),
    "switch.webhooks.delivery":       (M,),
    "switch.webhooks.registry":       (A, P),
    "switch.webhooks.registry/change_webhook": (A,),
    "switch.webhooks.secrets":        (A, P),
    "switch.webhooks.secrets/_NEWEST": (M,),
    "switch.webhooks.signing":        (A, P, C, M),
    "switch.webhooks.signing/_take_up": (M,),
    "switch.writer":                  (W,),
    "switch.writer.audit_notes":      (C,),
    "switch.writer.audit_notes/add_note": (A, P, C),
    # What changes are about: the caretaker writes it, and nobody else.
    "switch.operations.witness_changes/add_witness": (C,),
    "switch.operations.witness_changes/_REMOVE": (C,),
    "switch.participants.certification": (A, P, C),
    "switch.participants.certification/add_certificate": (C,),
    "switch.participants.certification/set_certification": (C,),
    "switch.participants.changes/end_keys": (C,),
    "switch.participants.changes/_onboard": (C,),
    "switch.participants.changes/_set_status": (C,),
    "switch.participants.changes/_set_member_ids": (C,),
    "switch.participants.corridors/set_corridor": (C,),
    "switch.participants.corridors/add_rate": (C,),
    "switch.participants.fixings/add_fixing": (C,),
    "switch.participants.corridor_rules/add_corridor_rules": (C,),
    "switch.participants.corridors/close_corridors": (C,),
    "switch.participants.corridors/_corridor_fees": (C,),
    "switch.participants.corridors/_corridor_settlement": (C,),
    "switch.participants.corridors/_switch_rail": (C,),
    "switch.participants.identity_providers/set_identity_provider": (C,),
    "switch.participants.identity_providers/_remove": (C,),
    "switch.participants.investigations/answer_of_people": (C,),
    "switch.participants.keys/add_key": (C,),
    "switch.participants.keys/retire_key": (C,),
    "switch.participants.keys/revoke_key": (C,),
    "switch.participants.people/_remove": (C,),
    "switch.payments.rail_register/tighten_rail": (C,),
    "switch.payments.rail_register/_REGISTER": (C,),
    "switch.payments.rail_register/_RETIRE": (C,),
    "switch.settlement.before/add_settled_before": (C,),
    "switch.settlement.changes/set_schedule": (C,),
    "switch.settlement.changes/set_day": (C,),
    "switch.settlement.changes/set_agent": (C,),
    "switch.settlement.day/set_state": (C,),
    "switch.settlement.day/move_line": (C,),
    "switch.settlement.day/lock": (C,),
    "switch.settlement.reads/_LOCK_LINE": (C,),
    "switch.webhooks.changes/_add": (C,),
    "switch.webhooks.changes/_retire": (C,),
}
# fmt: on

COMPOSED = {
    "switch.cases.opening/open_cases": opening.OPEN,
    "switch.cases.opening/close_cases": opening.CLOSE,
    "switch.operations.ends/endless": ends.WAITS,
    "switch.payments.directory/load_directory": directory._LOAD,
    "switch.payments.directory/poll_directory": directory._POLL,
    "switch.payments.reconciliation/add_breaks": reconciliation._BREAKS,
    "switch.statistics.making/add_availability_facts": making._ADD_AVAILABILITY,
    "switch.statistics.making/add_liquidity_facts": making._ADD_LIQUIDITY,
    "switch.statistics.making/wrong_liquidity_facts": making._WRONG_LIQUIDITY,
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
    yield from forbidden_to_all_but_pages_and_caretaker()
    for role in (M, REGULATOR):
        yield role, "SELECT name FROM switch.person"
    for role in (M, W, REGULATOR):
        yield role, "SELECT body FROM switch.message"
    yield M, "SELECT message_id FROM switch.payment"
    yield A, "INSERT INTO ledger.checkpoint (size) VALUES (1)"


def forbidden_to_all_but_pages_and_caretaker() -> Iterator[tuple[str, str]]:
    """What people sign in with and do is written by pages; what they approved, by the caretaker."""
    for role in set(EVERYBODY) - {P}:
        for column in SECRETS:
            yield role, f"SELECT {column} FROM switch.person"
        yield role, "INSERT INTO switch.change (kind) VALUES ('funds.in')"
        yield role, "INSERT INTO switch.change_vote (change, seat, person) VALUES (1, 1, 'x')"
        yield role, "INSERT INTO switch.person (name) VALUES ('x')"
        yield role, "INSERT INTO switch.session (sha256) VALUES ('x')"
        yield role, "INSERT INTO switch.passkey (id) VALUES ('x')"
        yield role, "INSERT INTO switch.person_subject (issuer) VALUES ('x')"
        yield role, "UPDATE switch.person SET password_hash = 'x'"
        yield role, "UPDATE switch.person SET totp_secret = 'x'"
    for role in set(EVERYBODY) - {A, P}:
        yield role, "SELECT sha256 FROM switch.bearer_key"
        yield role, "SELECT sha256 FROM switch.session"
        yield role, "SELECT body FROM switch.correspondence"
    for role in set(EVERYBODY) - {C, P}:
        yield role, "UPDATE switch.change SET state = 'approved'"
        yield role, "UPDATE switch.person SET status = 'active'"
        yield role, "DELETE FROM switch.session"
    for role in set(EVERYBODY) - {C}:
        yield role, "INSERT INTO switch.participant (id) VALUES ('x')"
        yield role, "UPDATE switch.participant SET status = 'active'"
        yield role, "INSERT INTO switch.participant_key (keyid) VALUES ('x')"
        yield role, "UPDATE switch.participant_key SET revoked_at = NULL"
        yield role, "INSERT INTO switch.fx_rate (source) VALUES ('INR')"
        yield role, "INSERT INTO switch.corridor (source) VALUES ('IN')"
        yield role, "UPDATE switch.corridor SET enabled = true"
        yield role, "INSERT INTO switch.rail (country) VALUES ('IN')"
        yield role, "UPDATE switch.rail SET open = true"
        yield role, "INSERT INTO switch.settlement_agent (currency) VALUES ('INR')"
        yield role, "UPDATE switch.settlement_line SET state = 'SETTLED'"
        yield role, "INSERT INTO switch.identity_provider (id) VALUES ('x')"
        yield role, "INSERT INTO switch.witness (key) VALUES ('x')"
        yield role, "UPDATE switch.audit_note SET seq = 1"


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


BY_A_STOLEN_API_WORKER = (
    (
        "INSERT INTO switch.change (kind, content, maker, reason, seats, state, expires_at)"
        " VALUES ('cap.set', '{}', 'operator', 'x', '[]', 'approved', now())"
    ),
    (
        "INSERT INTO switch.change_vote (change, seat, person, maker, decision, reason)"
        " SELECT number, 0, 'checker', maker, 'approve', 'x' FROM switch.change LIMIT 1"
    ),
    "UPDATE switch.change SET state = 'approved'",
    (
        "INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key, valid_from)"
        " VALUES ('stolen', 'asha-bank', 'ed25519', 'x', now())"
    ),
    "UPDATE switch.participant_key SET valid_until = NULL",
    "UPDATE switch.participant_key SET revoked_at = NULL",
    (
        "INSERT INTO switch.session (sha256, family, person, began_at, address, browser)"
        " VALUES ('x', gen_random_uuid(), 'checker', now(), '', '')"
    ),
    "DELETE FROM switch.session",
    "INSERT INTO switch.person (name, display_name, role, scope, status) VALUES ('x', 'x', 'checker', '', 'active')",
    "UPDATE switch.person SET password_hash = 'x' WHERE name = 'checker'",
    "UPDATE switch.person SET status = 'active'",
    "SELECT password_hash, totp_secret FROM switch.person",
    "INSERT INTO switch.participant (id, name, bic, country, kind) VALUES ('x', 'x', 'XXXXINBB', 'IN', 'direct')",
    "UPDATE switch.participant SET status = 'active'",
    "INSERT INTO switch.fx_rate (source, target, provider, rate) VALUES ('INR', 'PKR', 'fx', 900)",
    "UPDATE switch.corridor SET enabled = true, fee_minor = 0",
    "UPDATE switch.rail SET open = true",
    "UPDATE switch.settlement_line SET state = 'SETTLED'",
    "INSERT INTO switch.identity_provider (id) VALUES ('x')",
    "INSERT INTO switch.audit_note (id, kind, body, after_seq) VALUES (gen_random_uuid(), 'CHANGE_VOTE', '{}', 0)",
    "INSERT INTO switch.audit_note (id, kind, body, after_seq) VALUES (gen_random_uuid(), 'FUND', '{}', 0)",
)


@pytest.mark.parametrize("statement", BY_A_STOLEN_API_WORKER, ids=range(len(BY_A_STOLEN_API_WORKER)))
async def test_a_stolen_api_worker_wrote_votes_people_keys_and_rates(stack: Stack, statement: str) -> None:
    """An attack: pages and the participants' API were one process, and the last vote executed the change there."""
    worker = await asyncpg.connect(stack.settings.database_of(A))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute(statement)
    finally:
        await worker.close()


async def test_a_worker_ends_a_key_of_its_participant_and_of_no_other(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("INSERT INTO switch.participant VALUES ('one', 'One', 'ONEBINBB', 'IN', 'direct')")
    await owner.execute(
        "INSERT INTO switch.participant_key (keyid, participant, algorithm, public_key, valid_from)"
        " VALUES ('one-1', 'one', 'ed25519', 'x', now())"
    )
    await owner.execute(f"SET LOCAL ROLE {A}")
    ended = [
        [row[0] for row in await owner.fetch("SELECT switch.end_own_key($1, $2)", keyid, whose)]
        for keyid, whose in (("one-1", "two"), ("other", "one"), ("one-1", "one"), ("one-1", "one"))
    ]
    revoked = await owner.fetchval("SELECT revoked_at FROM switch.participant_key WHERE keyid = 'one-1'")
    await transaction.rollback()
    await owner.close()

    assert ended == [[], [], [True], [False]]
    assert revoked is not None


async def test_the_rights_of_the_release_before_end_with_its_second_phase(empty_database_url: str) -> None:
    """API workers of 0.1.0 serve people until then, and execute what they approve."""
    vote = (
        "INSERT INTO switch.change_vote (change, seat, person, maker, decision, reason)"
        " VALUES (1, 0, 'x', 'y', 'approve', 'x')"
    )
    statements = (
        vote,
        (
            "INSERT INTO switch.fx_rate (source, target, provider, rate, valid_from)"
            " VALUES ('INR', 'PKR', 'nobody', 1, now())"
        ),
        "UPDATE switch.participant_key SET revoked_at = NULL",
        "UPDATE switch.change SET state = 'approved', tried_at = now()",
        (
            "INSERT INTO switch.audit_note (id, kind, body, after_seq)"
            " VALUES (gen_random_uuid(), 'CHANGE_EXECUTED', '{}', 0)"
        ),
    )
    await migrate(empty_database_url, phase=Phase.PRE)
    connection = await asyncpg.connect(empty_database_url)
    before = [await refused(connection, statement) for statement in statements]
    await migrate(empty_database_url, phase=Phase.PRE)  # a second start changes nothing
    again = await refused(connection, vote)
    await migrate(empty_database_url, phase=Phase.POST)
    after = [await refused(connection, statement) for statement in statements]
    await connection.close()

    assert before == [False] * len(statements)
    assert not again
    assert after == [True] * len(statements)


async def refused(connection: asyncpg.Connection, statement: str) -> bool:
    """Whether an API worker may not run a statement."""
    async with acting_as(connection, A):
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            return True
        except asyncpg.PostgresError:
            return False  # the row is not possible: rights are checked before
    return False


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
    for name, own in (("api-0", {A, R}), ("pages", {P, R}), ("messenger", {M}), ("writer", {W})):
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
