from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from federation.identity.certificate import read_certificate, read_request
from federation.identity.errors import KeyUnsuitable
from federation.identity.key import NodeKey, grouped, read_fingerprint


def pem_of(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def test_a_key_is_made_once_kept_private_and_found_again(tmp_path: Path) -> None:
    made = NodeKey.open(tmp_path / "identity" / "key.pem")

    assert NodeKey.open(made.path).fingerprint == made.fingerprint
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.path.parent.stat().st_mode & 0o777 == 0o700


def test_request_and_own_certificate_speak_of_the_same_key(tmp_path: Path) -> None:
    key = NodeKey.open(tmp_path / "key.pem")

    request, certificate = read_request(key.request("SN-1")), read_certificate(key.self_signed("SN-1"))

    assert (request.name, request.fingerprint) == ("SN-1", key.fingerprint)
    assert (certificate.name, certificate.fingerprint) == ("SN-1", key.fingerprint)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no key",
        pem_of(rsa.generate_private_key(65537, 2048)),
        pem_of(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "text", "RSA", "P-384"],
)
def test_a_file_that_is_no_key_of_ours_is_said_so_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.pem"
    path.write_text(content)

    with pytest.raises(KeyUnsuitable, match="remove it to begin anew"):
        NodeKey.open(path)

    assert path.read_text() == content


@given(st.binary(min_size=32, max_size=32))
def test_a_fingerprint_is_read_back_from_how_it_is_shown(digest: bytes) -> None:
    fingerprint = digest.hex()

    shown = grouped(fingerprint)

    assert len(shown.split(" ")) == 16
    assert read_fingerprint(shown) == read_fingerprint(shown.replace(" ", ":").lower()) == fingerprint


@given(st.text())
def test_what_is_no_fingerprint_is_none(text: str) -> None:
    assert read_fingerprint(text + "x") is None
