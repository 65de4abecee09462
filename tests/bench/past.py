"""Quickly makes a database with any number of finished jobs: one real job, copied in bulk and varied.

The variety is regular, so that a filter's share of all jobs is known: see `VARIED`.
"""

import shutil
import sqlite3
from pathlib import Path

from bench.place import Scale, create_many, running, wait_for
from bench.wires import Line
from locksided.store import schema, sql

DAYS = 25
DAY_US = 86_400_000_000

VARIED = {
    "id": "n",
    "line_order": "n",
    # Every tenth job is a container and the next three are its children.
    "type": "iif(n % 10 = 0, 'container', 'standard')",
    "parent_id": "iif(n % 10 IN (1, 2, 3), n - n % 10, NULL)",
    "relation": "iif(n % 10 IN (1, 2, 3), 'strong', NULL)",
    "run_id": "iif(n % 10 IN (1, 2, 3), (n - n % 10) || '.' || n, '' || n)",
    "component": "'shop.c' || (n % 20)",
    "config": "'daily-' || (n % 200)",
    "branch_id": "iif(n % 50 = 4, 'dev', 'default')",
    "name": "'load-' || (n % 1000)",
    "labels": """json_object('team', 't' || (n % 7), 'env', iif(n % 4, 'test', 'live'))""",
    "visible": "n % 100 <> 5",
    "owner_uid": "iif(n % 3, owner_uid, 65534)",
    "creator_type": "iif(n % 25 = 6, 'schedule', 'user')",
    "creator_id": "iif(n % 25 = 6, 'nightly', creator_id)",
    "pool": "iif(n % 10 = 0, NULL, iif(n % 30 = 7, 'heavy', 'default'))",
    "status": """CASE WHEN n % 20 = 8 THEN 'error' WHEN n % 50 = 9 THEN 'warning' WHEN n % 100 = 17 THEN
        'cancelled' WHEN n % 100 = 23 THEN 'terminated' ELSE 'success' END""",
    "starts": "iif(n % 100 = 17, 0, 1)",
    "launches": "iif(n % 10 = 0, 0, 1)",
    "start_token": "iif(n % 10 = 0, NULL, n || '-1-0')",
    "expires_us": f"iif(n % 10 = 0, NULL, :now - :step * (:last - n) + 30 * {DAY_US})",
    "created_us": ":now - :step * (:last - n) - 2000000",
    "start_us": ":now - :step * (:last - n) - 1500000",
    "ready_us": ":now - :step * (:last - n) - 2000000",
    # Long and short jobs: they do not end in the order of their creation.
    "end_us": ":now - :step * (:last - n) - 1000000 + n % 13 * 60000",
    "updated_us": ":now - :step * (:last - n) - 1000000 + n % 13 * 60000",
    "spec_hash": "spec_hash || '-' || (n % 200)",
}
NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"


def database_with(scale: Scale, jobs: int) -> Path:
    """Return a database with this number of finished jobs, made once per schema and number."""
    mark = abs(hash_of(sql.schema()))
    path = scale.cache / f"past-{jobs}-{mark:x}.db"
    if not path.exists():
        scale.cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        _template(scale, part)
        _multiply(part, jobs)
        part.rename(path)
    return path


def hash_of(text: str) -> int:
    """Return a hash that is the same in every process."""
    found = 0
    for byte in text.encode():
        found = (found * 31 + byte) % (1 << 48)
    return found


def _template(scale: Scale, path: Path) -> None:
    """Save a database in which one job ran."""
    with running(scale) as daemon:
        with Line(daemon.socket) as line:
            line.call("component.put", component={"id": "bench.noop", "command": ["/bin/true"]})
            wait_for(line, create_many(line, [{"component": "bench.noop", "configData": {"parameters": {}}}]))
        assert daemon.stop() == 0
        shutil.copyfile(daemon.state_dir / "lockside.db", path)


def _multiply(path: Path, jobs: int) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000", "foreign_keys = OFF"):
        database.execute(f"PRAGMA {setting}")
    indexes = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    made_again = indexes.fetchall()
    for name, _ in made_again:
        database.execute(f"DROP INDEX {name}")
    database.execute("BEGIN")
    (model, now) = database.execute("SELECT max(id), max(end_us) FROM jobs").fetchone()
    values = {
        "first": model + 1,
        "last": model + jobs,
        "now": now,
        "step": DAYS * DAY_US // jobs,
        "model": model,
    }
    for number in range(200):
        database.execute(
            "INSERT INTO specs SELECT hash || '-' || ?, body FROM specs"
            " WHERE hash = (SELECT spec_hash FROM jobs WHERE id = ?)",
            (number, model),
        )
    columns = [row[1] for row in database.execute("PRAGMA table_info(jobs)")]
    chosen = ", ".join(VARIED.get(column, column) for column in columns)
    database.execute(
        f"{NUMBERS} INSERT INTO jobs ({', '.join(columns)})"
        f" SELECT {chosen} FROM numbers CROSS JOIN jobs WHERE id = :model",
        values,
    )
    database.execute(
        "INSERT INTO job_labels SELECT j.key, j.value, jobs.id FROM jobs, json_each(labels) AS j"
        " ORDER BY 1, 2, 3"
    )
    _multiply_events(database, values)
    database.execute("DELETE FROM jobs WHERE id <= ?", (model,))  # they are younger than the jobs behind them
    database.execute("COMMIT")
    for _, statement in made_again:
        database.execute(statement)
    database.execute("PRAGMA journal_mode = WAL")
    assert schema.version(database)
    database.close()


def _multiply_events(database: sqlite3.Connection, values: dict[str, int]) -> None:
    """Insert three events for each job: its creation, start and end."""
    (newest,) = database.execute("SELECT max(seq) FROM events").fetchone()
    database.execute(
        f"""{NUMBERS} INSERT INTO events (seq, time_us, kind, project, job_id, run_id, principal, data)
        SELECT :newest + (n - :first) * 3 + e.place, :now - :step * (:last - n), e.kind, 'default',
            n, '' || n, '{{"uid":0,"user":"root","gid":0}}', e.data
        FROM numbers CROSS JOIN (
            SELECT 1 AS place, 'job.created' AS kind, '{{"component":"bench.noop","config":null}}' AS data
            UNION ALL SELECT 2, 'job.status', '{{"from":"created","to":"processing","cause":"admitted"}}'
            UNION ALL SELECT 3, 'job.status', '{{"from":"processing","to":"success","cause":"outcome"}}'
        ) AS e""",
        {**values, "newest": newest},
    )
