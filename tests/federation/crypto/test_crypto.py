"""Signing, sealing and digests, held against the standards' own examples and an independent implementation."""

import base64
import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gmssl import sm2 as gmssl_sm2
from hypothesis import given
from hypothesis import strategies as st

from federation.crypto import BadKey, BadSealed, PublicKey, SigningKey, seal, sm3_hex, unseal
from federation.crypto.sealing import OVERHEAD_BYTES

KEY = SigningKey.generate()
OTHER = SigningKey.generate()

# GB/T 32918.5-2017, annex A.2
STANDARD_PUBLIC = (
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
STANDARD_SIGNATURE = (
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
SPKI_OF_SM2 = "3059301306072A8648CE3D020106082A811CCF5501822D034200 04".replace(" ", "")


def pem_of(public_hex: str) -> str:
    """Return the PEM of a public point in hexadecimal digits."""
    body = base64.b64encode(bytes.fromhex(SPKI_OF_SM2 + public_hex)).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def der_of(signature_hex: str) -> bytes:
    """Return two integers in hexadecimal digits as ASN.1."""
    parts = [bytes.fromhex(signature_hex[:64]), bytes.fromhex(signature_hex[64:])]
    fields = b"".join(b"\x02\x21\x00" + part if part[0] & 0x80 else b"\x02\x20" + part for part in parts)
    return b"\x30" + bytes([len(fields)]) + fields


def point_of(key: PublicKey) -> str:
    """Return the public point in hexadecimal digits, without the leading 04."""
    body = "".join(key.to_pem().splitlines()[1:-1])
    return base64.b64decode(body)[-64:].hex()


def test_sm3_of_the_standards_example_is_the_standards_digest() -> None:
    # GB/T 32905-2016, annex A.1
    assert sm3_hex(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_the_standards_own_signature_is_verified() -> None:
    key = PublicKey.from_pem(pem_of(STANDARD_PUBLIC))

    assert key.verify(b"message digest", der_of(STANDARD_SIGNATURE))
    assert not key.verify(b"message digest.", der_of(STANDARD_SIGNATURE))


def test_another_implementation_verifies_our_signature() -> None:
    signature = KEY.sign("烽燧".encode())

    peer = gmssl_sm2.CryptSM2(private_key="", public_key=point_of(KEY.public), asn1=True)

    assert peer.verify_with_sm3(signature.hex(), "烽燧".encode())


@given(st.binary(max_size=2000))
def test_what_was_signed_is_verified_by_the_public_half_alone(data: bytes) -> None:
    signature = KEY.sign(data)

    assert PublicKey.from_pem(KEY.public.to_pem()).verify(data, signature)
    assert not KEY.public.verify(data + b"x", signature)
    assert not OTHER.public.verify(data, signature)


@given(st.binary(max_size=120))
def test_garbage_is_no_signature(signature: bytes) -> None:
    assert not KEY.public.verify(b"data", signature)


def test_a_key_survives_its_text() -> None:
    again = SigningKey.from_pem(KEY.to_pem())

    assert again.public == KEY.public
    assert again.public.fingerprint == KEY.public.fingerprint
    assert KEY.public.verify(b"data", again.sign(b"data"))


def test_two_keys_have_two_fingerprints() -> None:
    assert KEY.public.fingerprint != OTHER.public.fingerprint
    assert KEY.public.fingerprint.startswith("sm3:")


def test_no_key_is_shown_by_its_repr() -> None:
    assert "PRIVATE" not in repr(KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        KEY.to_pem(),
        KEY.public.to_pem()[:80],
        "-----BEGIN PUBLIC KEY-----\n" + "A" * 9000 + "\n-----END PUBLIC KEY-----\n",
    ],
    ids=["empty", "words", "a private key", "cut short", "too long"],
)
def test_what_is_no_public_sm2_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        PublicKey.from_pem(text)


def test_a_sound_key_of_another_curve_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    with pytest.raises(BadKey, match="SM2"):
        PublicKey.from_pem(text)


def test_a_public_key_cannot_be_read_as_a_private_one() -> None:
    with pytest.raises(BadKey):
        SigningKey.from_pem(KEY.public.to_pem())


@given(st.binary(max_size=5000))
def test_what_was_sealed_is_read_by_its_recipient_alone(data: bytes) -> None:
    sealed = seal(KEY.public, data)

    assert unseal(KEY, sealed) == data
    assert len(sealed) <= len(data) + OVERHEAD_BYTES
    with pytest.raises(BadSealed):
        unseal(OTHER, sealed)


def test_sealing_twice_gives_two_texts() -> None:
    assert seal(KEY.public, b"same") != seal(KEY.public, b"same")


@given(share=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255))
def test_a_changed_or_cut_message_is_refused(share: float, flipped: int) -> None:
    sealed = bytearray(seal(KEY.public, b"three cameras, one gate"))
    place = int(share * len(sealed))
    sealed[place] ^= flipped

    with pytest.raises(BadSealed):
        unseal(KEY, bytes(sealed))
    with pytest.raises(BadSealed):
        unseal(KEY, bytes(sealed[:place]))


@given(st.binary(max_size=400))
def test_garbage_is_no_sealed_message(garbage: bytes) -> None:
    for start in (b"", b"FSS1", b"FSS1\xff\xff", b"FSS1\x00\x00"):
        with contextlib.suppress(BadSealed):
            unseal(KEY, start + garbage)
            pytest.fail("garbage was read")
