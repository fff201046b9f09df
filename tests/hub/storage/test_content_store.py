"""Files named by their digest."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from federation.testing.mutation import mutations
from hub.storage import ContentStore, DigestMismatch, TooLarge

CONTENT = b"picture" * 100_000
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


async def files(folder: Path) -> list[Path]:
    return await asyncio.to_thread(lambda: [path for path in folder.rglob("*") if path.is_file()])


async def keep(store: ContentStore, content: bytes, *, expected: str | None = None) -> str:
    async with store.writing() as writing:
        for start in range(0, len(content), 1000):
            await writing.feed(content[start : start + 1000])
        return (await writing.keep(expected=expected)).digest


async def test_what_was_kept_is_found_by_its_digest(tmp_path: Path) -> None:
    store = ContentStore(tmp_path, limit_bytes=len(CONTENT))

    digest = await keep(store, CONTENT, expected=DIGEST)

    found = await store.find(digest)
    assert found is not None
    assert (digest, found.size_bytes) == (DIGEST, len(CONTENT))
    assert await asyncio.to_thread(found.path.read_bytes) == CONTENT


async def test_other_bytes_than_expected_leave_nothing(tmp_path: Path) -> None:
    store = ContentStore(tmp_path, limit_bytes=len(CONTENT))

    with pytest.raises(DigestMismatch):
        await keep(store, b"other", expected=DIGEST)

    assert await files(tmp_path) == []


async def test_ten_thousand_mutations_of_a_picture_are_not_the_picture(tmp_path: Path) -> None:
    store, picture = ContentStore(tmp_path, limit_bytes=len(CONTENT)), CONTENT[:1000]
    named = f"sha256:{hashlib.sha256(picture).hexdigest()}"
    wrong = [each for each in mutations((picture,), count=10_000, seed=20_261_131) if each != picture]
    refused = 0

    for content in wrong:
        try:
            await keep(store, content, expected=named)
        except DigestMismatch:
            refused += 1

    assert (refused, await files(tmp_path)) == (len(wrong), [])


async def test_more_bytes_than_allowed_leave_nothing(tmp_path: Path) -> None:
    store = ContentStore(tmp_path, limit_bytes=len(CONTENT) - 1)

    with pytest.raises(TooLarge):
        await keep(store, CONTENT)

    assert await files(tmp_path) == []


async def test_a_file_that_is_removed_is_found_no_more(tmp_path: Path) -> None:
    store = ContentStore(tmp_path, limit_bytes=100)
    digest = await keep(store, b"something")

    await store.remove(digest)
    await store.remove(digest)

    assert await store.find(digest) is None


async def test_what_is_made_beside_the_store_is_gone_afterwards_and_what_a_kill_leaves_at_the_next_start(
    tmp_path: Path,
) -> None:
    store = ContentStore(tmp_path, limit_bytes=100)
    async with store.workplace() as folder:
        await asyncio.to_thread((folder / "a").write_bytes, b"x")
    assert await files(tmp_path) == []
    await keep(store, b"kept")
    (tmp_path / "incoming" / "left").write_bytes(b"y")

    await asyncio.to_thread(store.clear)

    assert [path.read_bytes() for path in await files(tmp_path)] == [b"kept"]
