"""Films of every kind that people hand over: whole, cut off in the middle, damaged, and no films at all."""

import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.films import jpeg_at, length_s, pictures_of

SECONDS = 6


def written(
    path: Path, *, codec: str = "libx264", size: tuple[int, int] = (160, 120), frames: int = 10 * SECONDS
) -> Path:
    """Write a film of noise, ten pictures a second, a key frame each second; an MP4 has its index in front."""
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as film:
        stream: Any = film.add_stream(codec, rate=10, options={"g": "10"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            noise = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3), np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        film.mux(stream.encode(None))
    return path


def sound(path: Path) -> Path:
    with av.open(str(path), "w") as film:
        stream: Any = film.add_stream("aac", rate=44_100)
        frame: Any = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        frame.rate = 44_100
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


def seen(path: Path) -> tuple[list[int], str]:
    """Return the seconds at which there were pictures, and what was said at the end."""
    times: list[int] = []
    try:
        for at_s, _ in pictures_of(path, 1.0):
            times.append(int(at_s))
    except CannotDecode as error:
        return times, str(error)
    return times, ""


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "flv", "avi"])
def test_a_whole_film_is_looked_at_to_its_end(tmp_path: Path, kind: str) -> None:
    codec = "mpeg4" if kind == "avi" else "libx264"

    assert seen(written(tmp_path / f"a.{kind}", codec=codec)) == (list(range(SECONDS)), "")


@pytest.mark.parametrize("kind", ["mp4", "mkv", "flv"])
def test_a_film_that_is_cut_off_gives_its_first_half_and_says_so(tmp_path: Path, kind: str) -> None:
    film = written(tmp_path / f"a.{kind}")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])

    times, said = seen(film)

    assert times == [0, 1, 2]
    assert re.fullmatch(r"film_cut_off: its last picture is at [23]\.\d s of 6\.\d s", said)


@pytest.mark.parametrize("kind", ["mp4", "ts"])
def test_behind_a_damaged_place_a_film_goes_on(tmp_path: Path, kind: str) -> None:
    film = written(tmp_path / f"a.{kind}", size=(320, 240))
    content = bytearray(film.read_bytes())
    for place in range(len(content) // 3, len(content) // 2, 7):
        content[place] ^= 0x5A
    film.write_bytes(content)

    times, said = seen(film)

    assert times[0] == 0
    assert times[-1] == SECONDS - 1
    assert "damaged" in said


def test_what_is_no_film_with_pictures_is_refused(tmp_path: Path) -> None:
    played = written(tmp_path / "street.mp4", frames=10)
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {played.name}\n")
    (tmp_path / "noise.ts").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "empty.mkv").write_bytes(b"")

    for path in (sound(tmp_path / "sound.mp4"), *(tmp_path / name for name in ("list.mp4", "noise.ts", "empty.mkv"))):
        for look in (length_s, lambda path: next(pictures_of(path, 1.0)), lambda path: jpeg_at(path, 0.0)):
            with pytest.raises((CannotDecode, av.FFmpegError)):
                look(path)


def test_a_film_of_larger_pictures_than_any_camera_sends_is_refused_before_one_is_made(tmp_path: Path) -> None:
    film = tmp_path / "vast.avi"
    with av.open(str(film), "w") as file:
        stream: Any = file.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 9000, 8000, "yuvj420p"
        file.mux(stream.encode(av.VideoFrame(9000, 8000, "yuvj420p")))
        file.mux(stream.encode(None))

    with pytest.raises(CannotDecode, match="64 million"):
        next(pictures_of(film, 1.0))
