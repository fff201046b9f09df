"""A vendor's licence 厂商授权: which algorithm may be used, by whom, until when and in how many tasks.

A licence file `NAME.alglic` is a JSON object of the licence and an SM2 signature, in hex, of `alglic/1`, a line feed
and the licence as this module writes it. It counts if the key that signed the algorithm's packages signed it, or one
that may license the algorithms of every vendor.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, ValidationError, model_validator

from federation.crypto import PublicKey, SigningKey
from federation.messages import LicenceTerm
from federation.packages.description import AlgorithmId
from federation.packages.errors import BadLicence, UntrustedLicence
from federation.packages.manifest import Manifest
from federation.packages.texts import ManifestPart

FORMAT = "alglic/1"
LIMIT_BYTES = 64 << 10
WARNED_AHEAD = timedelta(days=30)

MOST_TERMS = 64
"""So many licences of an algorithm are told to a box, those that last longest."""

LicenceState = Literal["free", "licensed", "expiring", "expired", "unlicensed"]


class VendorLicence(ManifestPart):
    """What a vendor allows: `begins` counts in, `ends` counts out."""

    number: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    algorithm: AlgorithmId
    holder: str = Field(min_length=1, max_length=128)
    begins: AwareDatetime
    ends: AwareDatetime | None = Field(default=None, description="none: for good")
    tasks: int | None = Field(default=None, ge=1, le=1_000_000, description="how many tasks; none: any number")

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.ends is not None and self.ends <= self.begins:
            msg = "ends is not after begins"
            raise ValueError(msg)
        return self

    @property
    def term(self) -> LicenceTerm:
        """When it counts."""
        return LicenceTerm(number=self.number, begins=self.begins, ends=self.ends)


class LicenceFile(ManifestPart):
    """A licence as it is handed over."""

    licence: VendorLicence
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,512}$")]


@dataclass(frozen=True, kw_only=True)
class SignedLicence:
    """A licence, and the fingerprint of the key that signed it; with `of_all` the key may license every vendor's."""

    licence: VendorLicence
    signer: str
    of_all: bool = False

    def counts(self, vendors: Collection[str]) -> bool:
        """Tell whether it counts for an algorithm whose packages are signed by these keys."""
        return self.of_all or self.signer in vendors


@dataclass(frozen=True, kw_only=True)
class Authorisation:
    """How an algorithm may be used now; `ends` is when the last licence runs out, `tasks` how many are allowed."""

    state: LicenceState
    ends: datetime | None = None
    tasks: int | None = None

    @property
    def allows(self) -> bool:
        """Whether something new may be made of it."""
        return self.state not in {"expired", "unlicensed"}


def write_licence(licence: VendorLicence, key: SigningKey) -> str:
    """Return the content of a licence file, signed by the vendor's `key`."""
    file = LicenceFile(licence=licence, signature=key.sign(_signed(licence)).hex())
    return file.model_dump_json(indent=2) + "\n"


def read_licence(content: bytes, trusted: Iterable[PublicKey]) -> tuple[VendorLicence, PublicKey]:
    """Return the licence in a file, and that of the `trusted` keys which signed it.

    Raises BadLicence, or UntrustedLicence if none of them did.
    """
    if len(content) > LIMIT_BYTES:
        raise BadLicence(f"a licence file has at most {LIMIT_BYTES} bytes")
    try:
        file = LicenceFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadLicence(f"this is no licence file: {where}: {first['msg']}") from error
    signature, signed = bytes.fromhex(file.signature), _signed(file.licence)
    signer = next((key for key in trusted if key.verify(signed, signature)), None)
    if signer is None:
        raise UntrustedLicence(f"licence {file.licence.number} is signed by nobody who is trusted here")
    return file.licence, signer


def vendors_of(versions: Iterable[Collection[str]]) -> frozenset[str]:
    """Return the keys that may license an algorithm, by their fingerprints: those that signed every signed version.

    `versions` are the signers of each. So nobody licenses the algorithm of another by adding a version to it.
    """
    signed = [frozenset(signers) for signers in versions if signers]
    return frozenset[str].intersection(*signed) if signed else frozenset()


def licensed_id(manifest: Manifest) -> str:
    """Return the algorithm whose licence an algorithm needs: its own, or that whose model it has."""
    return manifest.model_of or manifest.id


def terms_of(manifest: Manifest, licences: Iterable[VendorLicence]) -> tuple[LicenceTerm, ...] | None:
    """Return when an algorithm is licensed, for a box; None: it needs no licence."""
    mine = _licences_of(manifest, licences)
    if mine is None:
        return None
    longest_first = sorted((item.term for item in mine), key=lambda term: (_end(term), term.number), reverse=True)
    return tuple(longest_first[:MOST_TERMS])


def standing(terms: Sequence[LicenceTerm] | None, now: datetime) -> tuple[LicenceState, datetime | None]:
    """Return how an algorithm stands at `now`, and when the last of its licences ends or ended; None: for good."""
    if terms is None:
        return "free", None
    begun = [term for term in terms if term.begins <= now]
    in_force = [term for term in begun if term.in_force(now)]
    if not in_force:
        return "expired" if begun else "unlicensed", _last(begun)
    ends = _renewed(_last(in_force), terms)
    return "expiring" if ends is not None and ends - now <= WARNED_AHEAD else "licensed", ends


def authorisation(manifest: Manifest, licences: Iterable[VendorLicence], now: datetime) -> Authorisation:
    """Return how an algorithm may be used at `now`; what licences that are in force allow adds up."""
    mine = _licences_of(manifest, licences)
    if mine is None:
        return Authorisation(state="free")
    state, ends = standing([item.term for item in mine], now)
    allowed = [item.tasks for item in mine if item.term.in_force(now)]
    tasks = None if None in allowed or not allowed else sum(count or 0 for count in allowed)
    return Authorisation(state=state, ends=ends, tasks=tasks)


def _licences_of(manifest: Manifest, licences: Iterable[VendorLicence]) -> list[VendorLicence] | None:
    if manifest.licence.activation.mode == "none":
        return None
    return [item for item in licences if item.algorithm == licensed_id(manifest)]


def _end(term: LicenceTerm) -> datetime:
    return term.ends or datetime.max.replace(tzinfo=UTC)


def _last(terms: Sequence[LicenceTerm]) -> datetime | None:
    return None if any(term.ends is None for term in terms) else max(map(_end, terms), default=None)


def _renewed(ends: datetime | None, terms: Sequence[LicenceTerm]) -> datetime | None:
    """Return the end of what goes on without a gap, as licences that have not begun yet take over."""
    while ends is not None:
        following = [term for term in terms if term.begins <= ends < _end(term)]
        if not following:
            break
        ends = _last(following)
    return ends


def _signed(licence: VendorLicence) -> bytes:
    return f"{FORMAT}\n{licence.model_dump_json()}".encode()
