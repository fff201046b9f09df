"""Pictures of packages for people: the cover, and those of scenes."""

import asyncio

from federation.http import Problem
from federation.http.problem import not_found
from federation.packages import Manifest, PackageError
from federation.packages.archive import read_entry
from hub.repository.model import PictureQuery
from hub.repository.service import Repository
from hub.storage import ContentStore

LARGEST_BYTES = 8 << 20
_BEGINNINGS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


class PackagePictures:
    """Takes pictures out of the packages of the repository."""

    def __init__(self, repository: Repository, store: ContentStore) -> None:
        """Read packages in `store`."""
        self._repository = repository
        self._store = store

    async def get(self, algorithm_id: str, query: PictureQuery) -> tuple[bytes, str]:
        """Return a picture that the manifest names and its media type, JPEG or PNG; raise Problem."""
        release = self._repository.release(algorithm_id, query.version)
        stored = None if release.digest is None else await self._store.find(release.digest)
        if stored is None or query.path not in _shown(release.manifest):
            raise not_found("picture", query.path[:80])
        try:
            content = await asyncio.to_thread(read_entry, stored.path, query.path, limit_bytes=LARGEST_BYTES)
        except PackageError as error:
            raise not_found("picture", query.path[:80]) from error
        if content is None:
            raise Problem(413, "too_large", f"A picture of a package has at most {LARGEST_BYTES} bytes.")
        return content, media_type(content)


def _shown(manifest: Manifest) -> set[str]:
    scenes = (*manifest.scenes.good, *manifest.scenes.bad)
    return {path for path in (manifest.cover, *(scene.picture for scene in scenes)) if path}


def media_type(content: bytes) -> str:
    """Return what the bytes are, whatever their name says: a package is a stranger's."""
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    raise Problem(415, "not_a_picture", "Pictures of a package are JPEG or PNG.")
