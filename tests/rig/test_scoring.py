from datetime import UTC, datetime, timedelta

from hil_tests.rig.scene.script import HappeningKind
from hil_tests.rig.scene.truth import GroundTruth, TrueHappening
from hil_tests.rig.scoring import KindScore, Report, Score, Watch, score

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def happening(kind: HappeningKind, start_s: float, end_s: float) -> TrueHappening:
    return TrueHappening(kind=kind, actor="a", region="r", t_start_s=start_s, t_end_s=end_s, boxes=())


TRUTHS = {
    "cam1": GroundTruth(
        camera="cam1",
        name_zh="",
        name_en="",
        loop_s=60.0,
        fps=8,
        regions={},
        happenings=(happening("area_intrusion", 5, 15), happening("left_object", 20, 45)),
        started_at=START,
    )
}


def judge(reports: list[Report], *, until_s: float = 60.0, from_s: float = 0.0) -> Score:
    watch = Watch(start=at(from_s), end=at(until_s))
    return score(reports, TRUTHS, watch=watch, kinds=["area_intrusion", "left_object"])


def report(kind: str, seconds: float, camera: str = "cam1") -> Report:
    return Report(camera=camera, kind=kind, at=at(seconds))


def test_a_report_in_time_is_true_and_what_nobody_reports_is_missed() -> None:
    result = judge([report("area_intrusion", 8)])

    assert result.by_kind["area_intrusion"] == KindScore(true=1, expected=1)
    assert result.by_kind["left_object"] == KindScore(expected=1, missed=1)
    assert result.total.precision == 1.0
    assert result.total.recall == 0.5


def test_more_reports_of_one_happening_are_duplicates_and_neither_true_nor_false() -> None:
    result = judge([report("area_intrusion", 8), report("area_intrusion", 9), report("area_intrusion", 14)])

    assert result.by_kind["area_intrusion"] == KindScore(true=1, duplicates=2, expected=1)


def test_a_report_outside_the_tolerance_is_false() -> None:
    result = judge([report("area_intrusion", 2.9), report("area_intrusion", 17.1)])

    assert result.by_kind["area_intrusion"] == KindScore(false=2, expected=1, missed=1)


def test_a_report_within_the_tolerance_is_true() -> None:
    assert judge([report("area_intrusion", 16.9)]).by_kind["area_intrusion"].true == 1


def test_the_right_kind_at_another_camera_is_false() -> None:
    assert judge([report("area_intrusion", 8, camera="cam2")]).by_kind["area_intrusion"].false == 1


def test_every_round_expects_its_own_report() -> None:
    result = judge([report("area_intrusion", 8), report("area_intrusion", 68)], until_s=120)

    assert result.by_kind["area_intrusion"] == KindScore(true=2, expected=2)


def test_a_happening_at_the_edge_of_the_watched_time_is_not_missed_and_may_be_reported() -> None:
    silent = judge([], until_s=30.0)
    told = judge([report("left_object", 29)], until_s=30.0)

    assert silent.by_kind["left_object"] == KindScore()
    assert told.by_kind["left_object"] == KindScore(true=1)


def test_without_reports_there_is_no_precision() -> None:
    assert judge([]).total.precision is None


def test_a_camera_that_never_went_on_air_expects_nothing() -> None:
    truth = GroundTruth(
        camera="cam2", name_zh="", name_en="", loop_s=60.0, fps=8, regions={}, happenings=TRUTHS["cam1"].happenings
    )

    result = score([], {"cam2": truth}, watch=Watch(start=at(0), end=at(60)), kinds=["area_intrusion"])

    assert result.total == KindScore()
