"""How long recovery took, and what it looked like."""

import re

from hil_tests.chaos.chronicle import MEBIBYTE, Sample, Struck, most_memory_mb, quantiles_s, recoveries_s
from hil_tests.chaos.faults import Fault, Kind
from hil_tests.chaos.timeline import drawn

REPORT = {
    "ok": True,
    "net": "namespaces",
    "boxes": 2,
    "produced": 40,
    "hub_rows": 40,
    "tombstones": 0,
    "lost": 0,
    "duplicates": 0,
    "out_of_order": 0,
    "pictures_given_up": 0,
    "pictures_missing": 0,
    "tasks_restarted": 0,
    "faults_struck": 1,
    "faults": {"link_cut": 1},
    "recovery_s": {"link_cut": {"p50": 2.0, "p95": 2.0}},
}


def sample(at_s: float, **delivered: int) -> Sample:
    return Sample(
        at_s=at_s,
        committed={"b1": 20, "b2": 20},
        delivered=delivered,
        hub_memory_bytes=int(at_s) * MEBIBYTE,
        agent_memory_bytes=MEBIBYTE,
    )


def struck(kind: Kind, healed_s: float, **committed: int) -> Struck:
    fault = Fault(kind=kind, box=0, lasts_s=1.0)
    return Struck(fault=fault, began_s=healed_s - 1, healed_s=healed_s, committed=committed)


SAMPLES = [
    sample(1, b1=20, b2=20),
    sample(2, b1=5, b2=20),  # restored from a backup
    sample(3, b1=10, b2=20),
    sample(4, b1=20, b2=20),
]


def test_recovery_lasts_until_the_hub_has_all_that_was_committed_by_the_end_of_the_fault() -> None:
    after = recoveries_s([struck(Kind.LINK_CUT, 2.0, b1=10), struck(Kind.HUB_RESTORED, 1.5, b1=20, b2=20)], SAMPLES)

    assert after == {"link_cut": [1.0], "hub_restored": [2.5]}


def test_a_fault_after_which_nothing_was_delivered_has_no_recovery() -> None:
    assert recoveries_s([struck(Kind.LINK_CUT, 2.0, b1=21)], SAMPLES) == {}


def test_quantiles_are_those_of_the_kind() -> None:
    assert quantiles_s({"link_cut": [float(number) for number in range(100)]}) == {
        "link_cut": {"p50": 50.0, "p95": 95.0}
    }


def test_memory_is_the_most_that_was_seen() -> None:
    assert most_memory_mb(SAMPLES) == {"hub": 4.0, "agent": 1.0}
    assert most_memory_mb([]) == {"hub": 0.0, "agent": 0.0}


def test_the_page_shows_the_figures_the_curves_and_every_fault() -> None:
    page = drawn(SAMPLES, [struck(Kind.LINK_CUT, 2.0, b1=10)], REPORT, command="fengsui chaos --seed <7>")

    assert "fengsui chaos --seed &lt;7&gt;" in page
    assert page.count("<polyline") == 2 + 2 + 2  # events, backlog of two boxes, memory
    assert len(re.findall(r"<title>断网 link down, box 1", page)) == 1
    assert "<td>断网 link down</td><td>1</td><td>2.0</td><td>2.0</td>" in page


def test_the_page_of_a_run_without_faults_or_samples_can_be_drawn() -> None:
    assert "<svg" in drawn([], [], {**REPORT, "recovery_s": {}}, command="fengsui chaos")
