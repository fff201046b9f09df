import contextlib
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.packages import BadArchive, PackageError, builtin_manifests, open_package, write_manifest, write_package
from federation.packages.errors import MissingFile

MANIFEST = write_manifest(builtin_manifests()["fengsui.area_intrusion"]).encode()
PARTS = {"algorithm.yaml": MANIFEST, "docs/read.me": b"hello"}


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_package_that_was_written_is_opened(tmp_path: Path) -> None:
    written = write_package(PARTS, tmp_path / "a.algpkg")

    opened = open_package(tmp_path / "a.algpkg")

    assert opened == written
    assert opened.manifest.id == "fengsui.area_intrusion"
    assert opened.read("docs/read.me") == b"hello"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.algpkg"]


def test_equal_contents_give_equal_digests(tmp_path: Path) -> None:
    first = write_package(PARTS, tmp_path / "a.algpkg")
    second = write_package(dict(reversed(PARTS.items())), tmp_path / "b.algpkg")

    assert first.digest == second.digest


def test_a_new_version_with_the_same_model_begins_with_the_same_bytes(tmp_path: Path) -> None:
    model = bytes(range(256)) * 100
    write_package({**PARTS, "models/a.onnx": model}, tmp_path / "1")
    write_package({**PARTS, "docs/read.me": b"hello again", "models/a.onnx": model}, tmp_path / "2")

    first, second = (tmp_path / "1").read_bytes(), (tmp_path / "2").read_bytes()

    assert first[: len(model)] == second[: len(model)]
    assert first != second


def test_a_folder_is_packed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "docs").mkdir(parents=True)
    (folder / "algorithm.yaml").write_bytes(MANIFEST)
    (folder / "docs" / "read.me").write_bytes(b"hello")

    package = write_package(folder, tmp_path / "a.algpkg")

    assert package.digest == write_package(PARTS, tmp_path / "b.algpkg").digest


def test_a_folder_with_a_link_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "algorithm.yaml").symlink_to("/etc/hostname")

    with pytest.raises(BadArchive, match="link"):
        write_package(folder, tmp_path / "a.algpkg")

    assert not (tmp_path / "a.algpkg").exists()


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up", "a/../../up", "a\\b", "a//b", "C:/x", "./a", "x" * 300, "a\x1b[2Jb", "a\u202egpj.sh"],
    ids=repr,
)
def test_an_unsafe_path_is_refused(tmp_path: Path, name: str) -> None:
    good = contents(write_package(PARTS, tmp_path / "a.algpkg").path)

    with pytest.raises(BadArchive, match="may not stand"):
        open_package(zipped(tmp_path / "bad.algpkg", {**good, name: b"x"}))


def test_a_link_inside_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bad.algpkg", contents(write_package(PARTS, tmp_path / "a.algpkg").path))
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(BadArchive, match="link"):
        open_package(path)


def test_a_file_that_unfolds_to_far_more_is_refused(tmp_path: Path) -> None:
    good = contents(write_package(PARTS, tmp_path / "a.algpkg").path)

    with pytest.raises(BadArchive, match="unpacks to far more"):
        open_package(zipped(tmp_path / "bomb.algpkg", {**good, "zeros": bytes(64 << 20)}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"docs/read.me": b"hullo"}, "is not what"),
        ({"docs/more": b"x"}, "only one"),
        ({"SM3SUMS": b""}, "only one"),
        ({"SM3SUMS": b"nonsense\n"}, "line"),
        ({"SM3SUMS": b"\xff"}, "archive"),
    ],
)
def test_a_file_that_the_digest_list_does_not_know_so_is_refused(
    tmp_path: Path, changes: dict[str, bytes], said: str
) -> None:
    good = contents(write_package(PARTS, tmp_path / "a.algpkg").path)

    with pytest.raises(BadArchive, match=said):
        open_package(zipped(tmp_path / "bad.algpkg", {**good, **changes}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("SIGNATURES/model.onnx", b"m"),
        ("SIGNATURES/a/b.sm2", b"s"),
        ("SIGNATURES/a.sm2", bytes(2000)),
    ],
)
def test_among_the_signatures_which_no_digest_list_covers_lies_nothing_else(
    tmp_path: Path, name: str, content: bytes
) -> None:
    good = contents(write_package(PARTS, tmp_path / "a.algpkg").path)

    with pytest.raises(BadArchive, match="no signature"):
        open_package(zipped(tmp_path / "bad.algpkg", {**good, name: content}))


def test_a_file_that_the_manifest_names_is_one_that_the_digest_list_covers(tmp_path: Path) -> None:
    cover = MANIFEST + b"cover: SIGNATURES/a.sm2\n"

    with pytest.raises(MissingFile, match=r"SIGNATURES/a\.sm2"):
        write_package({"algorithm.yaml": cover, "SIGNATURES/a.sm2": b"c"}, tmp_path / "a.algpkg")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_file_that_is_neither_stored_nor_deflated_is_refused(tmp_path: Path, method: int) -> None:
    good = contents(write_package(PARTS, tmp_path / "a.algpkg").path)
    with zipfile.ZipFile(tmp_path / "bad.algpkg", "w", method) as archive:
        for name, content in good.items():
            archive.writestr(name, content)

    with pytest.raises(BadArchive, match="neither stored nor deflated"):
        open_package(tmp_path / "bad.algpkg")


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(write_package(PARTS, tmp_path / "a.algpkg").path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flags of the first file, in the directory
    (tmp_path / "bad.algpkg").write_bytes(content)

    with pytest.raises(BadArchive, match="is encrypted"):
        open_package(tmp_path / "bad.algpkg")


def test_more_entries_than_a_package_may_have_are_refused(tmp_path: Path) -> None:
    good = contents(write_package(PARTS, tmp_path / "a.algpkg").path)

    with pytest.raises(BadArchive, match="more than 4096 entries"):
        open_package(zipped(tmp_path / "bad.algpkg", good | {f"d{number}/": b"" for number in range(4096)}))


def test_a_package_without_its_digest_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="no SM3SUMS"):
        open_package(zipped(tmp_path / "c.algpkg", PARTS))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="No such file"):
        open_package(tmp_path / "absent.algpkg")


@pytest.fixture(scope="module")
def noise_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole package, `a.algpkg`, in which every example overwrites the others' files."""
    folder = tmp_path_factory.mktemp("noise")
    write_package(PARTS, folder / "a.algpkg")
    return folder


@given(noise=st.binary(max_size=400), place=st.integers(0, 5000), value=st.integers(0, 255))
def test_whatever_bytes_arrive_the_answer_is_a_package_error(
    noise_folder: Path, noise: bytes, place: int, value: int
) -> None:
    content = bytearray((noise_folder / "a.algpkg").read_bytes())
    content[place % len(content)] = value
    (noise_folder / "b.algpkg").write_bytes(content)
    (noise_folder / "c.algpkg").write_bytes(noise)

    with pytest.raises(PackageError):
        open_package(noise_folder / "c.algpkg")
    with contextlib.suppress(PackageError):
        open_package(noise_folder / "b.algpkg")
