"""Addresses of cameras, and where they redirect to."""

import pytest

from appliance.streams.errors import Refused
from appliance.streams.rtsp.address import follow, read_address


@pytest.mark.parametrize(
    ("url", "host", "port", "secure"),
    [
        ("rtsp://10.0.0.9/a", "10.0.0.9", 554, False),
        ("rtsp://cam.local:8554/a?b=c", "cam.local", 8554, False),
        ("rtsps://[fe80::1]/a", "fe80::1", 322, True),
    ],
)
def test_an_address_is_read(url: str, host: str, port: int, secure: bool) -> None:  # noqa: FBT001
    address = read_address(url)

    assert (address.host, address.port, address.secure, address.url) == (host, port, secure, url)


def test_a_password_in_an_address_goes_no_further() -> None:
    assert read_address("rtsp://user:secret@cam/a").url == "rtsp://cam/a"


@pytest.mark.parametrize(
    "url", ["", "cam", "http://cam/a", "rtsp:///a", "rtsp://cam:x/", "rtsp://cam/a b", "rtsp://c/\n"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        read_address(url)

    assert caught.value.code == "bad_address"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("rtsp://other:9/b", "rtsp://other:9/b"),
        ("/b", "rtsp://cam/b"),
        ("rtsps://cam/b", "rtsps://cam/b"),
    ],
)
def test_a_redirect_is_followed(location: str, url: str) -> None:
    assert follow(read_address("rtsp://cam/a"), location).url == url


@pytest.mark.parametrize("location", ["rtsp://cam/b", "http://cam/b"])
def test_a_redirect_does_not_lead_out_of_tls(location: str) -> None:
    with pytest.raises(Refused):
        follow(read_address("rtsps://cam/a"), location)
