"""Pictures that lie beside picture tasks: what is kept, and what gives way."""

from pathlib import Path

import pytest

from appliance.panel.models.kept import KeptPictures


def test_a_picture_is_there_until_its_task_is_removed(tmp_path: Path) -> None:
    kept = KeptPictures(tmp_path / "kept", free_bytes=0)
    kept.put("a", 1, b"one", open_jobs=())
    kept.put("a", 2, b"two", open_jobs=())

    assert [kept.get("a", number) for number in (1, 2, 3)] == [b"one", b"two", None]
    kept.remove("a")
    assert kept.get("a", 1) is None


@pytest.mark.parametrize(("size_bytes", "first"), [(6, b"1234"), (7, None)])
def test_pictures_of_the_oldest_task_give_way_when_all_take_too_much(
    tmp_path: Path, size_bytes: int, first: bytes | None
) -> None:
    kept = KeptPictures(tmp_path / "kept", free_bytes=0, most_bytes=10)
    kept.put("a", 1, b"1234", open_jobs=())

    assert kept.put("b", 1, bytes(size_bytes), open_jobs=())
    assert kept.get("a", 1) == first


def test_pictures_of_open_tasks_never_give_way_so_that_there_may_be_no_room(tmp_path: Path) -> None:
    kept = KeptPictures(tmp_path / "kept", free_bytes=0, most_bytes=10)
    kept.put("a", 1, b"1234", open_jobs=())

    assert not kept.put("b", 1, bytes(7), open_jobs={"a"})
    assert kept.get("a", 1) == b"1234"


def test_a_disk_that_is_to_stay_free_takes_no_picture(tmp_path: Path) -> None:
    kept = KeptPictures(tmp_path / "kept", free_bytes=1 << 60)

    assert not kept.put("a", 1, b"1234", open_jobs=())


def test_after_a_restart_what_belongs_to_no_task_goes_and_the_rest_counts(tmp_path: Path) -> None:
    before = KeptPictures(tmp_path / "kept", free_bytes=0)
    for job_id in "ab":
        before.put(job_id, 1, b"1234", open_jobs=())

    after = KeptPictures(tmp_path / "kept", free_bytes=0, most_bytes=10)
    after.sweep({"b"})

    assert (after.get("a", 1), after.get("b", 1)) == (None, b"1234")
    assert not after.put("c", 1, bytes(7), open_jobs={"b"})


def test_pictures_of_snapshot_plans_give_way_before_older_ones_of_people(tmp_path: Path) -> None:
    kept = KeptPictures(tmp_path, free_bytes=0, most_bytes=10)
    kept.put("a", 1, b"1234", open_jobs=())
    kept.put("b", 1, b"1234", open_jobs=())

    assert kept.put("c", 1, b"1234", open_jobs=(), of_plans={"b"})

    assert (kept.get("a", 1), kept.get("b", 1)) == (b"1234", None)
