"""Reports the progress of each table to the job while a step runs."""

import json
import os
from collections.abc import Mapping
from threading import Event, Thread
from typing import Self

import duckdb

MAX_LINE_BYTES = 64 * 1024
EVERY_SECONDS = 1.5
NEARLY = 0.99
"""The highest progress of a table until the job has ended."""


class Reporting:
    """Reports from a thread while this context is entered; a quick step reports nothing.

    `tables` has the ids of the tables by the names of their sources. Without a pipe nothing is reported.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
        self._connection = connection
        self._shares = dict.fromkeys(tables, 0.0)
        self._tables = tables
        self._loading: list[str] = []
        self._is_over = Event()
        self._thread = Thread(target=self._report, daemon=True)
        self._pipe = int(os.environ.get("LOCKSIDE_PROGRESS_FD", "-1"))

    def __enter__(self) -> Self:
        if self._pipe >= 0 and self._tables:
            self._connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()

    def begin(self, sources: list[str]) -> None:
        """Note that these sources are loaded now and the previous ones are done."""
        self._shares |= dict.fromkeys(self._loading, NEARLY)
        self._loading = sources

    def _report(self) -> None:
        while not self._is_over.wait(EVERY_SECONDS):
            done = self._connection.query_progress() / 100
            shares = self._shares | dict.fromkeys(self._loading, min(max(done, 0.0), NEARLY))
            line = _line(
                [{"name": name, "id": self._tables[name], "progress": shares[name]} for name in shares]
            )
            os.write(self._pipe, line)


def _line(outputs: list[dict[str, object]]) -> bytes:
    """Return a line of progress with as many outputs as fit."""
    line = json.dumps({"outputs": outputs}).encode() + b"\n"
    return line if len(line) < MAX_LINE_BYTES else _line(outputs[: len(outputs) // 2])
