"""Session descriptions as cameras send them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.errors import Refused, StreamError, Violation
from appliance.streams.rtsp.sdp import control_url, find_video

CAMERA = b"""v=0\r
o=- 1 1 IN IP4 0.0.0.0\r
s=x\r
a=control:*\r
m=audio 0 RTP/AVP 8\r
a=rtpmap:8 PCMA/8000\r
a=control:trackID=2\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0IAHukBQHsg,aM4xUg==\r
a=control:trackID=1\r
"""


def test_the_video_track_is_found_among_others() -> None:
    track, session_url = find_video(CAMERA, base_url="rtsp://cam/live/")

    assert (track.codec, track.payload_type) == ("h264", 96)
    assert track.control_url == "rtsp://cam/live/trackID=1"
    assert [item[0] & 31 for item in track.parameter_sets] == [7, 8]
    assert session_url == "rtsp://cam/live/"


def test_a_codec_that_we_do_not_take_is_named() -> None:
    with pytest.raises(Refused, match="JPEG"):
        find_video(CAMERA.replace(b"H264", b"JPEG"), base_url="rtsp://cam")


@pytest.mark.parametrize("description", [b"", b"<html>", b"v=0\n" + b"a=x\n" * 2000])
def test_what_is_no_description_is_a_violation(description: bytes) -> None:
    with pytest.raises(Violation):
        find_video(description, base_url="rtsp://cam")


@pytest.mark.parametrize(
    ("control", "url"),
    [
        ("*", "rtsp://cam/a?b=1"),
        ("", "rtsp://cam/a?b=1"),
        ("track1", "rtsp://cam/a?b=1/track1"),
        ("rtsp://other/x", "rtsp://other/x"),
    ],
)
def test_a_control_is_appended_as_cameras_expect(control: str, url: str) -> None:
    assert control_url("rtsp://cam/a?b=1", control) == url


@given(st.binary(max_size=400), st.integers(0, len(CAMERA)))
def test_no_description_does_more_harm_than_an_error(noise: bytes, place: int) -> None:
    for description in (noise, b"v=0\n" + noise, CAMERA[:place] + noise + CAMERA[place:]):
        with contextlib.suppress(StreamError):
            find_video(description, base_url="rtsp://cam")
