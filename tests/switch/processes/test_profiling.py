"""What a process measures of itself: exclusive CPU by stage, stack samples, and nothing at all by default."""

import asyncio
import gc
import inspect
import json
import signal
import threading
import time

import msgspec
import pytest

from loadtests import mix
from loadtests.generator import UETR
from schemas import codec
from switch.base.settings import Settings
from switch.payments.dispatch import Dispatcher
from switch.processes import profiling
from switch.processes.cpu_meter import GARBAGE_COLLECTION, CpuMeter
from switch.processes.stack_sampler import StackSampler


def burn(milliseconds: int) -> None:
    """Use so much CPU."""
    end = time.thread_time_ns() + milliseconds * 1_000_000
    while time.thread_time_ns() < end:
        pass


def spent_ms(meter: CpuMeter) -> dict[str, float]:
    return {stage: spent / 1e6 for stage, spent in meter.spent_ns.items()}


def test_a_stage_is_without_the_stages_inside_it() -> None:
    meter = CpuMeter()
    inner = meter.metered(lambda: burn(20), "inner")

    def work() -> str:
        burn(10)
        inner()
        burn(10)
        return "done"

    began = time.thread_time_ns()
    assert meter.metered(work, "outer")() == "done"
    all_ms = (time.thread_time_ns() - began) / 1e6
    found = spent_ms(meter)

    assert found["outer"] >= 20
    assert found["inner"] >= 20
    assert found["outer"] + found["inner"] <= all_ms
    assert dict(meter.calls) == {"outer": 1, "inner": 1}


async def test_a_coroutine_is_charged_only_while_it_runs() -> None:
    """Two payments interleave; the CPU of others while they wait belongs to nobody."""
    meter = CpuMeter()

    async def exchange(value: int) -> int:
        burn(5)
        await asyncio.sleep(0.01)
        burn(5)
        return value

    async def other() -> None:
        burn(30)

    metered = meter.metered(exchange, "exchange")
    began = time.thread_time_ns()
    assert await asyncio.gather(metered(1), other(), metered(2)) == [1, None, 2]
    all_ms = (time.thread_time_ns() - began) / 1e6

    assert spent_ms(meter)["exchange"] >= 20
    assert spent_ms(meter)["exchange"] <= all_ms - 30
    assert meter.calls["exchange"] == 2
    assert meter._stages == []


async def test_errors_and_cancellations_pass_and_end_the_stage() -> None:
    meter = CpuMeter()

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def wait() -> None:
        await asyncio.sleep(60)

    with pytest.raises(ValueError, match="no"):
        await meter.metered(fail, "fails")()
    task = asyncio.create_task(meter.metered(wait, "waits")())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert meter._stages == []


def test_other_threads_are_not_metered() -> None:
    meter = CpuMeter()
    thread = threading.Thread(target=meter.metered(lambda: burn(1), "work"))
    thread.start()
    thread.join()

    assert dict(meter.spent_ns) == {}


def test_collections_are_a_stage_until_they_are_not_counted() -> None:
    meter = CpuMeter()
    end = meter.count_collections()
    gc.collect()
    end()
    calls = meter.calls[GARBAGE_COLLECTION]
    gc.collect()

    assert calls == meter.calls[GARBAGE_COLLECTION] == 1
    assert meter.spent_ns[GARBAGE_COLLECTION] > 0


def test_stages_name_functions_that_exist_and_are_put_back() -> None:
    message = mix.template("asha-bank", "noor-wallet", mix.XML).replace(
        UETR, "0e6a2b31-7a59-4d6b-9f0e-6f1d8a3c5b70"
    )
    originals = codec.decode, Dispatcher.send
    meter = CpuMeter()
    undo = meter.install(profiling.STAGES)
    try:
        assert inspect.iscoroutinefunction(Dispatcher.send)
        assert codec.decode(message.encode(), media_type=mix.XML, expect="pacs.008").id == "pacs.008.001.08"
    finally:
        undo()

    assert (codec.decode, Dispatcher.send) == originals
    assert meter.calls["decode"] == 1


def test_a_stage_whose_function_was_renamed_is_reported() -> None:
    with pytest.raises(AttributeError):
        CpuMeter().install({"decode": ("schemas.codec:no_such_function",)})


def test_samples_are_of_cpu_and_name_the_callers() -> None:
    sampler = StackSampler()
    stop = sampler.start(0.001)
    burn(100)
    stop()
    samples = sum(sampler.stacks.values())
    burn(20)

    assert samples == sum(sampler.stacks.values()) > 0
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert any(stack.split(";")[-1].endswith("test_profiling.burn") for stack in sampler.stacks)


async def test_nothing_is_installed_by_default(tmp_path) -> None:
    original = codec.decode
    async with profiling.running(Settings(data=tmp_path), "api"):
        assert codec.decode is original
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)

    assert not (tmp_path / "run").exists()


async def test_a_process_writes_its_profile(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(profiling, "EVERY_S", 0.01)
    settings = Settings(data=tmp_path, profile=frozenset({"stages", "samples"}))
    original = codec.decode
    async with profiling.running(settings, "api"):
        assert codec.decode is not original
        burn(30)
        gc.collect()
        await asyncio.sleep(0.1)
    (found,) = profiling.read(settings.profile_directory).values()

    assert codec.decode is original
    assert found.process == "api"
    assert found.cpu_ns > 30_000_000
    assert found.stages[GARBAGE_COLLECTION].calls >= 1
    assert sum(found.stacks.values()) > 0


async def test_only_api_workers_have_stages(tmp_path) -> None:
    original = codec.decode
    async with profiling.running(Settings(data=tmp_path, profile=frozenset({"stages"})), "writer"):
        assert codec.decode is original


def test_the_setting_is_a_list_of_what_to_measure(monkeypatch) -> None:
    monkeypatch.setenv("PAYSWITCH_PROFILE", json.dumps(["samples"]))
    assert Settings().profile == {"samples"}
    monkeypatch.setenv("PAYSWITCH_PROFILE", json.dumps(["everything"]))
    with pytest.raises(ValueError, match="stages"):
        Settings()


def test_a_profile_travels_as_json() -> None:
    profile = profiling.Profile("api", 5, {"decode": profiling.StageTotal(1, 2)}, {"a;b": 3})
    assert msgspec.json.decode(msgspec.json.encode(profile), type=profiling.Profile) == profile
