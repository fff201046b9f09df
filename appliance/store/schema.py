"""The schema of the appliance's database, as numbered migrations; an applied one is never edited."""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from federation.messages import new_id

migrations = Migrations("appliance")


@migrations(name="0001_record")
def _record(db: Database) -> None:
    db.execute("""
        CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            type TEXT NOT NULL,
            point_id TEXT NOT NULL,
            task_id TEXT NOT NULL,
            algorithm_id TEXT NOT NULL,
            time_us INTEGER NOT NULL,
            body TEXT NOT NULL
        )""")
    db.execute("CREATE INDEX events_point ON events (point_id, number)")
    db.execute("CREATE INDEX events_type ON events (type, number)")
    db.execute("""
        CREATE TABLE pictures (
            digest TEXT PRIMARY KEY,
            size_bytes INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'lost', 'dropped')),
            failures INTEGER NOT NULL DEFAULT 0,
            due_us INTEGER NOT NULL DEFAULT 0,
            created_us INTEGER NOT NULL
        ) WITHOUT ROWID""")
    db.execute("CREATE INDEX pictures_waiting ON pictures (created_us DESC) WHERE state = 'waiting'")
    db.execute("""
        CREATE TABLE evidence (
            event_number INTEGER NOT NULL REFERENCES events (number) ON DELETE CASCADE,
            place INTEGER NOT NULL,
            digest TEXT NOT NULL REFERENCES pictures (digest),
            PRIMARY KEY (event_number, place)
        ) WITHOUT ROWID""")
    db.execute("CREATE INDEX evidence_digest ON evidence (digest)")


@migrations(name="0002_outbox")
def _outbox(db: Database) -> None:
    db.execute("""
        CREATE TABLE lanes (
            lane TEXT PRIMARY KEY,
            epoch TEXT NOT NULL,
            produced INTEGER NOT NULL DEFAULT 0,
            acknowledged INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE outbox (
            lane TEXT NOT NULL REFERENCES lanes (lane),
            sequence INTEGER NOT NULL,
            event_number INTEGER NOT NULL REFERENCES events (number) ON DELETE CASCADE,
            PRIMARY KEY (lane, sequence)
        ) WITHOUT ROWID""")
    db.execute("CREATE INDEX outbox_event ON outbox (event_number)")
    # A database that is made anew begins a new epoch: its sequence starts again at 1.
    db.execute("INSERT INTO lanes (lane, epoch) VALUES ('events', ?)", [new_id()])


@migrations(name="0003_documents")
def _documents(db: Database) -> None:
    db.execute("CREATE TABLE documents (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")
    db.execute("CREATE TABLE local_cameras (point_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")
    db.execute("CREATE TABLE local_tasks (task_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")


@migrations(name="0004_people")
def _people(db: Database) -> None:
    db.execute("""
        CREATE TABLE accounts (
            id TEXT PRIMARY KEY,
            username TEXT NOT NULL UNIQUE,
            display_name TEXT NOT NULL,
            role TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            must_change_password INTEGER NOT NULL,
            failures INTEGER NOT NULL DEFAULT 0,
            locked_until_us INTEGER,
            last_sign_in_us INTEGER
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE sessions (
            digest TEXT PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
            created_us INTEGER NOT NULL,
            seen_us INTEGER NOT NULL
        ) WITHOUT ROWID""")


@migrations(name="0005_evidence_lane")
def _evidence_lane(db: Database) -> None:
    db.execute("CREATE TABLE handed_over (sequence INTEGER PRIMARY KEY, digest TEXT NOT NULL)")
    db.execute("CREATE INDEX handed_over_digest ON handed_over (digest)")
    db.execute("INSERT OR IGNORE INTO lanes (lane, epoch) VALUES ('evidence', ?)", [new_id()])


@migrations(name="0006_quota")
def _quota(db: Database) -> None:
    db.execute("ALTER TABLE lanes ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0")


@migrations(name="0007_lanes")
def _lanes(db: Database) -> None:
    db.execute("""
        CREATE TABLE lane_rows (
            lane TEXT NOT NULL REFERENCES lanes (lane),
            sequence INTEGER NOT NULL,
            event_number INTEGER REFERENCES events (number),
            body TEXT,
            PRIMARY KEY (lane, sequence)
        ) WITHOUT ROWID""")
    db.execute("INSERT INTO lane_rows SELECT lane, sequence, event_number, NULL FROM outbox")
    db.execute(
        "INSERT INTO lane_rows SELECT 'evidence', sequence, NULL, json_object('digest', digest) FROM handed_over"
    )
    db.execute("DROP TABLE outbox")
    db.execute("DROP TABLE handed_over")
    db.execute("ALTER TABLE lane_rows RENAME TO outbox")
    db.execute("CREATE INDEX outbox_event ON outbox (event_number)")
    db.execute("""
        CREATE TABLE tombstones (
            lane TEXT NOT NULL REFERENCES lanes (lane),
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            reason TEXT NOT NULL,
            at_us INTEGER NOT NULL,
            PRIMARY KEY (lane, first)
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE acknowledgements (
            lane TEXT NOT NULL REFERENCES lanes (lane),
            upto INTEGER NOT NULL,
            at_us INTEGER NOT NULL,
            PRIMARY KEY (lane, upto)
        ) WITHOUT ROWID""")
    db.execute("ALTER TABLE lanes DROP COLUMN dropped")
    db.execute("INSERT OR IGNORE INTO lanes (lane, epoch) VALUES ('results', ?)", [new_id()])


@migrations(name="0008_recordings")
def _recordings(db: Database) -> None:
    db.execute("CREATE TABLE local_recordings (point_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")


@migrations(name="0009_event_times")
def _event_times(db: Database) -> None:
    db.execute("CREATE INDEX events_time ON events (point_id, time_us)")


@migrations(name="0010_exchange")
def _exchange(db: Database) -> None:
    db.execute("CREATE TABLE export_lanes (lane TEXT PRIMARY KEY, epoch TEXT NOT NULL, upto INTEGER NOT NULL)")
    db.execute("""
        CREATE TABLE exports (
            lane TEXT NOT NULL REFERENCES lanes (lane),
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            times INTEGER NOT NULL,
            due_us INTEGER NOT NULL,
            PRIMARY KEY (lane, first)
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE picture_exports (
            digest TEXT PRIMARY KEY,
            times INTEGER NOT NULL,
            due_us INTEGER NOT NULL
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE parcels (
            serial INTEGER PRIMARY KEY AUTOINCREMENT,
            stream TEXT NOT NULL,
            content TEXT NOT NULL,
            created_us INTEGER NOT NULL,
            size_bytes INTEGER
        )""")


@migrations(name="0011_scenes")
def _scenes(db: Database) -> None:
    db.execute("CREATE TABLE local_scenes (point_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID")


@migrations(name="0012_hub_returns")
def _hub_returns(db: Database) -> None:
    db.execute("""
        CREATE TABLE hub_returns (lane TEXT PRIMARY KEY, upto INTEGER NOT NULL, times INTEGER NOT NULL)
        WITHOUT ROWID""")


@migrations(name="0013_queued_results")
def _queued_results(db: Database) -> None:
    db.execute("""
        CREATE TABLE queued_results (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            job_id TEXT NOT NULL,
            body TEXT NOT NULL
        )""")


@migrations(name="0014_picture_jobs")
def _picture_jobs(db: Database) -> None:
    db.execute("""
        CREATE TABLE picture_jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            plan TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'running', 'stopped', 'done', 'failed')),
            reason TEXT NOT NULL DEFAULT '',
            total INTEGER,
            pictures INTEGER NOT NULL DEFAULT 0,
            reported INTEGER NOT NULL DEFAULT 0,
            faults INTEGER NOT NULL DEFAULT 0,
            ordered_us INTEGER NOT NULL,
            ended_us INTEGER,
            callback TEXT NOT NULL DEFAULT 'none' CHECK (callback IN ('none', 'waiting', 'delivered', 'failed')),
            callback_reason TEXT NOT NULL DEFAULT '',
            callback_sent INTEGER NOT NULL DEFAULT 0,
            callback_failures INTEGER NOT NULL DEFAULT 0,
            callback_due_us INTEGER
        )""")
    db.execute("""
        CREATE TABLE picture_results (
            job INTEGER NOT NULL REFERENCES picture_jobs (number) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            name TEXT NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (job, number)
        ) WITHOUT ROWID""")


@migrations(name="0015_scenes_of_presets")
def _scenes_of_presets(db: Database) -> None:
    db.execute("""
        CREATE TABLE drawn_scenes (
            point_id TEXT NOT NULL,
            preset TEXT NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (point_id, preset)
        ) WITHOUT ROWID""")
    db.execute("INSERT INTO drawn_scenes SELECT point_id, '', body FROM local_scenes")
    db.execute("DROP TABLE local_scenes")
    db.execute("DELETE FROM documents WHERE name = 'plan'")  # made anew, with scenes of this form


@migrations(name="0016_past_epochs")
def _past_epochs(db: Database) -> None:
    db.execute("""
        CREATE TABLE past_epochs (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            lane TEXT NOT NULL REFERENCES lanes (lane),
            epoch TEXT NOT NULL,
            produced INTEGER NOT NULL,
            acknowledged INTEGER NOT NULL
        )""")


@migrations(name="0017_reserved_numbers")
def _reserved_numbers(db: Database) -> None:
    db.execute("ALTER TABLE past_epochs ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0")


@migrations(name="0018_picture_jobs_of_plans")
def _picture_jobs_of_plans(db: Database) -> None:
    db.execute("ALTER TABLE picture_jobs ADD COLUMN of_plan INTEGER NOT NULL DEFAULT 0")
