"""Keys that the commands are given as files: what is none is told by its name, and a new one is said to be new."""

from collections.abc import Iterable
from pathlib import Path

from appliance.packaging.errors import WrongCall
from federation.crypto import CryptoError, PublicKey, SigningKey
from federation.private_files import read_secret


def signing_key(path: Path) -> tuple[SigningKey, str]:
    """Return the private key in a file, which is made where there is none, and a line that says so, or nothing.

    The public key goes beside it. Raises WrongCall for a file that holds no private key.
    """
    is_new = not path.exists()
    try:
        key = SigningKey.from_pem(read_secret(path, make=lambda: SigningKey.generate().to_pem()))
    except (CryptoError, UnicodeDecodeError) as error:
        raise WrongCall(f"{path}: {_why(error)}; --key wants a private SM2 key in PEM") from error
    public = public_file(path)
    public.write_text(key.public.to_pem(), encoding="ascii")
    return key, f"{path}: there was no key, so a new one was made; nobody trusts it yet" if is_new else ""


def public_file(path: Path) -> Path:
    """Return where the public key lies that belongs to a private one."""
    return path.with_suffix(".pub.pem")


def public_keys(paths: Iterable[Path]) -> list[PublicKey]:
    """Return the public keys in files; raise WrongCall for one that holds none."""
    return [_public(path) for path in paths]


def _public(path: Path) -> PublicKey:
    try:
        return PublicKey.from_pem(path.read_text("ascii"))
    except (CryptoError, UnicodeDecodeError) as error:
        raise WrongCall(f"{path}: {_why(error)}; --trust wants a public SM2 key in PEM") from error


def _why(error: CryptoError | UnicodeDecodeError) -> str:
    return str(error) if isinstance(error, CryptoError) else "this is no text"
