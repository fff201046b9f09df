"""Playing recordings: any stretch of time, forward, backward, key frames only, as a stream or as a file."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import av
import pytest

from appliance.mp4.track import TIMESCALE
from appliance.playback.clip import OtherCodec
from appliance.playback.player import Player
from appliance.playback.rendering import Gone
from appliance.recording.bookmarks import Bookmark, put
from appliance.recording.schema import migrations
from appliance.store.database import Database
from appliance.store.moments import from_us, to_us
from federation.testing.waiting import until
from federation.viewing.recordings import Frames
from tests.appliance.coded import START, coded, later
from tests.appliance.footage import decoded, probed
from tests.appliance.playback.conftest import poured, recorded
from tests.appliance.recording.conftest import ALWAYS, recording

START_US = to_us(START)
SECOND_US = 1_000_000


def at(seconds: float) -> int:
    return START_US + round(seconds * SECOND_US)


async def play(
    player: Player, path: Path, start: float, end: float, *, frames: Frames = Frames.ALL, is_backward: bool = False
) -> list[float]:
    """Return when each picture of a played stretch is shown, in seconds of the stream."""
    reel = await player.reel("p1", at(start), at(end), frames=frames, is_backward=is_backward)
    await poured(player.stream(reel), path)
    return [round(time, 3) for time in decoded(path)]


async def test_a_stretch_is_played_from_the_key_frame_before_it(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, coded())

    shown = await play(player, tmp_path / "a.mp4", 1.5, 3)

    assert shown == [round(0.1 * number, 3) for number in range(20)]  # from second 1 up to second 3
    reel = await player.reel("p1", at(1.5), at(3), frames=Frames.ALL, is_backward=False)
    assert reel.zero_us == at(1)
    assert reel.duration_ticks == 2 * TIMESCALE


async def test_key_frames_alone_are_shown_until_the_next_one(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, coded())

    assert await play(player, tmp_path / "a.mp4", 0, 4, frames=Frames.KEY) == [0.0, 1.0, 2.0, 3.0]
    assert probed(tmp_path / "a.mp4").duration_s == pytest.approx(4.0)


async def test_backward_the_newest_key_frame_comes_first(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, coded())

    shown = await play(player, tmp_path / "a.mp4", 3.5, 0.5, is_backward=True)

    assert shown == [0.0, 0.5, 1.5, 2.5]
    reel = await player.reel("p1", at(3.5), at(0.5), frames=Frames.KEY, is_backward=True)
    assert reel.zero_us == at(3.5)
    assert [shot.span.at_us for shot in reel.shots] == [at(3), at(2), at(1), at(0)]


async def test_a_gap_stays_a_gap_in_a_stream_and_is_left_out_of_a_file(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, [*coded(), *later(coded(), by_s=100, session=2)])

    shown = await play(player, tmp_path / "a.mp4", 3, 102)
    clip = await player.clip("p1", at(3), at(102))

    assert shown == [round(0.1 * number, 3) for number in range(10)] + [round(97 + 0.1 * n, 3) for n in range(20)]
    assert clip is not None
    path = await poured(player.read(clip, 0, clip.size_bytes), tmp_path / "clip.mp4")
    assert decoded(path) == pytest.approx([0.1 * number for number in range(30)])


async def test_a_file_ends_at_the_picture_that_was_asked_for(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, coded())

    clip = await player.clip("p1", at(1), at(2.35))

    assert clip is not None
    path = await poured(player.read(clip, 0, clip.size_bytes), tmp_path / "clip.mp4")
    seen = probed(path)
    assert (seen.frames, seen.complaints) == (14, "")
    assert seen.duration_s == pytest.approx(1.4)
    with av.open(str(path)) as container:
        assert container.duration == pytest.approx(1_400_000)


async def test_any_range_of_a_file_is_the_same_bytes(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, coded())
    clip = await player.clip("p1", at(0), at(4))
    assert clip is not None
    whole = b"".join([piece async for piece in player.read(clip, 0, clip.size_bytes)])

    assert len(whole) == clip.size_bytes
    for start, stop in ((0, 1), (700, 5000), (clip.size_bytes - 9, clip.size_bytes), (3, clip.size_bytes - 3)):
        assert b"".join([piece async for piece in player.read(clip, start, stop)]) == whole[start:stop]


async def test_a_file_holds_a_change_of_resolution(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, [*coded(), *later(coded(width_px=640, height_px=384), by_s=4)])

    clip = await player.clip("p1", at(2), at(6))

    assert clip is not None
    path = await poured(player.read(clip, 0, clip.size_bytes), tmp_path / "clip.mp4")
    with av.open(str(path)) as container:
        widths = [frame.width for frame in container.decode(video=0)]
    assert widths == [320] * 20 + [640] * 20
    assert probed(path).complaints == ""


async def test_a_file_holds_no_change_of_codec(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, [*coded(), *later(coded("h265"), by_s=4)])

    with pytest.raises(OtherCodec) as refused:
        await player.clip("p1", at(2), at(6))

    assert refused.value.at_us == at(4)


async def test_a_stream_goes_on_after_a_change_with_a_new_init_segment(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, [*coded(), *later(coded(width_px=640, height_px=384), by_s=4)])
    reel = await player.reel("p1", at(0), at(8), frames=Frames.ALL, is_backward=False)

    content = b"".join([piece async for piece in player.stream(reel)])

    assert content.count(b"moov") == 2
    assert content.count(b"moof") == 8


async def test_a_recording_is_played_while_it_is_written(player: Player, tmp_path: Path) -> None:
    async with recording(tmp_path) as studio:
        studio.want(ALWAYS)
        await studio.ready()
        await studio.send(coded())
        await studio.stored("SELECT 1 FROM segments WHERE open", bool)

        async def all_is_there() -> bool:
            reel = await player.reel("p1", at(0), at(10), frames=Frames.ALL, is_backward=False)
            return len(reel.shots) == 3  # the newest second has not ended

        await until(all_is_there, within_s=60, what="three seconds of pictures")
        shown = await play(player, tmp_path / "a.mp4", 0, 10)
        timeline = await player.timeline("p1", at(0), at(10))

    assert len(shown) == 30
    assert [(item.start_us, item.end_us) for item in timeline.recorded] == [(at(0), at(3))]


async def test_a_cover_is_the_key_frame_seen_at_a_moment(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, coded("h265"))

    found = await player.cover("p1", at(2.5))

    assert found is not None
    codec, payload = found
    assert codec == "h265"
    decoder = av.CodecContext.create("hevc", "r")
    frames = [*decoder.decode(av.Packet(payload)), *decoder.decode(None)]
    assert [(frame.width, frame.height) for frame in frames] == [(320, 192)]
    assert await player.cover("p1", at(-3600)) is None
    assert await player.cover("another", at(2)) is None


async def test_footage_that_was_removed_meanwhile_ends_the_stream(player: Player, tmp_path: Path) -> None:
    await recorded(tmp_path, coded())
    reel = await player.reel("p1", at(0), at(4), frames=Frames.ALL, is_backward=False)
    await asyncio.to_thread(shutil.rmtree, tmp_path / "recordings" / "p1")

    with pytest.raises(Gone):
        _ = [piece async for piece in player.stream(reel)]


async def test_a_timeline_joins_what_follows_on_and_shows_gaps_and_bookmarks(player: Player, tmp_path: Path) -> None:
    minute = [unit for number in range(17) for unit in later(coded(), by_s=4 * number)]
    await recorded(tmp_path, [*minute, *later(coded(), by_s=100, session=2)])
    end = START + timedelta(seconds=5)
    bookmark = Bookmark(id="b1", point_id="p1", start=START, end=end, text="证据", locked=True, set_at=START)
    async with Database(tmp_path / "recordings.db", migrations) as database:
        await database.run(lambda db: put(db, bookmark))

    timeline = await player.timeline("p1", at(-10), at(200))

    assert [(item.start_us, item.end_us, item.kind) for item in timeline.recorded] == [
        (at(0), at(68), "planned"),
        (at(100), at(104), "planned"),
    ]
    assert [(item.start_us, item.end_us, item.reason) for item in timeline.gaps] == [(at(68), at(100), "no_pictures")]
    assert timeline.bookmarks == (bookmark,)
    assert timeline.mime.startswith("video/mp4; codecs=")
    assert (await player.timeline("p1", at(70), at(90))).recorded == ()
    hours = await player.on_thread(lambda: player.catalogue.hours(at(-7200), at(7200)))
    assert sum(item.duration_us for item in hours) == 72 * SECOND_US
    assert from_us(min(item.hour for item in hours) * 3600 * SECOND_US) <= START


async def test_without_an_index_nothing_was_recorded(player: Player) -> None:
    timeline = await player.timeline("p1", at(0), at(10))

    assert (timeline.recorded, timeline.gaps, timeline.bookmarks, timeline.mime) == ((), (), (), "")
    assert await player.clip("p1", at(0), at(10)) is None
    assert (await player.reel("p1", at(0), at(10), frames=Frames.ALL, is_backward=False)).shots == ()
