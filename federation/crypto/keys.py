"""SM2 keys: the one that signs and reads, and its public half that verifies and seals."""

from dataclasses import dataclass, field

from federation.crypto import libcrypto
from federation.crypto.digests import sm3_hex


@dataclass(frozen=True)
class PublicKey:
    """What others know of a key; equal keys have equal text."""

    pem: str
    key: libcrypto.Key = field(repr=False, compare=False)

    @classmethod
    def from_pem(cls, pem: str) -> "PublicKey":
        """Return the key in a PEM (SubjectPublicKeyInfo); raise BadKey."""
        key = libcrypto.read_public(pem)
        return cls(pem=key.public_pem(), key=key)

    def to_pem(self) -> str:
        """Return the key as text that starts `-----BEGIN PUBLIC KEY-----`."""
        return self.pem

    @property
    def fingerprint(self) -> str:
        """`sm3:` and the SM3 digest of the PEM, in 64 hexadecimal digits: what people and programs compare."""
        return f"sm3:{sm3_hex(self.pem.encode())}"

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Tell whether `signature` was made of `data` by the private half; no signature is an error."""
        return self.key.verify(data, signature)


@dataclass(frozen=True)
class SigningKey:
    """The private half; it never leaves the machine that made it."""

    key: libcrypto.Key = field(repr=False, compare=False)
    public: PublicKey

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a new key of 256 bits."""
        return cls._of(libcrypto.generate())

    @classmethod
    def from_pem(cls, pem: str) -> "SigningKey":
        """Return the key in an unencrypted PEM (PKCS#8); raise BadKey."""
        return cls._of(libcrypto.read_private(pem))

    @classmethod
    def _of(cls, key: libcrypto.Key) -> "SigningKey":
        return cls(key=key, public=PublicKey.from_pem(key.public_pem()))

    def to_pem(self) -> str:
        """Return the key as PKCS#8 text, to be kept in a private file."""
        return self.key.private_pem()

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data` (SM2 with SM3), as ASN.1 of at most 72 bytes."""
        return self.key.sign(data)
