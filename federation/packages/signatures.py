"""SM2 signatures of a package: over algorithm.yaml, a line feed and SM3SUMS, in SIGNATURES/<key>.sm2."""

from collections.abc import Iterable

from federation.crypto import PublicKey, SigningKey
from federation.packages.archive import MANIFEST, SIGNATURES, SM3_LIST, Package, write_package


def sign_package(package: Package, key: SigningKey) -> Package:
    """Add the signature of `key` to the package's file and return it anew; others' signatures stay."""
    parts = {entry: package.read(entry) for entry in package.entries}
    parts[_entry(key.public)] = key.sign(_signed(package))
    return write_package(parts, package.path)


def signers(package: Package, known: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Return those of the `known` keys that signed this very content."""
    return tuple(key for key in known if _verified(package, key))


def forged(package: Package, known: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Return those of the `known` keys in whose name something is signed, but not this content."""
    return tuple(key for key in known if _entry(key) in package.entries and not _verified(package, key))


def _verified(package: Package, key: PublicKey) -> bool:
    return _entry(key) in package.entries and key.verify(_signed(package), package.read(_entry(key)))


def _signed(package: Package) -> bytes:
    return package.read(MANIFEST) + b"\n" + package.read(SM3_LIST)


def _entry(key: PublicKey) -> str:
    return f"{SIGNATURES}{key.fingerprint.removeprefix('sm3:')[:32]}.sm2"
