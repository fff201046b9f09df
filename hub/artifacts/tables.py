"""The table of artifacts; their bytes lie in the content store of their kind."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from hub.database.metadata import metadata

artifacts = Table(
    "artifacts",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("version", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("added_at_us", BigInteger, nullable=False),
    Column("chunks", Integer, nullable=True),  # none while the manifest is in the making
    Column("manifest", LargeBinary, nullable=True),  # JSON of federation.artifacts' ArtifactManifest, as it is signed
)
