"""SM2 from the system's libcrypto 3, by ctypes: neither `cryptography` nor Python's `ssl` offers it.

gmssl is not used for it: its nonces come from a random source that can be predicted, which gives the key away.
"""

import ctypes
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

from federation.crypto.errors import BadKey, BadSealed, CryptoUnavailable

LIBRARY = "libcrypto.so.3"
SIGNER_ID = b"1234567812345678"  # GM/T 0009-2012, 10; OpenSSL before 4 would take an empty one
KIND = b"SM2"
LONGEST_PEM_BYTES = 8192

_POINTER = ctypes.c_void_p
_SIZE = ctypes.c_size_t
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "BIO_new_mem_buf": (_POINTER, [ctypes.c_char_p, ctypes.c_int]),
    "BIO_new": (_POINTER, [_POINTER]),
    "BIO_s_mem": (_POINTER, []),
    "BIO_ctrl": (ctypes.c_long, [_POINTER, ctypes.c_int, ctypes.c_long, _POINTER]),
    "BIO_free": (ctypes.c_int, [_POINTER]),
    "ERR_clear_error": (None, []),
    "EVP_MD_CTX_new": (_POINTER, []),
    "EVP_MD_CTX_free": (None, [_POINTER]),
    "EVP_MD_CTX_set_pkey_ctx": (None, [_POINTER, _POINTER]),
    "EVP_DigestSignInit": (ctypes.c_int, [_POINTER, _POINTER, _POINTER, _POINTER, _POINTER]),
    "EVP_DigestSign": (ctypes.c_int, [_POINTER, ctypes.c_char_p, ctypes.POINTER(_SIZE), ctypes.c_char_p, _SIZE]),
    "EVP_DigestVerifyInit": (ctypes.c_int, [_POINTER, _POINTER, _POINTER, _POINTER, _POINTER]),
    "EVP_DigestVerify": (ctypes.c_int, [_POINTER, ctypes.c_char_p, _SIZE, ctypes.c_char_p, _SIZE]),
    "EVP_sm3": (_POINTER, []),
    "EVP_PKEY_Q_keygen": (_POINTER, [_POINTER, ctypes.c_char_p, ctypes.c_char_p]),
    "EVP_PKEY_free": (None, [_POINTER]),
    "EVP_PKEY_is_a": (ctypes.c_int, [_POINTER, ctypes.c_char_p]),
    "EVP_PKEY_CTX_new": (_POINTER, [_POINTER, _POINTER]),
    "EVP_PKEY_CTX_free": (None, [_POINTER]),
    "EVP_PKEY_CTX_set1_id": (ctypes.c_int, [_POINTER, ctypes.c_char_p, ctypes.c_int]),
    "EVP_PKEY_encrypt_init": (ctypes.c_int, [_POINTER]),
    "EVP_PKEY_encrypt": (
        ctypes.c_int,
        [_POINTER, ctypes.c_char_p, ctypes.POINTER(_SIZE), ctypes.c_char_p, _SIZE],
    ),
    "EVP_PKEY_decrypt_init": (ctypes.c_int, [_POINTER]),
    "EVP_PKEY_decrypt": (
        ctypes.c_int,
        [_POINTER, ctypes.c_char_p, ctypes.POINTER(_SIZE), ctypes.c_char_p, _SIZE],
    ),
    "PEM_read_bio_PrivateKey": (_POINTER, [_POINTER, _POINTER, _POINTER, ctypes.c_char_p]),
    "PEM_read_bio_PUBKEY": (_POINTER, [_POINTER, _POINTER, _POINTER, ctypes.c_char_p]),
    "PEM_write_bio_PrivateKey": (
        ctypes.c_int,
        [_POINTER, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER, _POINTER],
    ),
    "PEM_write_bio_PUBKEY": (ctypes.c_int, [_POINTER, _POINTER]),
}
_BIO_CTRL_INFO = 3


class Key:
    """An SM2 key inside libcrypto; it is freed with this object. May be used from several threads."""

    def __init__(self, pointer: int) -> None:
        """Take over what libcrypto has made."""
        self._pointer = pointer
        weakref.finalize(self, _library().EVP_PKEY_free, pointer)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data` (GB/T 32918.2-2016 with SM3), as ASN.1 of at most 72 bytes."""
        library, size, signature = _library(), _SIZE(80), ctypes.create_string_buffer(80)

        def work(context: int) -> int:
            started = library.EVP_DigestSignInit(context, None, library.EVP_sm3(), None, self._pointer)
            return int(
                started == 1 and library.EVP_DigestSign(context, signature, ctypes.byref(size), data, len(data)) == 1
            )

        if not self._with_digest(work):
            raise BadKey("this key cannot sign")
        return signature.raw[: size.value]

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Tell whether `signature` is this key's, of `data`."""
        library = _library()

        def work(context: int) -> int:
            started = library.EVP_DigestVerifyInit(context, None, library.EVP_sm3(), None, self._pointer)
            return int(
                started == 1 and library.EVP_DigestVerify(context, signature, len(signature), data, len(data)) == 1
            )

        return bool(self._with_digest(work))

    def encrypt(self, data: bytes) -> bytes:
        """Return `data`, at most 255 bytes, so that the private key alone can read it (GB/T 32918.4-2016)."""
        return self._crypt("encrypt", data, room=len(data) + 256)

    def decrypt(self, data: bytes) -> bytes:
        """Return what was encrypted for this key; raise BadSealed for anything else."""
        return self._crypt("decrypt", data, room=len(data))

    def private_pem(self) -> str:
        """Return the whole key as unencrypted PKCS#8."""
        write = _library().PEM_write_bio_PrivateKey
        return _written(lambda bio: write(bio, self._pointer, None, None, 0, None, None))

    def public_pem(self) -> str:
        """Return the public key as SubjectPublicKeyInfo."""
        write = _library().PEM_write_bio_PUBKEY
        return _written(lambda bio: write(bio, self._pointer))

    def _with_digest(self, work: Callable[[int], int]) -> int:
        library = _library()
        context, options = library.EVP_MD_CTX_new(), library.EVP_PKEY_CTX_new(self._pointer, None)
        try:
            library.EVP_PKEY_CTX_set1_id(options, SIGNER_ID, len(SIGNER_ID))
            library.EVP_MD_CTX_set_pkey_ctx(context, options)
            return work(context)
        finally:
            library.EVP_MD_CTX_free(context)
            library.EVP_PKEY_CTX_free(options)
            library.ERR_clear_error()

    def _crypt(self, direction: str, data: bytes, *, room: int) -> bytes:
        library = _library()
        context, size, out = (
            library.EVP_PKEY_CTX_new(self._pointer, None),
            _SIZE(room),
            ctypes.create_string_buffer(room),
        )
        try:
            if getattr(library, f"EVP_PKEY_{direction}_init")(context) == 1:
                done = getattr(library, f"EVP_PKEY_{direction}")(context, out, ctypes.byref(size), data, len(data))
                if done == 1:
                    return out.raw[: size.value]
            raise BadSealed(f"SM2 cannot {direction} this")
        finally:
            library.EVP_PKEY_CTX_free(context)
            library.ERR_clear_error()


def generate() -> Key:
    """Return a new key."""
    return _owned(_library().EVP_PKEY_Q_keygen(None, None, KIND))


def read_private(pem: str) -> Key:
    """Return the key in an unencrypted PEM; raise BadKey for anything else."""
    return _read(_library().PEM_read_bio_PrivateKey, pem)


def read_public(pem: str) -> Key:
    """Return the public key in a PEM; raise BadKey for anything else."""
    return _read(_library().PEM_read_bio_PUBKEY, pem)


def _read(read: Callable[..., int | None], pem: str) -> Key:
    text = pem.encode()
    if len(text) > LONGEST_PEM_BYTES:
        raise BadKey("the text is too long for a key")
    library = _library()
    bio = library.BIO_new_mem_buf(text, len(text))
    try:
        # An empty passphrase keeps libcrypto from asking for one on the terminal.
        return _owned(read(bio, None, None, b""))
    finally:
        library.BIO_free(bio)
        library.ERR_clear_error()


def _owned(pointer: int | None) -> Key:
    if not pointer:
        raise BadKey("this is no key")
    key = Key(pointer)
    if _library().EVP_PKEY_is_a(pointer, KIND) != 1:
        raise BadKey("the key is not of the curve SM2")
    return key


def _written(write: Callable[[int], int]) -> str:
    library = _library()
    bio = library.BIO_new(library.BIO_s_mem())
    try:
        if write(bio) != 1:
            raise BadKey("the key cannot be written")
        start = ctypes.c_void_p()
        length = library.BIO_ctrl(bio, _BIO_CTRL_INFO, 0, ctypes.byref(start))
        return ctypes.string_at(start, length).decode("ascii")
    finally:
        library.BIO_free(bio)
        library.ERR_clear_error()


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
        for name, (returns, takes) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = returns, takes
    except (OSError, AttributeError) as error:
        raise CryptoUnavailable(f"{LIBRARY} with SM2 is not on this machine; install OpenSSL 3") from error
    return library
