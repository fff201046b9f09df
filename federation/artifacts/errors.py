"""Errors of artifacts.

ArtifactError
├── BadManifest
│   └── OtherSigner
├── BadBitmap
└── Unsatisfiable
"""


class ArtifactError(Exception):
    """Something about an artifact or its parts."""


class BadManifest(ArtifactError):
    """These bytes are no manifest, or not the one that was asked for."""


class OtherSigner(BadManifest):
    """A manifest is signed by another key than that of the hub, as it is after the hub's key was replaced."""


class BadBitmap(ArtifactError):
    """These bytes do not say which chunks of such an artifact are there."""


class Unsatisfiable(ArtifactError):
    """A range of bytes lies outside of the artifact (RFC 9110 §14.4)."""
