"""What one worker holds while it runs: connections and snapshots, nothing that must survive a kill -9."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from ledger.roles import Login
from schemas import codec
from switch.api import key_use
from switch.api.admission import Admission
from switch.api.lookups import LookUps
from switch.base import installation, metrics, personal_data
from switch.base.database import connect_pool
from switch.base.personal_data import KeyRing
from switch.base.quota import Quota
from switch.base.settings import Settings
from switch.identity.nonces import Nonces
from switch.operations import vitals
from switch.payments import rails
from switch.payments.directory import Directory
from switch.payments.dispatch import Dispatcher
from switch.payments.inbound import InboundRails
from switch.payments.intake import Intake
from switch.payments.rails import Rails
from switch.payments.screening import Screening
from switch.writer.client import Link
from switch.writer.kinds import Kind

WAITS_MAX: Final = 3_000
WAITS_OF_ONE: Final = 1_500
"""Requests that wait for the end of their payment: of one worker, and of one participant there."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The shared objects that requests use."""

    settings: Settings
    kind: Kind
    """`api`: it serves participants and rails; `pages`: people."""
    pool: asyncpg.Pool
    reading: asyncpg.Pool
    """For reports and pages that only read: of a role that cannot write, perhaps at a replica."""
    directory: Directory
    rails: Rails
    link: Link
    dispatcher: Dispatcher
    intake: Intake
    keys: KeyRing
    nonces: Nonces
    metrics_token: str
    """What a scraper of metrics must state."""
    lookups: LookUps
    admission: Admission
    inbound: InboundRails
    waits: Quota = field(default_factory=lambda: Quota(WAITS_MAX, WAITS_OF_ONE, "waiting requests"))
    """A payment whose sender uses up its quota is answered at once, before it is final."""


@asynccontextmanager
async def running(settings: Settings, kind: Kind) -> AsyncIterator[Runtime]:
    """Connect everything; at the end, finish pending sends and disconnect."""
    codec.warm()  # the first payment must not wait for the plans
    login = Login.API if kind is Kind.API else Login.PAGES
    pool = await installation.open_pool(settings, login, kind)
    reading = await connect_pool(settings, Login.READER, kind)
    directory = Directory(pool)
    await directory.refresh()
    link = Link.of(settings, kind)
    await link.start()
    rails_here = rails.connect(settings, pool)
    keys = personal_data.load(settings.personal_data_keys)
    dispatcher = Dispatcher(link, settings.time_scale, settings.payment_expiry_s, keys)
    if kind is Kind.API:
        dispatcher.listen(rails_here)
    screening = Screening(settings, pool, directory, keys)
    intake = Intake(settings, directory, rails_here, link, dispatcher, screening)
    admission = Admission(settings.accepting_max, settings.accepting_wait_s)
    refreshing = asyncio.create_task(directory.keep_fresh())
    tasks = [refreshing, asyncio.create_task(vitals.watch(kind, pool))]
    if kind is Kind.API:
        metrics.WORKERS.set(1)
        await screening.prepare()
        tasks.append(asyncio.create_task(screening.keep_ready()))
        tasks.append(asyncio.create_task(admission.keep_reporting()))
        tasks.append(asyncio.create_task(key_use.keep(pool)))
    try:
        yield Runtime(
            settings,
            kind,
            pool,
            reading,
            directory,
            rails_here,
            link,
            dispatcher,
            intake,
            keys,
            Nonces(pool),
            metrics.token(settings),
            LookUps(settings),
            admission,
            InboundRails(pool),
        )
    finally:
        for task in tasks:
            task.cancel()
        await dispatcher.drain()
        await screening.close()
        await asyncio.gather(*(rail.adapter.close() for rail in rails_here.values()))
        await link.stop()
        await reading.close()
        await pool.close()
