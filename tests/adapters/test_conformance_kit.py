"""The conformance kit: every country's adapter keeps every promise, and a broken promise is noticed."""

import asyncio
import contextvars
import dataclasses
import json
import logging
import os
import socket
from datetime import timedelta

import pytest
import pytest_asyncio

from adapters import conformance, registry
from adapters.conformance import failures, live, originating, pure
from adapters.conformance.report import RequirementGroup, RequirementNotMet, check_requirement
from adapters.port import Acceptance, Answer, Native, Outcome, RailConnection, Receipt, reserve_and_submit
from adapters.simulation.harness import sample_order
from adapters.simulation.sandbox import prepare
from schemas.money import Money
from tests import tiers

pytestmark = pytest.mark.asyncio(loop_scope="session")
COUNTRIES = registry.countries()
AT_ONCE = 2
PROMISES = (*pure.REQUIREMENTS, live.every_reason, *live.REQUIREMENTS, *failures.REQUIREMENTS)
INBOUND = originating.REQUIREMENTS
ORIGINATE = {country for country in COUNTRIES if registry.originates(country)}


class Reports:
    """The kit's reports with every reason, a few countries at once: they mostly wait."""

    def __init__(self, countries):
        places = asyncio.Semaphore(AT_ONCE)

        async def one(country):
            async with places:
                return await conformance.check(country)

        self.made = {country: asyncio.create_task(one(country)) for country in countries}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reports(request):
    asked = {
        item.callspec.params.get("country") for item in request.session.items if hasattr(item, "callspec")
    }
    made = Reports([country for country in COUNTRIES if country in asked]).made
    yield made
    for task in made.values():
        task.cancel()
    await asyncio.gather(*made.values(), return_exceptions=True)


@pytest.mark.timeout(900)  # the first one waits for those before it
@pytest.mark.parametrize(
    "country",
    tiers.some(COUNTRIES),  # it looks at what is in time, which a busy machine is not
)
async def test_the_kit_finds_nothing(reports, country):
    """What `payswitch adapters check` does, with every group and every reason."""
    report = await reports[country]

    assert report.ok, report.text()
    promises = [*PROMISES, *(INBOUND if country in ORIGINATE else ())]
    assert json.loads(json.dumps(report.as_dict()))["kept"] == len(promises)


async def test_every_promise_names_what_to_inspect():
    promises = (*PROMISES, *INBOUND)
    names = [(promise.__doc__ or "").partition("\n")[0] for promise in promises]

    assert len(set(names)) == len(promises)
    for promise in promises:
        assert "\n\n    Check " in promise.__doc__, promise.__name__


class Other:
    """An adapter with some of its methods replaced: what a careless engineer might write."""

    def __init__(self, real, **replaced):
        self._real = real
        self._replaced = replaced

    def __getattr__(self, name):
        return self._replaced.get(name) or getattr(self._real, name)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    """One that nobody listens to: enough for what is pure."""
    connection, _ = prepare(tmp_path_factory.mktemp("KG"), "KG", port=1, callback_url="http://127.0.0.1:1/")
    return registry.load("KG", connection)


def restated(adapter, **changes):
    """The adapter with another profile; `limits__maximum_minor` reaches into a group."""
    profile = adapter.profile
    for name, value in changes.items():
        group, _, field = name.partition("__")
        part = dataclasses.replace(getattr(profile, group), **{field: value}) if field else value
        profile = dataclasses.replace(profile, **{group: part})
    return Other(adapter, profile=profile)


def raising(*_):
    raise KeyError("somebody's name")


CARELESS = [
    ("a profile whose time-outs cross", pure.profile_makes_sense, lambda a: restated(a, timing__submit_s=1e6)),
    ("a profile without limits", pure.profile_makes_sense, lambda a: restated(a, limits__minimum_minor=0)),
    ("a currency of nobody", pure.profile_makes_sense, lambda a: restated(a, currency="ZZZ")),
    ("an encoding of nobody", pure.profile_makes_sense, lambda a: restated(a, characters__encoding="klingon")),
    ("refusing other scripts", pure.carries_orders,
     lambda a: Other(a, check=lambda o: a.check(o) if o.payment.debtor.name.isascii() else [conformance.RequirementResult])),
    ("raising on control characters", pure.any_text_is_carried_or_refused,
     lambda a: Other(a, translate=lambda o: a.translate(o) if o.payment.remittance.isprintable() else raising())),
    ("a clock in the bytes", pure.is_pure,
     lambda a: Other(a, translate=lambda _: Native("1", str(id(object())).encode() + os.urandom(4)))),
    ("one id for all", pure.ids_differ, lambda a: Other(a, translate=lambda _: Native("1", b""))),
    ("a capacity that the wire has not", pure.every_serial_fits,
     lambda a: Other(restated(a, ids__capacity=10**9), translate=lambda o: raising() if o.serial >= 10**8 else None)),
    ("a limit that is not checked", pure.amounts_at_the_edges, lambda a: restated(a, limits__maximum_minor=10**7)),
    ("carrying every amount", pure.amounts_at_the_edges, lambda a: Other(a, check=lambda _: [])),
    ("carrying every account", pure.accounts_are_checked, lambda a: Other(a, check=lambda _: [])),
    ("carrying what is expired", pure.expiry_is_checked,
     lambda a: Other(a, check=lambda o: a.check(dataclasses.replace(o, expires_at=o.made_at + timedelta(1))))),
    ("reading anything", pure.reads_nothing_foreign, lambda a: Other(a, decode=lambda _: [])),
    ("raising on garbage", pure.reads_nothing_foreign, lambda a: Other(a, decode=raising)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("promise", "careless"), [row[1:] for row in CARELESS], ids=[row[0] for row in CARELESS]
)
async def test_a_careless_adapter_is_noticed(adapter, promise, careless):
    found = await check_requirement(RequirementGroup.PURE, promise, careless(adapter))

    assert not found.ok
    assert found.advice.startswith("Check ")
    assert "somebody" not in found.detail


async def test_an_error_is_reported_by_its_place_not_by_its_text(adapter):
    found = await check_requirement(RequirementGroup.PURE, pure.carries_orders, Other(adapter, check=raising))

    assert found.detail.startswith("raised KeyError in adapters/test_conformance_kit.py:")


class Careless:
    """A rail that runs, with adapters that are careless.

    Nothing is patched: other countries' kits run meanwhile, and their adapters stay careful. At first they did
    not, and now and then a careful adapter was found to log names or to tell half of a cycle.
    """

    def __init__(self, rail, careless):
        self._rail = rail
        self._careless = careless
        self.adapter = careless(rail.adapter)

    def load(self, connection):
        return self._careless(self._rail.load(connection))

    def __getattr__(self, name):
        return getattr(self._rail, name)


def submits(change):
    """An adapter whose receipts are changed."""

    def make(real):
        async def submit(native):
            return change(await real.submit(native))

        async def reserve(native):
            return change(await real.reserve(native))

        return Other(real, submit=submit, reserve=reserve)

    return make


def enquires(change):
    def make(real):
        async def enquire(native):
            return change(await real.enquire(native))

        return Other(real, enquire=enquire)

    return make


def not_taken(receipt):
    """Reading silence as "not taken" would free money that may have moved."""
    return Receipt(Acceptance.REFUSED) if receipt.acceptance is Acceptance.UNKNOWN else receipt


def without_reason(receipt):
    answer = receipt.answer
    return dataclasses.replace(receipt, answer=answer and dataclasses.replace(answer, reason="MS03"))


def corrected(receipt):
    answer = receipt.answer
    if answer is None or answer.amount is None:
        return receipt
    return dataclasses.replace(receipt, answer=dataclasses.replace(answer, amount=Money(150000, "UZS")))


def not_found_is_refused(answer):
    missing = answer.outcome is Outcome.NOT_FOUND
    return dataclasses.replace(answer, outcome=Outcome.REFUSED, reason="MS03") if missing else answer


def undoes_nothing(real):
    async def undo(native, reason):
        return Receipt(Acceptance.ACCEPTED)

    return Other(real, undo=undo)


def resolves_all(real):
    async def resolve(alias):
        return await real.resolve("998901234567")

    return Other(real, resolve=resolve)


def holds_by_paying(real):
    async def reserve(native):
        receipt = await reserve_and_submit(real, native)
        return Receipt(receipt.acceptance)

    return Other(real, reserve=reserve)


def pays_without_a_hold(real):
    async def submit(native):
        return await reserve_and_submit(real, native)

    return Other(real, submit=submit)


def logs(real):
    async def submit(native):
        logging.getLogger("careless").info("sent %s", native.body)
        return await real.submit(native)

    return Other(real, submit=submit)


def tells_half(real):
    async def reconcile(cycle):
        async for answer in real.reconcile(cycle):
            if answer.outcome is Outcome.DONE:
                yield answer

    return Other(real, reconcile=reconcile)


def refuses_duplicates(receipt):
    return (
        Receipt(Acceptance.REFUSED, Answer("1", Outcome.REFUSED))
        if receipt.acceptance is Acceptance.UNKNOWN
        else receipt
    )


ROUGHLY = [
    ("silence is not taken", live.silence_is_unknown, submits(not_taken)),
    ("a duplicate is refused", live.duplicate_refuses_nothing, submits(refuses_duplicates)),
    ("other content is refused", live.other_content_changes_nothing, submits(not_taken)),
    ("every reason is one", live.every_reason, submits(without_reason)),
    ("an amount is corrected", live.contradictions_are_reported, submits(corrected)),
    ("not found is refused", live.lost_is_not_found, enquires(not_found_is_refused)),
    ("not found at first is refused", live.found_later, enquires(not_found_is_refused)),
    ("an undo that undo_reverses_once nothing", live.undo_reverses_once, undoes_nothing),
    ("a hold that pays", live.holds_move_nothing, holds_by_paying),
    ("a payment without its hold", live.holds_move_nothing, pays_without_a_hold),
    ("an alias of everybody", live.aliases_are_resolved, resolves_all),
    ("half of a cycle", live.cycle_is_read, tells_half),
    ("bodies in the log", failures.personal_data_is_not_disclosed, logs),
    ("closed is refused", failures.closed_is_later,
     submits(lambda r: Receipt(Acceptance.REFUSED) if r.acceptance is Acceptance.LATER else r)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("promise", "careless"), [row[1:] for row in ROUGHLY], ids=[row[0] for row in ROUGHLY]
)
async def test_a_careless_client_is_noticed(rails, promise, careless):
    subject = Careless(await rails.get("UZ"), careless)
    found = await check_requirement(
        RequirementGroup.LIVE, promise, (subject, ["AC04"]) if promise is live.every_reason else subject
    )

    assert not found.ok
    assert "raised" not in found.detail


@pytest.mark.long
async def test_an_adapter_that_leaves_connections_open_is_noticed(rails):
    rail, kept = await rails.get("UZ"), []
    port = int(rail.connection.base_url.rpartition(":")[2])

    def careless(real):
        async def submit(native):
            kept.append(socket.create_connection(("127.0.0.1", port)))
            return await real.submit(native)

        return Other(real, submit=submit)

    found = await check_requirement(
        RequirementGroup.FAILURES, failures.leaves_nothing_open, Careless(rail, careless)
    )
    for connection in kept:
        connection.close()

    assert found.detail == f"{len(kept) // 2} connections remain", "in each of two trials"


async def test_another_kits_log_is_not_taken_for_ours():
    """At first an ear heard every log of the process: on a busy machine another country's careless one too."""
    both, over = asyncio.Barrier(2), asyncio.Barrier(2)

    async def kit(text):
        with failures._collected_logs() as said:
            await both.wait()
            logging.getLogger("careless").info("sent %s", text)
            await over.wait()
            return said

    heard = await asyncio.gather(kit("of Tajikistan"), kit("of Uzbekistan"))

    assert heard == [["sent of Tajikistan"], ["sent of Uzbekistan"]]


async def test_an_unexpected_message_is_received_by_the_listening_kit():
    """An exception that no task took is told by the event loop, in a context of its own."""
    with failures._collected_logs() as said:
        contextvars.Context().run(logging.getLogger("asyncio").error, "exception was never retrieved")

    assert said == ["exception was never retrieved"]


async def test_a_patient_kit_waits_longer_to_connect_too():
    """At first "refused" was read on a busy machine: in three seconds no connection was made."""
    scales = [
        RailConnection("https://127.0.0.1:1", time_scale=scale).connect_scale for scale in (10.0, 1.0, 0.01)
    ]

    assert scales == [10.0, 1.0, 1.0]


async def test_a_report_states_what_to_do():
    async def promise(_):
        """Silence is gold.

        Look at the
        mouth.
        """
        raise RequirementNotMet("it spoke")

    report = conformance.ConformanceReport("XX", "Rail")
    report.checks.append(await check_requirement(RequirementGroup.LIVE, promise, None))

    assert not report.ok
    assert report.text().splitlines()[2:] == [
        "at the rail: 0 of 1", "  FAIL  Silence is gold.", "          found    it spoke",
        "          advice   Look at the mouth.", "", "0 of 1 requirements met",
    ]  # fmt: skip
    assert report.as_dict()["checks"][0]["advice"] == "Look at the mouth."


async def test_made_up_orders_are_the_same_on_every_machine():
    from adapters.conformance import orders

    profile = registry.profile("UZ")
    first, again = [[order.payment.uetr for order in orders.of(profile, 5)] for _ in range(2)]

    assert first == again
    assert sample_order("UZ").payment.uetr not in first
