"""Pictures of snapshots on their way to a hub that only files reach: which go when, and how often."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from appliance.agent.membership import forget_former_hub
from appliance.capture.hub_side import OwedPictures
from appliance.capture.index import Snapshot
from appliance.capture.schema import migrations
from appliance.capture.shelf import Shelf
from appliance.store.database import Database
from appliance.store.exports import Policy
from appliance.store.pictures import PictureFolder
from federation.testing.waiting import until
from tests.appliance.capture.test_hub_returns import Taken, telling

UNTIL_CONFIRMED = Policy(copies=None, repeat_us=100)
TWICE = Policy(copies=2, repeat_us=100)


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Taken]:
    async with Database(tmp_path / "appliance.db") as record, Database(tmp_path / "captures.db", migrations) as held:
        yield Taken(record=record, shelf=Shelf(pictures=PictureFolder(root=tmp_path / "pictures"), database=held))


async def told(box: Taken, count: int) -> list[Snapshot]:
    """Take pictures, and tell the hub of them."""
    async with telling(box):
        taken = [await box.take() for _ in range(count)]
        await until(partial(has_told, box, count), within_s=20, what="words on all")
    return taken


async def has_told(box: Taken, count: int) -> bool:
    return len(await box.owed()) == count


async def export(box: Taken, now_us: int, policy: Policy, *, limit: int = 10) -> list[str]:
    """Put into a file what is wanted at a moment."""
    pictures = owed_of(box)
    digests = [digest for digest, size_bytes in await pictures.wanted(now_us, limit) if size_bytes > 0]
    await pictures.exported(digests, policy, now_us)
    return digests


def owed_of(box: Taken) -> OwedPictures:
    return OwedPictures(shelf=lambda: box.shelf, record=box.record)


def digests_of(taken: Sequence[Snapshot]) -> list[str | None]:
    return [each.digest for each in taken]


async def test_the_newest_go_first_and_before_any_that_has_gone_before(box: Taken) -> None:
    taken = digests_of(await told(box, 3))

    files = [await export(box, now_us, UNTIL_CONFIRMED, limit=2) for now_us in (0, 100)]

    assert files == [[taken[2], taken[1]], [taken[0], files[1][1]]]
    assert files[1][1] in files[0]


@pytest.mark.parametrize(
    ("policy", "at_us"), [(UNTIL_CONFIRMED, [0, 100, 300, 700]), (TWICE, [0, 100])], ids=["both ways", "one way"]
)
async def test_each_goes_again_after_its_pause_as_the_border_asks(box: Taken, policy: Policy, at_us: list[int]) -> None:
    await told(box, 1)

    gone = [now_us for now_us in range(0, 1000, 50) if await export(box, now_us, policy)]

    assert gone == at_us


async def test_what_the_hub_has_confirmed_goes_no_more(box: Taken) -> None:
    taken = digests_of(await told(box, 2))
    await export(box, 0, UNTIL_CONFIRMED)

    await owed_of(box).stored([str(taken[0]), "sha256:of-an-event"])

    assert await export(box, 10**9, UNTIL_CONFIRMED) == [taken[1]]


async def test_what_the_hub_says_it_lacks_goes_again(box: Taken) -> None:
    taken = [str(digest) for digest in digests_of(await told(box, 2))]
    for _ in range(2):
        await export(box, 10**6, TWICE)
    await owed_of(box).stored(taken[:1])

    requested = await owed_of(box).requested([*taken, "sha256:unknown"])

    assert requested == 2
    assert set(await export(box, 10**6, TWICE)) == set(taken)


async def test_another_hub_gets_what_went_to_the_one_before(box: Taken) -> None:
    taken = digests_of(await told(box, 1))
    for now_us in (0, 100):
        await export(box, now_us, TWICE)
    assert await export(box, 10**9, TWICE) == []

    await box.record.run(partial(forget_former_hub, same_hub=False))
    async with telling(box):

        async def goes_again() -> list[str]:
            return await export(box, 0, TWICE)

        assert await until(goes_again, within_s=20, what="a picture that goes again") == taken


async def test_without_an_index_nothing_goes_and_nothing_fails(box: Taken) -> None:
    away = OwedPictures(shelf=lambda: None, record=box.record)

    await away.exported(["sha256:any"], TWICE, 0)
    await away.stored(["sha256:any"])

    assert (await away.wanted(0, 10), await away.requested(["sha256:any"])) == ([], 0)
