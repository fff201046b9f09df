"""Answers to a camera's challenges, by the examples of the standards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.rtsp.auth import Authorizer, Challenge, Credentials, digest_header, read_challenges

MUFASA = Credentials(username="Mufasa", password="Circle of Life")
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_come_out(algorithm: str, response: str) -> None:
    (challenge,) = read_challenges([RFC_7616 % algorithm])

    header = digest_header(
        challenge,
        MUFASA,
        method="GET",
        url="/dir/index.html",
        count=1,
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )

    assert f'response="{response}"' in header


def test_digest_is_preferred_to_basic_and_a_password_is_not_tried_twice() -> None:
    challenges = read_challenges(['Basic realm="cam"', 'Digest realm="cam", nonce="1"'])
    authorizer = Authorizer(MUFASA)

    assert [challenge.scheme for challenge in challenges] == ["digest", "basic"]
    assert authorizer.header("PLAY", "rtsp://x") is None
    assert authorizer.take(challenges)
    assert (authorizer.header("PLAY", "rtsp://x") or "").startswith("Digest ")
    assert not authorizer.take(challenges)


def test_a_new_nonce_is_answered_anew() -> None:
    authorizer = Authorizer(MUFASA)

    assert authorizer.take([Challenge(scheme="digest", nonce="1")])
    assert authorizer.take([Challenge(scheme="digest", nonce="2")])


def test_a_password_is_not_shown() -> None:
    assert "Circle" not in repr(MUFASA)


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_challenge_is_read_or_left_out(headers: list[str]) -> None:
    for challenge in read_challenges(headers):
        assert challenge.scheme in {"basic", "digest"}
