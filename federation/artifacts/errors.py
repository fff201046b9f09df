"""Errors of artifacts.

ArtifactError
├── BadManifest
├── BadBitmap
└── Unsatisfiable
"""


class ArtifactError(Exception):
    """Something about an artifact or its parts."""


class BadManifest(ArtifactError):
    """These bytes are no manifest, or not the one that was asked for."""


class BadBitmap(ArtifactError):
    """These bytes do not say which chunks of such an artifact are there."""


class Unsatisfiable(ArtifactError):
    """A range of bytes lies outside of the artifact (RFC 9110 §14.4)."""
