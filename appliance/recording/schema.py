"""The schema of the index of recordings, as numbered migrations; an applied one is never edited."""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

migrations = Migrations("recordings")


@migrations(name="0001_recordings")
def _recordings(db: Database) -> None:
    db.execute("""
        CREATE TABLE cameras (
            point_id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            keep_days INTEGER NOT NULL
        ) WITHOUT ROWID""")
    # Ids grow with every segment of the box and are never used again: they are the order, whatever clocks say.
    db.execute("""
        CREATE TABLE segments (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            point_id TEXT NOT NULL,
            path TEXT NOT NULL,
            first_us INTEGER NOT NULL,
            last_us INTEGER NOT NULL,
            size_bytes INTEGER NOT NULL,
            init_bytes INTEGER NOT NULL,
            mime TEXT NOT NULL,
            width_px INTEGER NOT NULL,
            height_px INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('planned', 'event', 'backfill')),
            open INTEGER NOT NULL,
            entries BLOB NOT NULL
        )""")
    db.execute("CREATE INDEX segments_time ON segments (point_id, first_us)")
    db.execute("CREATE INDEX segments_order ON segments (point_id, id)")
    db.execute("CREATE INDEX segments_open ON segments (id) WHERE open")
    db.execute("""
        CREATE TABLE hours (
            point_id TEXT NOT NULL,
            hour INTEGER NOT NULL,
            duration_us INTEGER NOT NULL,
            size_bytes INTEGER NOT NULL,
            segments INTEGER NOT NULL,
            PRIMARY KEY (point_id, hour)
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE gaps (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            point_id TEXT NOT NULL,
            from_us INTEGER NOT NULL,
            until_us INTEGER,
            reason TEXT NOT NULL
        )""")
    db.execute("CREATE INDEX gaps_time ON gaps (point_id, from_us)")
    db.execute("CREATE INDEX gaps_open ON gaps (point_id) WHERE until_us IS NULL")
    db.execute("""
        CREATE TABLE locks (
            id TEXT PRIMARY KEY,
            point_id TEXT NOT NULL,
            from_us INTEGER NOT NULL,
            until_us INTEGER NOT NULL,
            reason TEXT NOT NULL,
            locked_by TEXT NOT NULL,
            locked_at_us INTEGER NOT NULL
        ) WITHOUT ROWID""")
    db.execute("CREATE INDEX locks_time ON locks (point_id, from_us)")


@migrations(name="0002_looks")
def _looks(db: Database) -> None:
    # How often, and when last, the camera's own record was asked for what is missing.
    db.execute("ALTER TABLE gaps ADD COLUMN looks INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE gaps ADD COLUMN looked_us INTEGER NOT NULL DEFAULT 0")


@migrations(name="0003_bookmarks")
def _bookmarks(db: Database) -> None:
    # A lock is a bookmark that is spared.
    db.execute("ALTER TABLE locks RENAME TO bookmarks")
    db.execute("ALTER TABLE bookmarks RENAME COLUMN reason TO text")
    db.execute("ALTER TABLE bookmarks RENAME COLUMN locked_by TO set_by")
    db.execute("ALTER TABLE bookmarks RENAME COLUMN locked_at_us TO set_at_us")
    db.execute("ALTER TABLE bookmarks ADD COLUMN locked INTEGER NOT NULL DEFAULT 1")
    db.execute("DROP INDEX locks_time")
    db.execute("CREATE INDEX bookmarks_time ON bookmarks (point_id, from_us)")
