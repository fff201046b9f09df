"""A .algpkg file: a ZIP with algorithm.yaml, a digest list and the files of the algorithm.

`SM3SUMS` lists every other file as `<SM3 in hex>  <size>  <path>`, sorted by path. `SIGNATURES/` holds signatures and
stands in no list, so nothing else may lie there, and no manifest may name a file of it.
"""

import hashlib
import os
import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from federation.crypto import sm3_hex
from federation.packages.errors import BadArchive, BadDigests, MissingFile, OtherBackbone
from federation.packages.manifest import MANIFEST_LIMIT_BYTES, Manifest, read_manifest

MANIFEST = "algorithm.yaml"
SUFFIX = ".algpkg"
ENTRY_LIMIT = 4096
SIZE_LIMIT_BYTES = 1 << 30
RATIO_LIMIT = 200  # of unpacked to packed size, beyond the first MiB
PATH_LIMIT_BYTES = 255

SM3_LIST = "SM3SUMS"
SIGNATURES = "SIGNATURES/"

_LIST_LIMIT_BYTES = 1 << 20
_SIGNATURE_LIMIT_BYTES = 1024
_SIGNATURE = re.compile(r"SIGNATURES/[A-Za-z0-9._-]{1,64}\.sm2")
_PACKED_AS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_CHUNK_BYTES = 1 << 20
_STORED_SUFFIXES = (".onnx", ".jpg", ".jpeg", ".png", ".webp")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal contents give an equal file


@dataclass(frozen=True, kw_only=True)
class Package:
    """A checked package: its manifest, digest and size in bytes of the whole file, and `sizes` of its files by path."""

    path: Path
    manifest: Manifest
    digest: str
    size_bytes: int
    sizes: Mapping[str, int]

    @property
    def entries(self) -> tuple[str, ...]:
        """The paths of its files."""
        return tuple(self.sizes)

    @property
    def size(self) -> int:
        """Size of the whole file in bytes."""
        return self.size_bytes

    @contextmanager
    def opened(self, entry: str) -> Iterator[IO[bytes]]:
        """Yield one file for reading in pieces; raise BadArchive if there is none of this name."""
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(entry) as file:
                yield file
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise BadArchive(f"{self.path.name} has no readable file {entry!r}") from error

    def read(self, entry: str) -> bytes:
        """Return the content of one file; raise BadArchive if there is none of this name."""
        with self.opened(entry) as file:
            return file.read()


def open_package(path: Path) -> Package:
    """Check the package at `path` and return it; blocks while it reads the whole file.

    Raises BadArchive or BadManifest with a sentence that says what is wrong.
    """
    try:
        with path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if size_bytes > SIZE_LIMIT_BYTES:
                raise BadArchive(f"the package is larger than {SIZE_LIMIT_BYTES >> 20} MiB")
            digest = _digest(file, "sha256")
            file.seek(0)
            manifest, sizes = _check(file, size_bytes)
    except OSError as error:
        raise BadArchive(f"cannot read {path}: {error.strerror or error}") from error
    return Package(path=path, manifest=manifest, digest=f"sha256:{digest}", size_bytes=size_bytes, sizes=sizes)


def read_entry(path: Path, entry: str, *, limit_bytes: int) -> bytes | None:
    """Return one file of a package that was checked before, None if it is larger; raise BadArchive if there is none."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            content = file.read(limit_bytes + 1)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise BadArchive(f"{path.name} has no readable file {entry!r}") from error
    return content if len(content) <= limit_bytes else None


def write_package(parts: Path | Mapping[str, bytes], path: Path) -> Package:
    """Pack a folder, or files by their path in the package, to `path` and return the checked result.

    The digest list is made here. The file appears whole or not at all. Raises BadArchive or BadManifest.
    """
    files = _folder_files(parts) if isinstance(parts, Path) else dict(parts)
    if MANIFEST not in files:
        raise BadArchive(f"there is no {MANIFEST} among the files to pack")
    files.pop(SM3_LIST, None)
    files[SM3_LIST] = _digest_list(files, sorted(name for name in files if not name.startswith(SIGNATURES)))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name in _order(files):
                _add(archive, name, _content(files[name]))
        package = open_package(Path(temporary))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return replace(package, path=path)


def _check(file: IO[bytes], size_bytes: int) -> tuple[Manifest, dict[str, int]]:
    try:
        with zipfile.ZipFile(file) as archive:
            infos = _safe_entries(archive.infolist(), size_bytes)
            if MANIFEST not in infos:
                raise BadArchive(f"the package has no {MANIFEST}")
            if infos[MANIFEST].file_size > MANIFEST_LIMIT_BYTES:
                raise BadArchive(f"{MANIFEST} is larger than {MANIFEST_LIMIT_BYTES} bytes")
            manifest = read_manifest(archive.read(MANIFEST))
            listed = _check_digests(archive, infos)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, UnicodeDecodeError) as error:
        raise BadArchive(f"the file is not a whole ZIP archive: {error}") from error
    missing = [name for name in manifest.files if name not in listed]
    if missing:
        raise MissingFile(f"the manifest names {missing[0]!r}, which is not in the package")
    _check_backbones(manifest, listed)
    return manifest, {name: info.file_size for name, info in infos.items()}


def _safe_entries(infos: list[zipfile.ZipInfo], size_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Return the files of the archive by name; raise BadArchive for whatever could hurt who reads them."""
    if len(infos) > ENTRY_LIMIT:
        raise BadArchive(f"the package has more than {ENTRY_LIMIT} entries")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > SIZE_LIMIT_BYTES or unpacked > RATIO_LIMIT * size_bytes + (1 << 20):
        raise BadArchive("the package unpacks to far more than its own size")
    safe: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _refuse_unsafe(info)
        if info.is_dir():
            continue
        if info.filename in safe:
            raise BadArchive(f"{info.filename!r} stands twice in the package")
        safe[info.filename] = info
    return safe


def _refuse_unsafe(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    parts = name.rstrip("/").split("/")
    bad = name.startswith("/") or "\\" in name or "\0" in name or ":" in parts[0]
    bad = bad or not name.isprintable()  # what steers a terminal, or shows another name than it is
    if bad or any(part in {"", ".", ".."} for part in parts) or len(name.encode()) > PATH_LIMIT_BYTES:
        raise BadArchive(f"the path {name[:80]!r} may not stand in a package")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise BadArchive(f"{name!r} is a link or a device; a package holds plain files only")
    if info.flag_bits & 0x1:
        raise BadArchive(f"{name!r} is encrypted; a package is not")
    if info.compress_type not in _PACKED_AS:
        raise BadArchive(f"{name!r} is neither stored nor deflated")
    if name.startswith(SIGNATURES) and not info.is_dir():
        _refuse_no_signature(info)


def _refuse_no_signature(info: zipfile.ZipInfo) -> None:
    """Refuse what no digest list covers and is no signature: it could be anything, and of any size."""
    if _SIGNATURE.fullmatch(info.filename) is None or info.file_size > _SIGNATURE_LIMIT_BYTES:
        raise BadArchive(f"{info.filename!r} is no signature; {SIGNATURES} holds nothing else")


def _check_backbones(manifest: Manifest, listed: Mapping[str, tuple[str, int]]) -> None:
    for file, named in manifest.backbones.items():
        if listed[file][0] != named:
            raise OtherBackbone(f"the SM3 of {file!r} is {listed[file][0]}; the manifest names {named}")


def _check_digests(archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo]) -> dict[str, tuple[str, int]]:
    """Return SM3 and size of every file by its path, which are as listed."""
    if SM3_LIST not in infos:
        raise BadDigests(f"the package has no {SM3_LIST}")
    if infos[SM3_LIST].file_size > _LIST_LIMIT_BYTES:
        raise BadDigests(f"{SM3_LIST} is larger than {_LIST_LIMIT_BYTES} bytes")
    listed = _parse_list(archive.read(SM3_LIST))
    files = {name for name in infos if name != SM3_LIST and not name.startswith(SIGNATURES)}
    if set(listed) != files:
        odd = min(set(listed) ^ files)
        raise BadDigests(f"{SM3_LIST} and the files differ: {odd!r} is in only one of them")
    for name, (digest, size_bytes) in listed.items():
        with archive.open(name) as entry:
            if infos[name].file_size != size_bytes or _digest(entry, "sm3") != digest:
                raise BadDigests(f"{name!r} is not what {SM3_LIST} says; get the package anew")
    return listed


def _parse_list(content: bytes) -> dict[str, tuple[str, int]]:
    listed: dict[str, tuple[str, int]] = {}
    for line in content.decode().splitlines():
        digest, _, rest = line.partition("  ")
        size, _, name = rest.partition("  ")
        if not name or not size.isascii() or not size.isdigit() or len(size) > 12 or name in listed:
            raise BadDigests(f"{SM3_LIST} has a line that is not '<digest>  <size>  <path>': {line[:80]!r}")
        listed[name] = (digest, int(size))
    return listed


def _digest_list(files: Mapping[str, bytes | Path], names: Iterable[str]) -> bytes:
    lines = []
    for name in names:
        content = _content(files[name])
        lines.append(f"{sm3_hex(content)}  {len(content)}  {name}\n")
    return "".join(lines).encode()


def _folder_files(folder: Path) -> dict[str, bytes | Path]:
    if not folder.is_dir():
        raise BadArchive(f"{folder} is not a folder")
    files: dict[str, bytes | Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BadArchive(f"{path} is a link; a package holds plain files only")
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = path
    return files


def _order(files: Mapping[str, bytes | Path]) -> list[str]:
    """Return the names, large files first: a new version with the same models then begins with the same chunks."""
    large_first = sorted(set(files) - {MANIFEST, SM3_LIST}, key=lambda name: (-_size_bytes(files[name]), name))
    return [*large_first, SM3_LIST, MANIFEST]


def _size_bytes(source: bytes | Path) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    stored = name.lower().endswith(_STORED_SUFFIXES)
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def _content(source: bytes | Path) -> bytes:
    return source.read_bytes() if isinstance(source, Path) else source


def _digest(file: IO[bytes], kind: str) -> str:
    digest = hashlib.new(kind)
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
