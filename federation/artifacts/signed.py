"""Manifests as they travel: signed by the hub, so that a neighbour can pass them on and nobody can make them up."""

import base64
import binascii
from dataclasses import dataclass

from pydantic import ValidationError

from federation.artifacts.errors import BadManifest, OtherSigner
from federation.artifacts.manifest import LARGEST_MANIFEST_BYTES, ArtifactManifest, read_manifest
from federation.crypto import PublicKey
from federation.messages import Signed


@dataclass(frozen=True, kw_only=True)
class SignedManifest:
    """A manifest with the bytes in which it came, signature included."""

    manifest: ArtifactManifest
    content: bytes

    def check(self, key: PublicKey) -> None:
        """Raise OtherSigner if another key signed it, and BadManifest if the signature is not that of its text."""
        signed = Signed.model_validate_json(self.content)
        if signed.key_id != key.fingerprint:
            raise OtherSigner("the manifest is signed by another key than our hub's")
        try:
            signature = base64.b64decode(signed.signature, validate=True)
        except binascii.Error as error:
            raise BadManifest("the manifest's signature is no base64") from error
        if not key.verify(signed.text.encode(), signature):
            raise BadManifest("the manifest's signature is not that of its text")


def read_signed(content: bytes, *, digest: str) -> SignedManifest:
    """Return the manifest of the artifact `digest` in `content`, its signature unchecked; raise BadManifest."""
    if len(content) > LARGEST_MANIFEST_BYTES:
        raise BadManifest(f"the manifest has more than {LARGEST_MANIFEST_BYTES} bytes")
    try:
        signed = Signed.model_validate_json(content)
    except ValidationError as error:
        raise BadManifest("this is no signed manifest") from error
    return SignedManifest(manifest=read_manifest(signed.text.encode(), digest=digest), content=content)
