"""Where manifests and chunks come from over HTTP; what they answer is checked here, whoever they are."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from appliance.artifacts.pacing import Pacing
from appliance.errors import SourceAway, SourceLies, SourceRefuses
from federation.artifacts import (
    LARGEST_MANIFEST_BYTES,
    ArtifactManifest,
    BadBitmap,
    BadManifest,
    Bitmap,
    OtherSigner,
    SignedManifest,
    read_signed,
)
from federation.crypto import PublicKey

HUB = "hub"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One server of artifacts: its `name`, the address of its artifacts, and how patient to be with it.

    `idle_s` bounds the time in which no byte comes, `chunk_s` that of one chunk without the waits of `pacing`.
    """

    name: str
    url: str
    session: aiohttp.ClientSession
    pacing: Pacing | None = None
    idle_s: float = 30.0
    chunk_s: float = 900.0

    async def is_closed(self) -> bool:
        """Tell whether the bandwidth policy lets nothing pass now."""
        return self.pacing is not None and await self.pacing.rate_bytes() == 0

    async def manifest(self, digest: str, key: PublicKey) -> SignedManifest:
        """Return the manifest of an artifact, signed by `key`; raise SourceAway, SourceRefuses or SourceLies."""
        content = await self._get(f"{self.url}/{digest}/manifest", {}, LARGEST_MANIFEST_BYTES, _ignore, exact=False)
        try:
            return await asyncio.to_thread(_checked, bytes(content), digest, key)
        except OtherSigner as error:
            raise SourceRefuses(f"{self.name}: {error}") from error
        except BadManifest as error:
            raise SourceLies(f"{self.name}: {error}") from error

    async def held(self, manifest: ArtifactManifest) -> Bitmap:
        """Return which chunks of an artifact the source has; raise SourceAway, SourceRefuses or SourceLies."""
        count = manifest.chunk_count
        url = f"{self.url}/{manifest.digest}/held"
        content = await self._get(url, {}, len(Bitmap.empty(count).bits), _ignore, exact=False)
        try:
            return Bitmap.read(count, bytes(content))
        except BadBitmap as error:
            raise SourceLies(f"{self.name}: {error}") from error

    async def chunk(self, manifest: ArtifactManifest, index: int, *, received: Callable[[int], None]) -> bytearray:
        """Return a chunk that has both its digests; `received` is told of bytes as they come.

        Raises SourceAway, SourceRefuses or SourceLies.
        """
        length, content = manifest.length_bytes(index), bytearray()
        while len(content) < length:
            piece = length - len(content)
            if self.pacing is not None:
                piece = await self.pacing.piece_bytes(piece)
                await self.pacing.take(piece)
            start = manifest.offset_bytes(index) + len(content)
            headers = {"Range": f"bytes={start}-{start + piece - 1}", "If-Range": f'"{manifest.digest}"'}
            content += await self._get(f"{self.url}/{manifest.digest}", headers, piece, received, exact=True)
        if not await asyncio.to_thread(manifest.accepts, index, content):
            raise SourceLies(f"{self.name}: chunk {index} is not what the manifest says")
        return content

    async def _get(
        self, url: str, headers: dict[str, str], most_bytes: int, received: Callable[[int], None], *, exact: bool
    ) -> bytearray:
        """Return a body of at most `most_bytes`, or of just as many, being then the answer to a range."""
        patience = aiohttp.ClientTimeout(total=self.chunk_s, connect=self.idle_s, sock_read=self.idle_s)
        try:
            async with self.session.get(url, headers=headers, timeout=patience, allow_redirects=False) as answer:
                self._check(answer, headers, most_bytes, exact=exact)
                return await self._body(answer, most_bytes, received, exact=exact)
        except TimeoutError as error:
            raise SourceAway(f"{self.name}: no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise SourceAway(f"{self.name}: {type(error).__name__}") from error

    def _check(self, answer: aiohttp.ClientResponse, headers: dict[str, str], most_bytes: int, *, exact: bool) -> None:
        if answer.status not in {200, 206}:
            raise SourceRefuses(f"{self.name}: status {answer.status}")
        if answer.content_length is not None and answer.content_length > most_bytes:
            raise SourceLies(f"{self.name}: {answer.content_length} bytes where at most {most_bytes} were asked for")
        if exact and answer.status == 206:
            asked = headers["Range"].replace("=", " ")
            if answer.headers.get("Content-Range", "").partition("/")[0] != asked:
                raise SourceLies(f"{self.name}: another range than the one that was asked for")

    async def _body(
        self, answer: aiohttp.ClientResponse, most_bytes: int, received: Callable[[int], None], *, exact: bool
    ) -> bytearray:
        content = bytearray()
        async for piece in answer.content.iter_any():
            content += piece
            received(len(piece))
            if len(content) > most_bytes:
                raise SourceLies(f"{self.name}: more than {most_bytes} bytes")
        if exact and len(content) != most_bytes:
            raise SourceLies(f"{self.name}: {len(content)} bytes where {most_bytes} were asked for")
        return content


def _checked(content: bytes, digest: str, key: PublicKey) -> SignedManifest:
    signed = read_signed(content, digest=digest)
    signed.check(key)
    return signed


def _ignore(_size: int) -> None:
    """Take no note of bytes."""
