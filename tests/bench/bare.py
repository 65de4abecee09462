"""What the machine can do without lockside: the bare measurements beside the figures."""

import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.wires import Line

TRUE = "/bin/true"
SLOTS = 2

ECHO = """
import asyncio, json, sys

async def serve(reader, writer):
    while line := await reader.readline():
        asked = json.loads(line)
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": asked["params"]}
        writer.write(json.dumps(answer).encode() + b"\\n")
        await writer.drain()

async def main():
    server = await asyncio.start_unix_server(serve, sys.argv[1], limit=1 << 24)
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def spawns_a_second(count: int) -> float:
    """Return how often `/bin/true` can be spawned and waited for per second by posix_spawn, two at a time."""
    begin = time.monotonic()
    for started in range(count):
        if started >= SLOTS:
            os.waitpid(-1, 0)
        os.posix_spawn(TRUE, [TRUE], {})
    for _ in range(min(SLOTS, count)):
        os.waitpid(-1, 0)
    return count / (time.monotonic() - begin)


def saved_spawns_a_second(folder: Path, count: int) -> float:
    """The same with a commit before each: the rate if every start must be on disk first."""
    one_at_a_time = threading.Lock()
    with durable_table(folder) as database:

        def slot(numbers: range) -> None:
            for number in numbers:
                with one_at_a_time:
                    commit_one(database, number)
                os.waitpid(os.posix_spawn(TRUE, [TRUE], {}), 0)

        slots = [threading.Thread(target=slot, args=(range(n, count, SLOTS),)) for n in range(SLOTS)]
        begin = time.monotonic()
        for thread in slots:
            thread.start()
        for thread in slots:
            thread.join()
        return count / (time.monotonic() - begin)


@contextmanager
def durable_table(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open a table in a WAL with synchronous=FULL."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        database = sqlite3.connect(f"{place}/bare.db", isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
        yield database
        database.close()


def commit_one(database: sqlite3.Connection, number: int) -> None:
    """Commit a transaction of one row."""
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 200))
    database.execute("COMMIT")


def insert_seconds(database: Path, folder: Path, at_once: int) -> float:
    """Return the time to insert the jobs of a database and their events into similar tables.

    A transaction has `at_once` jobs and is on disk before the next one begins.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        source = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        target = sqlite3.connect(f"{place}/bare.db", isolation_level=None)
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        for table in ("jobs", "events"):
            likes = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC"
            for (statement,) in source.execute(likes, (table,)).fetchall():
                target.execute(statement)
        rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in ("jobs", "events")}
        begin = time.monotonic()
        for start in range(0, len(rows["jobs"]), at_once):
            target.execute("BEGIN IMMEDIATE")
            for table, all_rows in rows.items():
                part = all_rows[start : start + at_once]
                marks = ", ".join("?" * len(part[0]))
                target.executemany(f"INSERT INTO {table} VALUES ({marks})", part)
            target.execute("COMMIT")
        took = time.monotonic() - begin
        source.close()
        target.close()
    return took


def commit_seconds(folder: Path, count: int) -> float:
    """Return the median time of such transactions."""
    took = []
    with durable_table(folder) as database:
        for number in range(count):
            begin = time.monotonic()
            commit_one(database, number)
            took.append(time.monotonic() - begin)
    return statistics.median(took)


@contextmanager
def echo(folder: Path) -> Iterator[Path]:
    """A bare asyncio server on a Unix socket that answers every line of JSON with its parameters."""
    path = folder / "echo.sock"
    server = subprocess.Popen([sys.executable, "-I", "-c", ECHO, str(path)], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        yield path
    finally:
        server.terminate()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()


def round_trip_seconds(path: Path, count: int, request: dict[str, object]) -> float:
    """Return the median time from a request to its answer, one at a time on one connection."""
    took = []
    with Line(path) as line:
        for _ in range(count):
            data = json.dumps(request).encode() + b"\n"
            begin = time.monotonic()
            line.exchange(data)
            took.append(time.monotonic() - begin)
    return statistics.median(took)


def interpreter_seconds(count: int) -> float:
    """Return the median time of an interpreter that does nothing."""
    return command_seconds([sys.executable, "-c", "pass"], count)


def command_seconds(command: list[str], count: int, environment: dict[str, str] | None = None) -> float:
    """Return the median time of a command, from its start to its end."""
    took = []
    for _ in range(count):
        begin = time.monotonic()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False
        )
        took.append(time.monotonic() - begin)
        assert done.returncode == 0, done.stderr.decode()
    return statistics.median(took)


def pipe_to_file_seconds(folder: Path, command: list[str]) -> float:
    """Return the time of a program whose output is read from a pipe and written to a file."""
    with tempfile.TemporaryFile(dir=folder) as file:
        begin = time.monotonic()
        program = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
        assert program.stdout is not None
        while data := program.stdout.read(1 << 16):
            file.write(data)
        program.wait()
        return time.monotonic() - begin


def socket_pair_seconds(count: int) -> float:
    """Return the time of a byte to another thread and back: the minimum cost of a wake-up."""
    here, there = socket.socketpair()

    def answer() -> None:
        while byte := there.recv(1):
            there.send(byte)

    other = threading.Thread(target=answer)
    other.start()
    begin = time.monotonic()
    for _ in range(count):
        here.send(b"x")
        here.recv(1)
    took = (time.monotonic() - begin) / count
    here.close()
    other.join()
    there.close()
    return took
