"""Decoders shared by cameras, and those that a camera has for itself, with real streams."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.bitstream
import numpy as np
import pytest
from av.video.stream import VideoStream

from appliance.analysis.decoding import IDLE_S, CannotDecode, DecoderPool
from appliance.analysis.sight import Sight, Sights
from appliance.local import DecodeLevel, FrameHeader
from appliance.local.frames import AccessUnit

FPS = 10


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[AccessUnit]]:
    """Return three seconds of several kinds of streams, by name."""
    folder = tmp_path_factory.mktemp("streams")
    return {
        "small": _units(folder, size=(320, 240), codec="h264"),
        "other": _units(folder, size=(320, 240), codec="h264", profile="high"),
        "large": _units(folder, size=(640, 360), codec="h264"),
        "h265": _units(folder, size=(320, 240), codec="h265"),
        "mjpeg": _units(folder, size=(320, 240), codec="mjpeg"),
    }


def _units(folder: Path, *, size: tuple[int, int], codec: str, profile: str = "baseline") -> list[AccessUnit]:
    encoder = {"h264": "libx264", "h265": "libx265", "mjpeg": "mjpeg"}[codec]
    path = folder / f"{codec}-{size[0]}-{profile}.mkv"
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "tune": "zerolatency"} if codec != "mjpeg" else {}
        options |= {"profile": profile} if codec == "h264" else {}
        options |= {"x265-params": "log-level=none:repeat-headers=1"} if codec == "h265" else {}
        stream = cast("VideoStream", container.add_stream(encoder, rate=Fraction(FPS), options=options))
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 10 * FPS
        for number in range(3 * FPS):
            picture = np.full((size[1], size[0], 3), number * 8, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    with av.open(str(path)) as file:
        source = file.streams.video[0]
        name = {"h264": "h264_mp4toannexb", "h265": "hevc_mp4toannexb", "mjpeg": "null"}[codec]
        to_annex_b = av.bitstream.BitStreamFilterContext(name, source)
        packets = [out for packet in file.demux(source) if packet.size for out in to_annex_b.filter(packet)]
    return [
        AccessUnit(
            header=FrameHeader(
                point_id="p1",
                codec=codec,  # type: ignore[arg-type]
                key=packet.is_keyframe,
                sequence=number,
                rtp_time=number * 90_000 // FPS,
                session=1,
                received_at=datetime.now(UTC),
                width_px=size[0],
                height_px=size[1],
            ),
            payload=bytes(packet),
        )
        for number, packet in enumerate(packets, start=1)
    ]


def test_one_decoder_serves_key_frames_of_all_cameras_of_a_codec_and_size(
    streams: dict[str, list[AccessUnit]],
) -> None:
    pool = DecoderPool()
    shapes = []
    for name in ("small", "other", "large", "small", "h265", "other", "mjpeg", "large"):
        unit = streams[name][0]
        size = (unit.header.width_px, unit.header.height_px)
        shapes.append(pool.key_frame(unit.header.codec, unit.payload, size=size).shape[:2])

    assert shapes == [(240, 320), (240, 320), (360, 640), (240, 320), (240, 320), (240, 320), (240, 320), (360, 640)]
    assert len(pool) == 4


def test_sizes_that_nobody_told_share_a_decoder_too(streams: dict[str, list[AccessUnit]]) -> None:
    pool = DecoderPool()

    shapes = [pool.key_frame("h264", streams[name][0].payload).shape[:2] for name in ("small", "large", "other")]

    assert shapes == [(240, 320), (360, 640), (240, 320)]
    assert len(pool) == 1


def test_decoders_of_pictures_that_are_decoded_at_one_time_are_kept_for_the_next(
    streams: dict[str, list[AccessUnit]],
) -> None:
    pool, deadline_s = DecoderPool(), time.monotonic() + 60.0
    payload = streams["large"][0].payload

    def decode_until_shared() -> None:
        while len(pool) < 2 and time.monotonic() < deadline_s:
            pool.key_frame("h264", payload)

    with ThreadPoolExecutor(4) as threads:
        for each in [threads.submit(decode_until_shared) for _ in range(4)]:
            each.result()

    assert len(pool) >= 2


def test_decoders_that_nobody_uses_are_dropped_after_a_while(streams: dict[str, list[AccessUnit]]) -> None:
    pool = DecoderPool()
    pool.key_frame("h264", streams["small"][0].payload)

    pool.sweep(time.monotonic())
    kept = len(pool)
    pool.sweep(time.monotonic() + IDLE_S + 1)

    assert (kept, len(pool)) == (1, 0)


@pytest.mark.parametrize("payload", [b"", b"\0\0\0\1\x65nonsense", b"\xff\xd8nonsense"])
@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_what_is_no_picture_is_refused_and_the_decoder_goes_on(
    codec: str, payload: bytes, streams: dict[str, list[AccessUnit]]
) -> None:
    pool = DecoderPool()
    good = streams["small" if codec == "h264" else codec][0].payload
    for _ in range(2):
        with pytest.raises(CannotDecode):
            pool.key_frame(codec, payload)

    assert pool.key_frame(codec, good).shape == (240, 320, 3)


@pytest.mark.parametrize("name", ["small", "h265"])
def test_every_frame_of_a_camera_is_decoded_and_one_a_second_is_shown(
    streams: dict[str, list[AccessUnit]], name: str
) -> None:
    sight = Sight(point_id="p1", pool=DecoderPool(), level=DecodeLevel.FULL)

    pictures = [sight.see(unit) for unit in streams[name]]

    shown = [number for number, picture in enumerate(pictures) if picture is not None]
    assert shown == [0, 10, 20]
    assert sight.decoded == 30
    brightness = [int(picture.mean()) for picture in pictures if picture is not None]
    assert brightness == pytest.approx([0, 80, 160], abs=6)


def test_after_a_gap_nothing_is_decoded_up_to_the_next_key_frame(streams: dict[str, list[AccessUnit]]) -> None:
    sight = Sight(point_id="p1", pool=DecoderPool(), level=DecodeLevel.FULL)
    units = streams["small"]
    again = [
        AccessUnit(header=unit.header.model_copy(update={"session": 2}), payload=unit.payload) for unit in units[:2]
    ]

    for unit in [*units[:5], *units[6:9], *again]:
        sight.see(unit)

    assert (sight.decoded, sight.failed) == (7, 3)


def test_key_frames_alone_are_decoded_where_they_suffice(streams: dict[str, list[AccessUnit]]) -> None:
    sights = Sights(pool=DecoderPool())
    sights.adopt({"p1": DecodeLevel.KEYFRAME})

    shown = [sights.by_point["p1"].see(unit) is not None for unit in streams["small"]]
    before = sights.decoded
    sights.adopt({})

    assert shown == [True] + [False] * 29
    assert (before, sights.decoded, sights.by_point) == (1, 1, {})


def test_a_card_that_decodes_nothing_leaves_it_to_the_cores(
    streams: dict[str, list[AccessUnit]], caplog: pytest.LogCaptureFixture
) -> None:
    pool = DecoderPool(cards=(99,))  # no machine has so many

    unit = streams["small"][0]
    picture = pool.next_frame(unit.header, unit.payload, shown=True)

    assert "card 99 decodes nothing" in caplog.text
    assert not pool.on_cards
    assert picture is not None
    assert picture.shape == (240, 320, 3)
