"""With a daemon of root, the kernel decides which users read and write which tables."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import LAKE, Daemon, python, running
from e2e.lake import WRITER, folder, writes
from e2e.people import ANNA, BERT, Person
from e2e.wire import Message, Wire, of, put_component, put_config

pytestmark = [pytest.mark.real_processes, needs_root]


def others_can_run_us() -> bool:
    """Return whether other users can execute the interpreter of these tests, which runs storage steps."""
    named, real = Path(sys.executable), Path(sys.executable).resolve()
    return all(path.stat().st_mode & 0o001 for path in (*named.parents, *real.parents, real))


OUTPUT = {"tables": [{"source": "x.csv", "destination": "in.c-anna.x"}]}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon of root with tables, which everybody can reach."""
    if not others_can_run_us():
        pytest.skip(f"other users cannot execute {sys.executable}")
    with running(**LAKE) as one:
        one.state_dir.chmod(0o711)
        one.socket.chmod(0o666)
        yield one


def run_as(person: Person, wire: Wire, **request: Any) -> Message:
    job = person.call("job.create", **request)
    return wire.done(job)


def prepared(wire: Wire) -> dict[str, Any]:
    put_component(wire, "acme.writer", command=python(WRITER))
    configuration = {"parameters": {"tables": {"x.csv": "n\n1\n"}}, "storage": {"output": OUTPUT}}
    put_config(wire, "acme.writer", "theirs", configuration=configuration)
    return {"component": "acme.writer", "config": "theirs"}


def test_a_table_belongs_to_the_user_whose_job_made_it(wire: Wire, daemon: Daemon) -> None:
    anna, bert = Person(daemon, ANNA, ANNA), Person(daemon, BERT, BERT)
    request = prepared(wire)
    made = run_as(anna, wire, **request)
    assert made["status"] == "success", made["message"]
    bucket = folder(daemon, "in.c-anna.x").parent
    assert of({"uid": bucket.stat().st_uid, "mode": bucket.stat().st_mode & 0o777}, "uid", "mode") == (
        ANNA,
        0o700,
    )
    other = run_as(bert, wire, **request)
    assert of(other["result"]["error"], "type", "kind") == ("user", "output")
    assert 'Not allowed to write table "in.c-anna.x".' in other["message"]
    storage = {"input": {"tables": [{"source": "in.c-anna.x"}]}}
    put_config(wire, "acme.writer", "reads", configuration={"storage": storage})
    read = run_as(bert, wire, component="acme.writer", config="reads")
    assert read["message"] == 'Not allowed to read table "in.c-anna.x".'
    (answer,) = bert.ask(("storage.preview", {"table": "in.c-anna.x"}))
    assert "Not allowed to read" in answer["error"]["message"]
    assert anna.call("storage.preview", table="in.c-anna.x")["rows"] == [["1"]]
    assert wire.call("storage.table.get", id="in.c-anna.x")["version"] == 0


def test_a_query_reads_the_users_own_tables_and_names_a_table_it_may_not_read(
    wire: Wire, daemon: Daemon
) -> None:
    for person, table in ((ANNA, "in.c-sql-anna.a"), (BERT, "in.c-sql-bert.b")):
        output = {"tables": [{"source": "x.csv", "destination": table}]}
        configuration = {"parameters": {"tables": {"x.csv": f"n\n{person}\n"}}, "storage": {"output": output}}
        put_component(wire, "acme.writer", command=python(WRITER))
        put_config(wire, "acme.writer", table, configuration=configuration)
        made = run_as(Person(daemon, person, person), wire, component="acme.writer", config=table)
        assert made["status"] == "success", made["message"]

    def sql(query: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "lockside.cli.main", "--socket", str(daemon.socket), "--plain"]
        return subprocess.run(
            [*program, "sql", query],
            capture_output=True,
            text=True,
            check=False,
            user=BERT,
            group=BERT,
            cwd="/",
        )

    own = sql('SELECT n FROM "in.c-sql-bert.b"')
    assert (own.returncode, own.stdout.split()[-1]) == (0, str(BERT)), own.stderr
    both = sql('SELECT * FROM "in.c-sql-bert.b", "in.c-sql-anna.a"')
    assert both.returncode != 0
    assert 'Not allowed to read table "in.c-sql-anna.a".' in both.stderr + both.stdout
    (file,) = folder(daemon, "in.c-sql-anna.a").glob("*.parquet")
    assert sql(f"SELECT * FROM read_parquet('{file}')").returncode != 0
    assert sql("SELECT * FROM read_csv('/etc/passwd')").returncode != 0


def test_a_public_bucket_is_readable_by_others_and_writable_only_by_its_owner(
    wire: Wire, daemon: Daemon
) -> None:
    anna, bert = Person(daemon, ANNA, ANNA), Person(daemon, BERT, BERT)
    wire.call("storage.bucket.put", bucket={"id": "out.c-shown", "access": "allRead"})
    put_component(wire, "acme.writer", command=python(WRITER))
    output = {"tables": [{"source": "x.csv", "destination": "out.c-shown.x"}]}
    configuration = {"parameters": {"tables": {"x.csv": "n\n1\n"}}, "storage": {"output": output}}
    put_config(wire, "acme.writer", "shown", configuration=configuration)
    request = {"component": "acme.writer", "config": "shown"}
    assert run_as(anna, wire, **request)["status"] == "success"
    assert bert.call("storage.preview", table="out.c-shown.x")["rows"] == [["1"]]
    refused = run_as(bert, wire, **request)
    assert 'Not allowed to write table "out.c-shown.x".' in refused["message"]
    clone = wire.done(bert.call("storage.table.clone", id="out.c-shown.x", toId="out.c-bert.x"))
    assert clone["status"] == "success", clone["message"]
    assert bert.call("storage.preview", table="out.c-bert.x")["rows"] == [["1"]]
    (path,) = folder(daemon, "out.c-bert.x").glob("*.parquet")
    assert path.stat().st_uid == BERT


def test_a_table_of_root_cannot_be_read_by_others(wire: Wire, daemon: Daemon) -> None:
    assert (
        wire.done(writes(wire, {"x.csv": "n\n1\n"}, output={"default_bucket": "in.c-root"}))["status"]
        == "success"
    )
    (answer,) = Person(daemon, BERT, BERT).ask(("storage.preview", {"table": "in.c-root.x"}))
    assert "Not allowed to read" in answer["error"]["message"]


def test_the_tables_of_a_user_are_vacuumed_as_that_user(wire: Wire, daemon: Daemon) -> None:
    anna, bert = Person(daemon, ANNA, ANNA), Person(daemon, BERT, BERT)
    assert run_as(anna, wire, **prepared(wire))["status"] == "success"
    jobs = wire.call("storage.vacuum")["jobs"]
    assert ANNA in [job["principal"]["uid"] for job in jobs]
    assert {wire.done(job)["status"] for job in jobs} == {"success"}
    (answer,) = bert.ask(("storage.vacuum", {}))
    assert answer["error"]["data"]["kind"] == "forbidden"
    made = anna.call("job.list", component="acme.writer")["jobs"][0]
    (answer,) = bert.ask(("job.undo", {"id": made["id"]}))
    assert answer["error"]["data"]["kind"] == "forbidden"


def test_a_stored_file_is_accessible_only_to_its_owner(wire: Wire, daemon: Daemon) -> None:
    anna, bert = Person(daemon, ANNA, ANNA), Person(daemon, BERT, BERT)
    put_component(wire, "acme.writer", command=python(WRITER))
    output = {"files": [{"source": "f", "tags": ["hers"]}]}
    body = {"parameters": {"files": {"f": "secret"}}, "storage": {"output": output}}
    put_config(wire, "acme.writer", "file", configuration=body)
    made = run_as(anna, wire, component="acme.writer", config="file")
    (stored,) = made["result"]["output"]["files"]
    path = Path(wire.call("storage.file.get", id=stored["id"])["path"])
    assert (path.stat().st_uid, path.parents[1].stat().st_mode & 0o777) == (ANNA, 0o700)
    put_config(
        wire,
        "acme.writer",
        "takes",
        configuration={"storage": {"input": {"files": [{"tags": ["hers"]}]}}},
    )
    read = run_as(bert, wire, component="acme.writer", config="takes")
    assert read["message"] == f'Not allowed to read file "f" ({stored["id"]}).'
    mine = run_as(anna, wire, component="acme.writer", config="takes")
    assert mine["status"] == "success", mine["message"]
    (answer,) = bert.ask(("storage.preview", {"job": made["id"], "name": "f"}))
    assert "Not allowed to read" in answer["error"]["message"]
    assert anna.call("storage.preview", job=made["id"], name="f")["text"] == "secret"
