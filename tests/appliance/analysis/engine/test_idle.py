"""A model that nobody asks costs no processor time: nothing of its process spins while it waits."""

from pathlib import Path

from appliance.analysis.engine.devices import open_session
from tests.appliance.analysis.engine.conftest import CPU, Pack, Running, one_box
from tests.appliance.analysis.engine.test_engine import labels
from tests.appliance.packaging.test_examination import endless

A, B = ("a", "1.0.0"), ("b", "1.0.0")
OTHER_WORK_S = 0.25
"""Processor time; a thread that spins takes as much meanwhile, or half where it shares its core."""

SOME_TIMES = 20_000
"""So far the other counts for a picture: some hundredths of a second."""

NOTHING_S = 0.005
"""To look whether there is a message, and to be measured."""


def cpu_s(pid: int) -> float:
    """Return the processor time of all threads of a process, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


async def test_an_idle_model_takes_no_processor_time_while_another_works(engine: Running, pack: Pack) -> None:
    await engine.holds({A: await pack("a", one_box()), B: await pack("b", endless(SOME_TIMES))})
    pids = {item.packages[0]: item.pid for item in engine.engine.report().models}
    idle, busy = pids["a 1.0.0"], pids["b 1.0.0"]
    for _ in range(20):  # every thread of it has computed, so that there is nothing left to set up
        assert labels((await engine.sees([A]))[A]) == ["person"]
    idle_before_s, busy_before_s = cpu_s(idle), cpu_s(busy)

    while cpu_s(busy) - busy_before_s < OTHER_WORK_S:
        assert len(labels((await engine.sees([B]))[B])) == 1

    assert cpu_s(idle) - idle_before_s < NOTHING_S


def test_a_session_computes_on_the_thread_that_asks_it_and_may_not_spin() -> None:
    options = open_session(one_box(), CPU).get_session_options()

    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
