"""Pictures and films that lie on this box for picture tasks: what was copied there, and what people upload.

Uploads have a folder of their own and a limit; the oldest give way to new ones.
"""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from federation.http import Problem
from federation.viewing.pictures import FILM_BYTES

PICTURE_LIMIT_BYTES = 16 << 20
UPLOADS_BYTES = 8 << 30
UPLOADS = "uploads"
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
FILMS = frozenset({".mp4", ".mkv", ".mov", ".avi", ".ts", ".flv"})
MOST_SHOWN = 500


@dataclass(frozen=True, kw_only=True)
class Lying:
    """A folder with `pictures`, or a film, of so many bytes; its name is relative to the folder of footage."""

    name: str
    film: bool
    pictures: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class FootageFolder:
    """The folder. `free_bytes` of its disk stay free. Methods block, but for `take`."""

    root: Path
    free_bytes: int

    def inside(self, name: str, is_kind: Callable[[Path], bool]) -> Path:
        """Return a path in the folder; raise Problem for one that leads out of it or is not there."""
        root = self.root.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or not is_kind(path):
            raise Problem(404, "not_found", f"The box's folder of footage holds no {name!r}.")
        return path

    def content(self) -> list[Lying]:
        """Return folders that hold pictures, and films, by name; two folders deep, and so many at most."""
        if not self.root.is_dir():
            return []
        places = [path for path in (self.root, *self.root.glob("*"), *self.root.glob("*/*")) if path.is_dir()]
        found = [item for folder in sorted(places)[:MOST_SHOWN] for item in self._of(folder)]
        return sorted(found, key=lambda item: item.name)[:MOST_SHOWN]

    def pictures_in(self, folder: Path) -> list[Path]:
        """Return the pictures right in a folder, by name."""
        return sorted(file for file in folder.iterdir() if file.suffix.lower() in PICTURES and file.is_file())

    async def take(self, batch: str, name: str, request: web.Request, *, kept: Collection[str]) -> Lying:
        """Keep an uploaded file in its batch, whole or not at all; raise Problem where that cannot be.

        Batches `kept`, those of tasks at work, never give way.
        """
        limit = FILM_BYTES if Path(name).suffix.lower() in FILMS else PICTURE_LIMIT_BYTES
        if Path(name).suffix.lower() not in FILMS | PICTURES:
            kinds = ", ".join(sorted(suffix[1:] for suffix in FILMS | PICTURES))
            raise Problem(422, "unknown_kind", f"{name!r} is no picture and no film; these are: {kinds}.")
        length = request.content_length
        if length is None or length > limit:
            raise Problem(413, "too_large", f"Send a file of at most {limit >> 20} MiB, with its Content-Length.")
        file = await asyncio.to_thread(self._room_for, batch, name, length, {*kept, batch})
        await _written(file, request.content.iter_chunked(1 << 18))
        return Lying(name=f"{UPLOADS}/{batch}/{name}", film=limit == FILM_BYTES, pictures=1, size_bytes=length)

    def _of(self, folder: Path) -> list[Lying]:
        name = "." if folder == self.root else str(folder.relative_to(self.root))
        pictures = self.pictures_in(folder)
        size = sum(file.stat().st_size for file in pictures)
        films = [file for file in folder.iterdir() if file.suffix.lower() in FILMS and file.is_file()]
        found = [
            Lying(name=str(file.relative_to(self.root)), film=True, pictures=0, size_bytes=file.stat().st_size)
            for file in films
        ]
        return [*found, Lying(name=name, film=False, pictures=len(pictures), size_bytes=size)] if pictures else found

    def _room_for(self, batch: str, name: str, length: int, kept: Collection[str]) -> Path:
        """Make the file's folder, and room for it by what was uploaded first; raise Problem where there is none."""
        uploads = self.root / UPLOADS
        (uploads / batch).mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted((path for path in uploads.iterdir() if path.name not in kept), key=_made):
            if self._fits(uploads, length):
                break
            shutil.rmtree(old, ignore_errors=True)
        if not self._fits(uploads, length):
            raise Problem(507, "disk_full", "The box has no room for this file; make room on its disk.")
        return uploads / batch / name

    def _fits(self, uploads: Path, length: int) -> bool:
        held = sum(file.stat().st_size for file in uploads.rglob("*") if file.is_file())
        return held + length <= UPLOADS_BYTES and shutil.disk_usage(uploads).free - length >= self.free_bytes


def read_picture(file: Path) -> bytes:
    """Return what a picture's file holds; nothing for one that is too large or cannot be read. Blocks."""
    try:
        return file.read_bytes() if file.stat().st_size <= PICTURE_LIMIT_BYTES else b""
    except OSError:
        return b""


async def _written(file: Path, chunks: AsyncIterator[bytes]) -> None:
    """Write what comes, under its name only once it is whole."""
    draft = file.with_name(f".{secrets.token_hex(4)}.part")
    target = await asyncio.to_thread(draft.open, "xb")
    try:
        async for chunk in chunks:
            await asyncio.to_thread(target.write, chunk)
        await asyncio.to_thread(target.close)
        await asyncio.to_thread(draft.replace, file)
    finally:
        await asyncio.to_thread(target.close)
        await asyncio.to_thread(draft.unlink, missing_ok=True)


def _made(path: Path) -> float:
    return path.stat().st_mtime
