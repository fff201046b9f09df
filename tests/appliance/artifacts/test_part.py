"""An artifact on its way survives whatever ends the process, and trusts nothing that is not durable."""

from pathlib import Path

import pytest

from appliance.artifacts.holdings import SPARE_VERSIONS, Holdings
from appliance.artifacts.part import Part
from federation.artifacts import Bitmap
from federation.testing.played_source import HUB_KEY, signed_by
from tests.appliance.artifacts.conftest import CHUNK, Artifact, make_artifact


@pytest.fixture
def holdings(tmp_path: Path) -> Holdings:
    return Holdings(root=tmp_path / "artifacts")


def chunk(artifact: Artifact, index: int) -> bytes:
    start = artifact.manifest.offset_bytes(index)
    return artifact.content[start : start + artifact.manifest.length_bytes(index)]


def test_chunks_that_were_kept_are_there_after_a_restart(holdings: Holdings, artifact: Artifact) -> None:
    part = holdings.begin(artifact.signed)
    for index in (3, 10):
        part.write(index, chunk(artifact, index))
    part.close()

    again = holdings.begin(artifact.signed)

    assert set(range(11)) - set(again.bitmap.missing()) == {3, 10}
    assert again.held_bytes == CHUNK + 100
    assert again.read(3) == chunk(artifact, 3)
    again.close()


def test_bytes_without_their_bit_do_not_count(holdings: Holdings, artifact: Artifact) -> None:
    part = holdings.begin(artifact.signed)
    part.close()
    with part.path.open("r+b") as file:  # as if power had gone between the bytes and the bitmap
        file.write(artifact.content)

    again = holdings.begin(artifact.signed)

    assert again.bitmap == Bitmap.empty(11)
    again.close()


@pytest.mark.parametrize("damage", ["bitmap is short", "bitmap is gone", "part is gone", "part is short"])
def test_what_was_damaged_meanwhile_begins_anew(holdings: Holdings, artifact: Artifact, damage: str) -> None:
    part = holdings.begin(artifact.signed)
    part.write(0, chunk(artifact, 0))
    part.close()
    bitmap = part.path.with_suffix(".bitmap")
    match damage:
        case "bitmap is short":
            bitmap.write_bytes(b"\xff")
        case "bitmap is gone":
            bitmap.unlink()
        case "part is gone":
            part.path.unlink()
        case _:
            part.path.write_bytes(b"short")

    again = holdings.begin(artifact.signed)

    assert again.bitmap.held == 0
    again.close()


def test_another_manifest_of_the_same_artifact_begins_anew(holdings: Holdings, artifact: Artifact) -> None:
    part = holdings.begin(artifact.signed)
    part.write(0, chunk(artifact, 0))
    part.close()

    again = holdings.begin(signed_by(HUB_KEY, artifact.manifest.model_copy(update={"version": "2"})))

    assert again.bitmap.held == 0
    again.close()


def complete(part: Part, artifact: Artifact) -> None:
    for index in range(artifact.manifest.chunk_count):
        part.write(index, chunk(artifact, index))


def test_a_whole_artifact_has_its_place_and_nothing_else_is_left(holdings: Holdings, artifact: Artifact) -> None:
    part = holdings.begin(artifact.signed)
    complete(part, artifact)

    assert part.is_sound()
    part.move_to(holdings.place(artifact.manifest.digest))
    part.close()

    assert holdings.whole() == {artifact.manifest.digest: holdings.place(artifact.manifest.digest)}
    assert {path.suffix for path in holdings.root.iterdir()} == {"", ".manifest"}
    assert [(kept.kind, kept.name, kept.size_bytes) for kept in holdings.kept()] == [
        ("dataset", "street", len(artifact.content))
    ]


def test_a_chunk_that_the_disk_damaged_is_found_and_counts_no_more(holdings: Holdings, artifact: Artifact) -> None:
    part = holdings.begin(artifact.signed)
    complete(part, artifact)
    with part.path.open("r+b") as file:
        file.seek(5 * CHUNK + 7)
        file.write(b"!")

    assert not part.is_sound()
    assert list(part.bitmap.missing()) == [5]
    part.close()


def test_a_thread_that_was_given_up_cannot_write_into_a_closed_part(holdings: Holdings, artifact: Artifact) -> None:
    part = holdings.begin(artifact.signed)
    part.close()

    with pytest.raises(OSError, match="closed"):
        part.write(0, chunk(artifact, 0))


def test_what_nobody_wants_any_more_leaves_no_part_behind(holdings: Holdings, artifact: Artifact) -> None:
    holdings.begin(artifact.signed).close()

    holdings.note_wanted(set())

    assert list(holdings.root.iterdir()) == []


def test_an_artifact_with_an_unreadable_manifest_is_still_held(holdings: Holdings, tmp_path: Path) -> None:
    other = make_artifact(tmp_path / "other", b"x")
    holdings.root.mkdir()
    holdings.place(other.manifest.digest).write_bytes(b"x")
    holdings.place(other.manifest.digest).with_suffix(".manifest").write_bytes(b"no manifest")

    assert list(holdings.whole()) == [other.manifest.digest]
    assert holdings.kept()[0].kind == ""
    assert SPARE_VERSIONS >= 1
