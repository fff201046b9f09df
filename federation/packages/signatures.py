"""SM2 signatures of a package: over algorithm.yaml, a line feed and SM3SUMS, in SIGNATURES/<key>.sm2."""

from collections.abc import Iterable

from federation.crypto import PublicKey, SigningKey
from federation.packages.archive import MANIFEST, SIGNATURES, SM3_LIST, Package, write_package
from federation.packages.errors import BadArchive


def sign_package(package: Package, key: SigningKey) -> Package:
    """Add the signature of `key` to the package's file and return it anew; others' signatures stay."""
    if SM3_LIST not in package.entries:
        raise BadArchive(f"{package.path.name} has no {SM3_LIST}; build it where SM3 is known")
    parts = {entry: package.read(entry) for entry in package.entries}
    parts[_entry(key.public)] = key.sign(_signed(package))
    return write_package(parts, package.path)


def signers(package: Package, known: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Return those of the `known` keys that signed this very content."""
    if SM3_LIST not in package.entries:
        return ()
    content = _signed(package)
    return tuple(
        key for key in known if _entry(key) in package.entries and key.verify(content, package.read(_entry(key)))
    )


def _signed(package: Package) -> bytes:
    return package.read(MANIFEST) + b"\n" + package.read(SM3_LIST)


def _entry(key: PublicKey) -> str:
    return f"{SIGNATURES}{key.fingerprint.removeprefix('sm3:')[:32]}.sm2"
