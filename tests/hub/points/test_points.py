"""Points over HTTP and as spreadsheets."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.http import Problem
from federation.http.sheet import plain
from federation.messages import CameraReport, CameraState, PictureFault, PictureReport
from federation.testing.played_appliance import played_appliance
from federation.testing.waiting import until
from hub.points.sheet import COLUMNS, read_points
from hub.spreadsheet import text
from tests.hub.conftest import ON_SQLITE

POINT = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1/gate", "gb_code": "33010000001310000001"}


async def test_an_absent_password_keeps_the_present_one(hub: Any) -> None:
    (await hub.console.post("/api/v1/points", json={**POINT, "password": "secret"})).raise_for_status()
    draft = {name: value for name, value in POINT.items() if name != "id"}

    kept = (await hub.console.put("/api/v1/points/gate", json={**draft, "name": "西门"})).json()
    cleared = (await hub.console.put("/api/v1/points/gate", json={**draft, "password": ""})).json()

    assert (kept["name"], kept["has_password"], cleared["has_password"]) == ("西门", True, False)


async def test_points_are_found_by_what_is_wrong_with_their_picture(linked_hub: Any) -> None:
    for point_id in ("gate", "yard"):
        point = {"id": point_id, "name": point_id, "stream_url": "rtsp://127.0.0.1/x"}
        (await linked_hub.console.post("/api/v1/points", json=point)).raise_for_status()
    covered = PictureReport(faults=(PictureFault.COVERED,), checked_at=datetime.now(UTC))
    async with played_appliance(await linked_hub.enrol()) as node:
        gate = CameraReport(point_id="gate", state=CameraState.LIVE, picture=covered)
        node.report(cameras=(gate, CameraReport(point_id="yard", state=CameraState.LIVE)))

        async def found() -> Any:
            return (await linked_hub.console.get("/api/v1/points?picture_fault=covered")).json()["items"]

        items = await until(found, within_s=60, what="a point whose view is covered")
        others = (await linked_hub.console.get("/api/v1/points?picture_fault=black")).json()["items"]

    assert [(item["id"], item["picture_faults"]) for item in items] == [("gate", ["covered"])]
    assert others == []


async def test_a_taken_id_or_code_is_a_conflict(hub: Any) -> None:
    (await hub.console.post("/api/v1/points", json=POINT)).raise_for_status()

    same_id = await hub.console.post("/api/v1/points", json=POINT)
    same_code = await hub.console.post("/api/v1/points", json={**POINT, "id": "other"})

    assert (same_id.status_code, same_id.json()["code"]) == (409, "point_exists")
    assert (same_code.status_code, same_code.json()["code"]) == (409, "code_taken")


async def test_what_is_exported_can_be_imported_again(hub: Any) -> None:
    point = {**POINT, "name": "=1+1", "longitude": -120.5, "latitude": 30.25, "address": "滨江路, 1 号"}
    (await hub.console.post("/api/v1/points", json=point)).raise_for_status()
    exported = (await hub.console.get("/api/v1/points/export.csv")).content
    before = (await hub.console.get("/api/v1/points/gate")).json()
    (await hub.console.delete("/api/v1/points/gate")).raise_for_status()

    imported = await hub.console.post("/api/v1/points/import", content=exported, headers={"Content-Type": "text/csv"})

    after = (await hub.console.get("/api/v1/points/gate")).json()
    assert imported.json() == {"count": 1, "created": 1, "updated": 0}
    assert {name: after[name] for name in point} == {name: before[name] for name in point} == point


@ON_SQLITE
async def test_a_national_code_is_of_plain_figures(hub: Any) -> None:
    wide = str(POINT["gb_code"]).translate({ord(figure): 0xFEE0 + ord(figure) for figure in "0123456789"})

    answer = await hub.console.post("/api/v1/points", json={**POINT, "gb_code": wide})

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["body.gb_code"])


@ON_SQLITE
async def test_an_import_with_a_fault_changes_nothing_and_names_the_row(hub: Any) -> None:
    sheet = "点位编号,点位名称,视频流地址,经度\ngood,好,rtsp://127.0.0.1/1,120\nbad,坏,ftp://x,240\n"

    answer = await hub.console.post("/api/v1/points/import", content=sheet.encode("gb18030"))

    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"row 3.stream_url", "row 3.longitude"}
    assert (await hub.console.get("/api/v1/points")).json()["items"] == []


async def test_the_map_gives_only_points_with_coordinates(hub: Any) -> None:
    (await hub.console.post("/api/v1/points", json={**POINT, "longitude": 120.5, "latitude": 30.25})).raise_for_status()
    (await hub.console.post("/api/v1/points", json={**POINT, "id": "b", "gb_code": None})).raise_for_status()

    found = (await hub.console.get("/api/v1/points/map")).json()

    assert found == {
        "ids": ["gate"],
        "names": ["东门"],
        "longitudes": [120.5],
        "latitudes": [30.25],
        "states": [None],
    }


@ON_SQLITE
async def test_a_viewer_reads_points_and_changes_none(hub: Any) -> None:
    async with hub.signed_in("viewer") as viewer:
        listed = await viewer.get("/api/v1/points")
        refused = await viewer.post("/api/v1/points", json=POINT)

    assert (listed.status_code, refused.status_code) == (200, 403)


@ON_SQLITE
async def test_a_point_without_a_picture_says_so(hub: Any) -> None:
    (await hub.console.post("/api/v1/points", json=POINT)).raise_for_status()

    assert (await hub.console.get("/api/v1/points/gate/picture.jpg")).status_code == 404


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20))
def test_no_cell_is_a_formula_and_every_cell_reads_back(cell: str) -> None:
    written = text([[cell]])

    assert not written.startswith(("=", "+", "-", "@", '"=', '"+', '"-', '"@'))
    if not cell.startswith("'"):
        assert plain("'" + cell if written.lstrip('"').startswith("'") else cell) == cell


@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises(Problem) as refused:
        read_points(b"\xff" + content)

    assert refused.value.status == 422


def test_a_header_may_be_chinese_or_english() -> None:
    english = "id,name,stream_url\na,A,rtsp://h/1\n"
    chinese = ",".join([COLUMNS["id"], COLUMNS["name"], COLUMNS["stream_url"]]) + "\na,A,rtsp://h/1\n"

    assert read_points(english.encode()) == read_points(("\ufeff" + chinese).encode())


async def test_a_recording_plan_is_kept_through_changes_of_the_point_until_it_is_left_to_the_box(hub: Any) -> None:
    (await hub.console.post("/api/v1/points", json=POINT)).raise_for_status()
    plan = {"calendar": {"windows": []}, "keep_days": 7, "backfill": True}

    planned = (await hub.console.put("/api/v1/points/gate/recording", json=plan)).json()
    draft = {name: value for name, value in POINT.items() if name != "id"}
    changed = (await hub.console.put("/api/v1/points/gate", json={**draft, "name": "西门"})).json()
    left = await hub.console.delete("/api/v1/points/gate/recording")
    after = (await hub.console.get("/api/v1/points/gate")).json()

    assert (planned["recording"]["keep_days"], planned["recording"]["backfill"]) == (7, True)
    assert changed["recording"] == planned["recording"]
    assert (left.status_code, after["recording"], after["recording_report"]) == (204, None, None)


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"keep_days": 0}, "body.keep_days"),
        ({"after_s": 3601}, "body.after_s"),
        ({"whenever": True}, "body.whenever"),
    ],
)
@ON_SQLITE
async def test_a_recording_plan_that_makes_no_sense_changes_nothing(hub: Any, plan: Any, field: str) -> None:
    (await hub.console.post("/api/v1/points", json=POINT)).raise_for_status()

    answer = await hub.console.put("/api/v1/points/gate/recording", json=plan)
    unknown = await hub.console.put("/api/v1/points/nowhere/recording", json={})

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])
    assert unknown.status_code == 404
    assert (await hub.console.get("/api/v1/points/gate")).json()["recording"] is None
