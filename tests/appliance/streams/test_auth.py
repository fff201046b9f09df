"""Answers to a camera's challenges, by the examples of the standards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.streams.rtsp.auth import Authorizer, Credentials, digest_header, read_challenges

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
    assert authorizer.take(challenges, answered=False)
    assert (authorizer.header("PLAY", "rtsp://x") or "").startswith("Digest ")
    assert not authorizer.take(read_challenges(['Digest realm="cam", nonce="2"']), answered=True)


def test_a_nonce_that_was_only_too_old_is_answered_anew() -> None:
    authorizer = Authorizer(MUFASA)

    assert authorizer.take(read_challenges(['Digest realm="cam", nonce="1"']), answered=False)
    assert authorizer.take(read_challenges(['Digest realm="cam", nonce="2", stale=TRUE']), answered=True)
    assert 'nonce="2"' in (authorizer.header("PLAY", "rtsp://x") or "")


def test_a_password_is_never_sent_as_it_is_where_that_is_not_allowed() -> None:
    authorizer = Authorizer(MUFASA, allow_basic=False)

    assert not authorizer.take(read_challenges(['Basic realm="cam"']), answered=False)
    assert authorizer.header("PLAY", "rtsp://x") is None


@pytest.mark.parametrize(
    ("credentials", "challenges", "code"),
    [
        (Credentials(username="", password=""), ['Digest realm="c", nonce="1"'], "password_needed"),
        (MUFASA, ['Digest realm="c", nonce="1"'], "wrong_password"),
        (MUFASA, ["Negotiate"], "unknown_scheme"),
    ],
)
def test_a_refusal_says_what_is_wrong(credentials: Credentials, challenges: list[str], code: str) -> None:
    authorizer = Authorizer(credentials)
    authorizer.take(read_challenges(challenges), answered=False)

    assert authorizer.refusal().code == code


def test_a_password_is_not_shown() -> None:
    assert "Circle" not in repr(MUFASA)


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_challenge_is_read_or_left_out(headers: list[str]) -> None:
    for challenge in read_challenges(headers):
        assert challenge.scheme in {"basic", "digest"}
