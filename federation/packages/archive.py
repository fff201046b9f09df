"""A .algpkg file: a ZIP with algorithm.yaml, digest lists and the files of the algorithm.

`SM3SUMS` and `SHA256SUMS` list every other file as `<hex digest>  <size>  <path>`, sorted by path;
one of them is enough. `SIGNATURES/` holds signatures and stands in no list.
"""

import hashlib
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from federation.packages.errors import BadArchive, BadDigests
from federation.packages.manifest import MANIFEST_LIMIT_BYTES, Manifest, read_manifest

MANIFEST = "algorithm.yaml"
SUFFIX = ".algpkg"
ENTRY_LIMIT = 4096
SIZE_LIMIT_BYTES = 1 << 30
RATIO_LIMIT = 200  # of unpacked to packed size, beyond the first MiB
PATH_LIMIT_BYTES = 255

SM3_LIST = "SM3SUMS"
SIGNATURES = "SIGNATURES/"

_LISTS = {SM3_LIST: "sm3", "SHA256SUMS": "sha256"}
_LIST_LIMIT_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
_STORED_SUFFIXES = (".onnx", ".jpg", ".jpeg", ".png", ".webp")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal contents give an equal file


@dataclass(frozen=True, kw_only=True)
class Package:
    """A checked package: its manifest, and digest and size in bytes of the whole file."""

    path: Path
    manifest: Manifest
    digest: str
    size_bytes: int
    entries: tuple[str, ...]

    @property
    def size(self) -> int:
        """Size of the whole file in bytes."""
        return self.size_bytes

    def read(self, entry: str) -> bytes:
        """Return the content of one file; raise BadArchive if there is none of this name."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(entry)
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise BadArchive(f"{self.path.name} has no readable file {entry!r}") from error


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
            manifest, entries = _check(file, size_bytes)
    except OSError as error:
        raise BadArchive(f"cannot read {path}: {error.strerror or error}") from error
    return Package(path=path, manifest=manifest, digest=f"sha256:{digest}", size_bytes=size_bytes, entries=entries)


def write_package(parts: Path | Mapping[str, bytes], path: Path) -> Package:
    """Pack a folder, or files by their path in the package, to `path` and return the checked result.

    Digest lists are made here. The file appears whole or not at all. Raises BadArchive or BadManifest.
    """
    files = _folder_files(parts) if isinstance(parts, Path) else dict(parts)
    if MANIFEST not in files:
        raise BadArchive(f"there is no {MANIFEST} among the files to pack")
    for name in _LISTS:
        files.pop(name, None)
    listed = sorted(name for name in files if not name.startswith(SIGNATURES))
    lists = {name: _digest_list(files, listed, kind) for name, kind in _LISTS.items() if _is_known(kind)}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            for name in _order(files, lists):
                _add(archive, name, lists[name] if name in lists else _content(files[name]))
        package = open_package(Path(temporary))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return Package(
        path=path,
        manifest=package.manifest,
        digest=package.digest,
        size_bytes=package.size_bytes,
        entries=package.entries,
    )


def _check(file: IO[bytes], size_bytes: int) -> tuple[Manifest, tuple[str, ...]]:
    try:
        with zipfile.ZipFile(file) as archive:
            infos = _safe_entries(archive.infolist(), size_bytes)
            if MANIFEST not in infos:
                raise BadArchive(f"the package has no {MANIFEST}")
            if infos[MANIFEST].file_size > MANIFEST_LIMIT_BYTES:
                raise BadArchive(f"{MANIFEST} is larger than {MANIFEST_LIMIT_BYTES} bytes")
            manifest = read_manifest(archive.read(MANIFEST))
            _check_digests(archive, infos)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, UnicodeDecodeError) as error:
        raise BadArchive(f"the file is not a whole ZIP archive: {error}") from error
    missing = [name for name in manifest.files if name not in infos]
    if missing:
        raise BadArchive(f"the manifest names {missing[0]!r}, which is not in the package")
    return manifest, tuple(infos)


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
    if bad or any(part in {"", ".", ".."} for part in parts) or len(name.encode()) > PATH_LIMIT_BYTES:
        raise BadArchive(f"the path {name[:80]!r} may not stand in a package")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise BadArchive(f"{name!r} is a link or a device; a package holds plain files only")
    if info.flag_bits & 0x1:
        raise BadArchive(f"{name!r} is encrypted; a package is not")


def _check_digests(archive: zipfile.ZipFile, infos: Mapping[str, zipfile.ZipInfo]) -> None:
    present = [name for name in _LISTS if name in infos and _is_known(_LISTS[name])]
    if not present:
        raise BadDigests("the package has neither SM3SUMS nor SHA256SUMS that can be checked here")
    files = {name for name in infos if name not in _LISTS and not name.startswith(SIGNATURES)}
    for list_name in present:
        if infos[list_name].file_size > _LIST_LIMIT_BYTES:
            raise BadDigests(f"{list_name} is larger than {_LIST_LIMIT_BYTES} bytes")
        listed = _parse_list(list_name, archive.read(list_name))
        if set(listed) != files:
            odd = min(set(listed) ^ files)
            raise BadDigests(f"{list_name} and the files differ: {odd!r} is in only one of them")
        for name, (digest, size_bytes) in listed.items():
            with archive.open(name) as entry:
                if infos[name].file_size != size_bytes or _digest(entry, _LISTS[list_name]) != digest:
                    raise BadDigests(f"{name!r} is not what {list_name} says; get the package anew")


def _parse_list(list_name: str, content: bytes) -> dict[str, tuple[str, int]]:
    listed: dict[str, tuple[str, int]] = {}
    for line in content.decode().splitlines():
        digest, _, rest = line.partition("  ")
        size, _, name = rest.partition("  ")
        if not name or not size.isascii() or not size.isdigit() or len(size) > 12 or name in listed:
            raise BadDigests(f"{list_name} has a line that is not '<digest>  <size>  <path>': {line[:80]!r}")
        listed[name] = (digest, int(size))
    return listed


def _digest_list(files: Mapping[str, bytes | Path], names: Iterable[str], kind: str) -> bytes:
    lines = []
    for name in names:
        content = _content(files[name])
        lines.append(f"{hashlib.new(kind, content).hexdigest()}  {len(content)}  {name}\n")
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


def _order(files: Mapping[str, bytes | Path], lists: Mapping[str, bytes]) -> list[str]:
    """Return the names, large files first: a new version with the same models then begins with the same chunks."""
    large_first = sorted(set(files) - {MANIFEST}, key=lambda name: (-_size_bytes(files[name]), name))
    return [*large_first, *sorted(lists), MANIFEST]


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


def _is_known(kind: str) -> bool:
    """Tell whether this machine's OpenSSL computes `kind`; builds without SM3 exist."""
    return kind in hashlib.algorithms_available
