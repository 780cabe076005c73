"""Where the CPU of a process goes, for benchmarks: `PAYSWITCH_PROFILE='["stages", "samples"]'`.

`stages` meters the stages of a payment in API workers, `samples` takes stack samples in every process. Each
process writes its counts once a second to `DATA/run/profile/NAME-PID.json`. Off by default: then no function
is replaced and no timer runs.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from switch.base.settings import Settings
from switch.processes.cpu_meter import CpuMeter
from switch.processes.stack_sampler import StackSampler

API: Final = "api"
EVERY_S: Final = 1.0
STAGES: Final = {
    "edge": (
        "switch.processes.http_guard:GuardedProtocol.data_received",
        "switch.processes.app:Edge.__call__",
    ),
    "signature": ("switch.api.receiving:identify",),
    "decode": ("schemas.codec:decode", "schemas.credit_transfer:read", "schemas.official:check_where_set"),
    "rules": (
        "schemas.rules:check",
        "switch.payments.stated:check_times",
        "switch.payments.stated:expiry",
        "switch.payments.stated:check_parties",
        "switch.payments.stated:check_kind",
        "switch.payments.stated:check_price",
    ),
    "price": (
        "switch.payments.routes:find",
        "switch.payments.routes:price",
        "switch.payments.pricing:legs",
    ),
    "seal": (
        "switch.base.personal_data:KeyRing.sealer",
        "switch.base.personal_data:KeyRing.fingerprint",
        "switch.base.personal_data:Sealer.seal",
        "switch.writer.duplicates:claims",
    ),
    "translate": (
        "switch.payments.rails:Rail.not_carried",
        "switch.payments.rails:Rail.translate",
    ),
    "ledger reserve": ("switch.payments.intake:Intake._reserve",),
    "intake, the rest": ("switch.payments.intake:Intake.take",),
    "rail exchange": (
        "switch.payments.dispatch:Dispatcher.send",
        "adapters.http:HttpClient.request",
        "adapters.iso8583.pool:Pool.exchange",
        "adapters.http_connection:HttpConnection.data_received",
    ),
    "answer reading": (
        "switch.payments.dispatch:reserve_and_submit",
        "switch.payments.rails:Rail.read",
        "adapters.iso8583.pool:Pool._dispatch",
    ),
    "commit": ("switch.payments.dispatch:Dispatcher._ask",),
    "connection to the writer": (
        "switch.writer.client:_Peer._flush",
        "switch.writer.client:_Peer._received",
    ),
    "answer": ("switch.api.receiving:_report", "switch.api.receiving:_encoded"),
}
"""The functions of each stage, in the order in which a payment passes the stages."""


class StageTotal(msgspec.Struct, frozen=True):
    """Of one stage since the start of the process."""

    calls: int
    cpu_ns: int


class Profile(msgspec.Struct, frozen=True):
    """What a process used since its start."""

    process: str
    cpu_ns: int
    """All of the process, with all its threads."""
    stages: dict[str, StageTotal] = {}
    stacks: dict[str, int] = {}
    """Samples by stack, the outermost function first."""


@contextlib.asynccontextmanager
async def running(settings: Settings, process: str) -> AsyncIterator[None]:
    """Profile this process for the length of a `with`, if the settings require it."""
    if not settings.profile:
        yield
        return
    meter, sampler = CpuMeter(), StackSampler()
    with contextlib.ExitStack() as stack:
        if "stages" in settings.profile and process == API:
            stack.callback(meter.install(STAGES))
            stack.callback(meter.count_collections())
        if "samples" in settings.profile:
            stack.callback(sampler.start())
        writing = asyncio.create_task(_keep_writing(settings.profile_directory, process, meter, sampler))
        try:
            yield
        finally:
            writing.cancel()


async def _keep_writing(directory: Path, process: str, meter: CpuMeter, sampler: StackSampler) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{process}-{os.getpid()}.json"
    while True:
        stages = {name: StageTotal(meter.calls[name], spent) for name, spent in meter.spent_ns.items()}
        profile = Profile(process, time.process_time_ns(), stages, dict(sampler.stacks))
        unfinished = file.with_suffix(".new")
        unfinished.write_bytes(msgspec.json.encode(profile))
        unfinished.replace(file)
        await asyncio.sleep(EVERY_S)


def read(directory: Path) -> dict[str, Profile]:
    """The profiles of all processes of a switch, by the name of the file without its suffix."""
    return {
        file.stem: msgspec.json.decode(file.read_bytes(), type=Profile) for file in directory.glob("*.json")
    }
