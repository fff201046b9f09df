"""Errors of algorithm packages.

PackageError
├── BadArchive         the file is no safe, complete .algpkg archive
│   ├── BadDigests     a file is not what the digest list says
│   ├── MissingFile    the manifest names a file that is not there
│   └── OtherBackbone  a backbone is not the one that the manifest names
├── BadManifest        algorithm.yaml is not a manifest of this format
├── BadLicence         a licence file is none, or its licence does not fit
│   ├── UntrustedLicence  nobody who is trusted signed it
│   └── ForeignLicence    not the vendor of its algorithm signed it
├── CannotBind         a model has not what a template of the catalogue needs
└── BadParameters      a task's parameters do not fit the algorithm
"""


class PackageError(Exception):
    """Something is wrong with an algorithm package; the sentence says what to do."""

    code = "bad_package"


class BadArchive(PackageError):
    """The file is no safe, complete .algpkg archive."""

    code = "bad_archive"


class BadDigests(BadArchive):
    """A file is not what the digest list says."""

    code = "bad_digests"


class MissingFile(BadArchive):
    """The manifest names a file that is not there."""

    code = "files_missing"


class OtherBackbone(BadArchive):
    """A backbone is not the one that the manifest names."""

    code = "backbone_differs"


class BadManifest(PackageError):
    """algorithm.yaml is not a manifest of this format."""

    code = "bad_manifest"


class BadLicence(PackageError):
    """The file is no licence of a vendor."""

    code = "bad_licence"


class UntrustedLicence(BadLicence):
    """Nobody who is trusted signed the licence."""

    code = "licence_untrusted"


class ForeignLicence(BadLicence):
    """Somebody signed the licence who is trusted, and is not the vendor of its algorithm."""

    code = "licence_foreign"


class CannotBind(PackageError):
    """A model has not what a template of the catalogue needs."""

    code = "cannot_bind"


class BadParameters(PackageError):
    """A task's parameters do not fit the algorithm; `fields` says which, and why."""

    code = "bad_parameters"

    def __init__(self, fields: dict[str, str]) -> None:
        """Describe the fault of every parameter in `fields`, by its name."""
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in fields.items()))
        self.fields = fields
