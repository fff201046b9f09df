"""The tables of algorithms, their versions, and the kinds of event that they report."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, String, Table, Text

from hub.database.metadata import metadata

algorithms = Table(
    "algorithms",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("source", String(16), nullable=False),  # builtin or upload
    Column("on_shelf", Boolean, nullable=False),
)

algorithm_versions = Table(
    "algorithm_versions",
    metadata,
    Column("algorithm_id", String(128), ForeignKey("algorithms.id"), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("manifest", Text, nullable=False),  # JSON of federation.packages' Manifest
    Column("digest", String(80), nullable=True, index=True),  # none for built-in ones
    Column("size_bytes", BigInteger, nullable=False),
    Column("imported_at_us", BigInteger, nullable=False),
    Column("examination", Text, nullable=True),  # JSON of PackageExamination; none for built-in ones
)

# What operators say of an algorithm in place of its package, which stays as its vendor signed it.
algorithm_presentations = Table(
    "algorithm_presentations",
    metadata,
    Column("algorithm_id", String(128), ForeignKey("algorithms.id"), primary_key=True),
    Column("edits", Text, nullable=False),  # JSON of Edits
    Column("cover_digest", String(80), nullable=True),
    Column("cover", LargeBinary, nullable=True),  # JPEG or PNG of at most a MiB; none: the package's
)

algorithm_groups = Table(
    "algorithm_groups",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
)

algorithm_group_members = Table(
    "algorithm_group_members",
    metadata,
    Column("group_id", String(36), ForeignKey("algorithm_groups.id"), primary_key=True),
    Column("algorithm_id", String(128), ForeignKey("algorithms.id"), primary_key=True, index=True),
)

vendor_licences = Table(
    "vendor_licences",
    metadata,
    Column("number", String(64), primary_key=True),
    Column("body", Text, nullable=False),  # JSON of federation.packages.licences' VendorLicence
    Column("entered_at_us", BigInteger, nullable=False),
    Column("signer", String(80), nullable=False),  # fingerprint; empty where it was entered before it was kept
    Column("of_all", Boolean, nullable=False),  # its signer may license the algorithms of every vendor
)

# What ships with the product was offered once: what an operator deletes stays deleted.
offered_packages = Table(
    "offered_packages",
    metadata,
    Column("algorithm_id", String(128), primary_key=True),
    Column("version", String(64), nullable=False),
)

# What a kind of event is called outside, e.g. the code by which a city's devices and offices know it.
event_code_mappings = Table(
    "event_code_mappings",
    metadata,
    Column("code", String(128), primary_key=True),
    Column("mapped_code", String(128), nullable=False),
    Column("name", String(100), nullable=False),  # of the mapped code; may be empty
)

# Outlives its algorithm: events that were seen once keep their names.
event_types = Table(
    "event_types",
    metadata,
    Column("code", String(128), primary_key=True),
    Column("name_zh", String(100), nullable=False),
    Column("name_en", String(100), nullable=False),
    Column("algorithm_id", String(128), nullable=False),
)
