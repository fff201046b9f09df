import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.rig.errors import RequestError
from hil_tests.rig.rtsp import nal
from hil_tests.rig.rtsp.clip import Clip
from hil_tests.rig.rtsp.request import choose_transport, parse_request
from hil_tests.rig.rtsp.sdp import describe


@given(size=st.integers(1, 20_000), codec=st.sampled_from(["h264", "h265"]))
def test_fragments_put_together_are_the_unit_again(size: int, codec: nal.Codec) -> None:
    unit = bytes([0x65 if codec == "h264" else 0x26, 0x01, *(number % 251 for number in range(size))])

    pieces = list(nal.payloads(unit, codec))

    assert all(len(piece) <= nal.PAYLOAD_LIMIT_BYTES for piece in pieces)
    if len(pieces) == 1:
        assert pieces == [unit]
        return
    head = 2 if codec == "h264" else 3
    body = b"".join(piece[head:] for piece in pieces)
    assert body == unit[1 if codec == "h264" else 2 :]
    assert [bool(piece[head - 1] & 0x80) for piece in pieces] == [True] + [False] * (len(pieces) - 1)
    assert [bool(piece[head - 1] & 0x40) for piece in pieces] == [False] * (len(pieces) - 1) + [True]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    try:
        request = parse_request(data + b"\r\n\r\n")
    except RequestError:
        return
    assert request.headers["cseq"].isdigit()


@given(st.text(max_size=80))
def test_no_transport_header_breaks_the_choice(header: str) -> None:
    try:
        offer = choose_transport(header)
    except RequestError:
        return
    assert 0 <= offer.first <= 65534


def test_the_first_offer_that_can_be_served_is_taken() -> None:
    offer = choose_transport("RTP/AVP;multicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=4-5")

    assert (offer.protocol, offer.first) == ("tcp", 4)


def test_a_clip_starts_at_a_key_unit_that_carries_its_parameter_sets(clip: Clip, h265_clip: Clip) -> None:
    assert clip.units[0].is_key
    assert {nal.kind(unit, "h264") for unit in clip.units[0].payloads} >= {7, 8}
    assert {nal.kind(unit, "h265") for unit in h265_clip.units[0].payloads} >= {32, 33, 34}
    assert clip.loop_s == pytest.approx(2.0)
    assert clip.longest_gop_s == pytest.approx(0.5)


def test_the_description_names_codec_and_parameter_sets(clip: Clip, h265_clip: Clip) -> None:
    assert "H264/90000" in describe(clip, "a")
    assert "sprop-parameter-sets=" in describe(clip, "a")
    assert "H265/90000" in describe(h265_clip, "b")
    assert "sprop-vps=" in describe(h265_clip, "b")
