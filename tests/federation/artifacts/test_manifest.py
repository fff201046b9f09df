import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.artifacts import LARGEST_MANIFEST_BYTES, ArtifactManifest, BadManifest, Label, describe, read_manifest
from federation.artifacts.manifest import LARGEST_BYTES, MOST_CHUNKS

LABEL = Label(kind="dataset", name="street", version="3", profiles=("analysis",))
CHUNK = 1024


def described(path: Path, content: bytes) -> ArtifactManifest:
    path.write_bytes(content)
    return describe(path, LABEL, noted=lambda _done: None, chunk_bytes=CHUNK)


@pytest.mark.parametrize(("size_bytes", "chunks"), [(1, 1), (CHUNK, 1), (CHUNK + 1, 2), (3 * CHUNK, 3)])
def test_a_manifest_names_every_chunk_by_both_digests(tmp_path: Path, size_bytes: int, chunks: int) -> None:
    content = bytes(range(256)) * 12
    content = content[:size_bytes]

    manifest = described(tmp_path / "file", content)

    pieces = [content[start : start + CHUNK] for start in range(0, size_bytes, CHUNK)]
    assert manifest.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert manifest.chunk_count == chunks
    assert manifest.sha256 == tuple(hashlib.sha256(piece).hexdigest() for piece in pieces)
    assert manifest.sm3 == tuple(hashlib.new("sm3", piece).hexdigest() for piece in pieces)
    assert [manifest.length_bytes(index) for index in range(chunks)] == [len(piece) for piece in pieces]
    assert (manifest.kind, manifest.name, manifest.version, manifest.profiles) == (
        "dataset",
        "street",
        "3",
        ("analysis",),
    )


def test_progress_is_noted_after_every_chunk_and_may_end_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(2500))
    noted: list[int] = []

    describe(tmp_path / "file", LABEL, noted=noted.append, chunk_bytes=CHUNK)

    assert noted == [1024, 2048, 2500]


def test_an_empty_file_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(BadManifest, match="not 0"):
        described(tmp_path / "file", b"")


def test_a_file_beyond_the_largest_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)  # sparse

    with pytest.raises(BadManifest, match=str(LARGEST_BYTES)):
        describe(tmp_path / "file", LABEL, noted=lambda _done: None)


def test_a_chunk_is_accepted_only_as_it_was(tmp_path: Path) -> None:
    content = b"a" * CHUNK + b"b" * 10
    manifest = described(tmp_path / "file", content)

    assert manifest.accepts(0, b"a" * CHUNK)
    assert manifest.accepts(1, memoryview(b"b" * 10))
    assert not manifest.accepts(1, b"b" * 11)
    assert not manifest.accepts(0, b"a" * (CHUNK - 1) + b"b")
    only_sha256 = manifest.model_copy(update={"sm3": (manifest.sm3[1], manifest.sm3[1])})
    assert not only_sha256.accepts(0, b"a" * CHUNK)


def test_the_largest_artifact_has_a_manifest_within_its_bound() -> None:
    names = tuple(f"{number:064x}" for number in range(MOST_CHUNKS))
    largest = ArtifactManifest(
        digest=f"sha256:{'0' * 64}", size_bytes=LARGEST_BYTES, kind="os-image", name="n" * 128, sha256=names, sm3=names
    )

    assert len(largest.to_bytes()) < LARGEST_MANIFEST_BYTES


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": LARGEST_BYTES + 1}, "size_bytes"),
        ({"size_bytes": 10**30}, "size_bytes"),
        ({"chunk_bytes": 1}, "chunk_bytes"),
        ({"chunk_bytes": 2**40}, "chunk_bytes"),
        ({"size_bytes": 2049}, "3 chunks"),
        ({"sm3": []}, "sm3"),
        ({"sha256": ["0" * 64] * 3}, "2 chunks"),
        ({"sha256": ["x" * 64] * 2}, "sha256.0"),
        ({"sha256": ["0" * 64] * (MOST_CHUNKS + 1)}, "sha256"),
        ({"digest": "md5:00"}, "digest"),
        ({"digest": f"sha256:{'1' * 64}"}, "manifest of sha256:1111"),
        ({"name": ""}, "name"),
        ({"kind": "../etc"}, "kind"),
    ],
)
def test_a_manifest_with_absurd_values_is_refused(tmp_path: Path, changed: dict[str, object], reason: str) -> None:
    manifest = described(tmp_path / "file", bytes(2000))
    content = json.dumps({**manifest.model_dump(mode="json"), **changed}).encode()

    with pytest.raises(BadManifest, match=reason):
        read_manifest(content, digest=manifest.digest)


def test_a_manifest_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(BadManifest, match="more than"):
        read_manifest(b" " * (LARGEST_MANIFEST_BYTES + 1), digest=f"sha256:{'0' * 64}")


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    with pytest.raises(BadManifest):
        read_manifest(content, digest=f"sha256:{'0' * 64}")


def test_what_a_later_release_adds_is_kept(tmp_path: Path) -> None:
    manifest = described(tmp_path / "file", b"x")
    later = json.dumps({**manifest.model_dump(mode="json"), "licence": "city"}).encode()

    assert b"licence" in read_manifest(later, digest=manifest.digest).to_bytes()
