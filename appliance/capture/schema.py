"""The schema of the index of snapshots, as numbered migrations; an applied one is never edited."""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("captures")


@migrations(name="0001_snapshots")
def _snapshots(db: Database) -> None:
    # Numbers are never used again: they are the order, whatever clocks say.
    db.execute("""
        CREATE TABLE snapshots (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            point_id TEXT NOT NULL,
            plan_id TEXT NOT NULL,
            origin TEXT NOT NULL CHECK (origin IN ('sync', 'async', 'plan')),
            want TEXT NOT NULL,
            fresh_s REAL NOT NULL,
            within_s REAL NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
            attempts INTEGER NOT NULL,
            due_us INTEGER NOT NULL,
            reason TEXT NOT NULL,
            asked_us INTEGER NOT NULL,
            settled_us INTEGER,
            taken_us INTEGER,
            digest TEXT,
            size_bytes INTEGER NOT NULL,
            width_px INTEGER NOT NULL,
            height_px INTEGER NOT NULL
        )""")
    db.execute("CREATE INDEX snapshots_point ON snapshots (point_id, number)")
    db.execute("CREATE INDEX snapshots_waiting ON snapshots (due_us) WHERE state = 'waiting'")
    db.execute("CREATE INDEX snapshots_failed ON snapshots (number) WHERE state = 'failed'")
    db.execute("CREATE INDEX snapshots_digest ON snapshots (digest) WHERE digest IS NOT NULL")
    # What all pictures hold, so that nobody counts a million rows; one row.
    db.execute("CREATE TABLE held (pictures INTEGER NOT NULL, size_bytes INTEGER NOT NULL)")
    db.execute("INSERT INTO held VALUES (0, 0)")


@migrations(name="0002_plans")
def _plans(db: Database) -> None:
    db.execute("CREATE TABLE plans (plan_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")


@migrations(name="0003_homes")
def _homes(db: Database) -> None:
    # Where cameras that are turned away now have to go back to.
    db.execute("""
        CREATE TABLE homes (point_id TEXT PRIMARY KEY, pan REAL NOT NULL, tilt REAL NOT NULL, zoom REAL NOT NULL)
        WITHOUT ROWID""")


@migrations(name="0004_onward")
def _onward(db: Database) -> None:
    # Where pictures go besides this disk: to the service that their plan names, and to the hub whose plan it is.
    for column in (
        "delivery TEXT NOT NULL DEFAULT 'none' CHECK (delivery IN ('none', 'waiting', 'done', 'failed'))",
        "delivery_due_us INTEGER NOT NULL DEFAULT 0",
        "delivery_attempts INTEGER NOT NULL DEFAULT 0",
        "delivery_reason TEXT NOT NULL DEFAULT ''",
        "owed TEXT NOT NULL DEFAULT 'nothing' CHECK (owed IN ('nothing', 'word', 'picture'))",
    ):
        db.execute(f"ALTER TABLE snapshots ADD COLUMN {column}")
    db.execute("CREATE INDEX snapshots_delivery ON snapshots (delivery_due_us) WHERE delivery = 'waiting'")
    db.execute("CREATE INDEX snapshots_owed ON snapshots (number) WHERE owed != 'nothing'")


@migrations(name="0005_handed_over")
def _handed_over(db: Database) -> None:
    # What the lane of results had produced when the hub took the picture; 0 while it has not.
    db.execute("ALTER TABLE snapshots ADD COLUMN handed_at INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX snapshots_handed ON snapshots (handed_at) WHERE handed_at > 0")


@migrations(name="0006_gone")
def _gone(db: Database) -> None:
    # Snapshots whose pictures the hub will never get, until it has been told so.
    db.execute("CREATE TABLE gone (snapshot_id TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID")


@migrations(name="0007_exported")
def _exported(db: Database) -> None:
    # How often a picture that the hub is owed went into a file for it, and when it is due to again.
    db.execute("ALTER TABLE snapshots ADD COLUMN exported INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE snapshots ADD COLUMN export_due_us INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX snapshots_unexported ON snapshots (number) WHERE owed = 'picture' AND exported = 0")
    db.execute("CREATE INDEX snapshots_exported ON snapshots (export_due_us) WHERE owed = 'picture' AND exported > 0")


@migrations(name="0008_analysis")
def _analysis(db: Database) -> None:
    # What became of a picture whose plan names an algorithm, and the picture task that it went into.
    for column in (
        "analysis TEXT NOT NULL DEFAULT 'none' CHECK (analysis IN ('none', 'waiting', 'done', 'failed'))",
        "analysis_task TEXT NOT NULL DEFAULT ''",
        "analysis_reason TEXT NOT NULL DEFAULT ''",
    ):
        db.execute(f"ALTER TABLE snapshots ADD COLUMN {column}")
    db.execute("CREATE INDEX snapshots_analysis ON snapshots (settled_us, plan_id) WHERE analysis = 'waiting'")
