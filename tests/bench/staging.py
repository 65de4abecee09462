"""Inputs over http on this machine, beside curl and sha256sum; archives in a folder, beside cp."""

import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.figure import Figure, at_most, rounds
from bench.place import Scale, short_folder
from steps.archives import order_of

PROGRAM = [sys.executable, "-I", "-m", "locksided.steps.staging", "stage"]
ARCHIVE = [sys.executable, "-I", "-m", "locksided.steps.archiving", "archive"]
BARE = "curl, sha256sum and a sync"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def figures(scale: Scale) -> Iterator[Figure]:
    """Measure the rate of an input, verified and synced, and of an archive."""
    size = scale.of(2_000_000_000)
    with short_folder(scale) as folder:
        served = folder / "served"
        served.mkdir()
        with (served / "input").open("wb") as file:
            file.truncate(size)
        digest = hashlib.sha256()
        for _ in range(size // 2**20):
            digest.update(bytes(2**20))
        digest.update(bytes(size % 2**20))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/input"
        try:
            curl, ours = rounds(
                scale.rounds,
                lambda: by_curl(url, folder / "by-curl"),
                lambda: by_us(url, folder, f"sha256:{digest.hexdigest()}"),
            )
        finally:
            server.shutdown()
            server.server_close()
        copied, archived = rounds(
            scale.rounds, lambda: by_cp(folder, size), lambda: archived_by_us(folder, size)
        )
    yield Figure("an input over http", size / ours / 1e6, "MB/s", about={"seconds": ours})
    yield Figure(f"an input of {size / 1e9:g} GB", ours, "s", curl or None, BARE, at_most(1.5))

    yield Figure(
        f"an archive of {size / 1e9:g} GB", archived, "s", copied, "cp, sha256sum and a sync", at_most(1.5)
    )


def _left(folder: Path, size: int) -> Path:
    """Write the file that a job leaves, and return its path."""
    left = folder / "data/out/files/left"
    left.parent.mkdir(parents=True, exist_ok=True)
    with left.open("wb") as file:
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
    return left


def by_cp(folder: Path, size: int) -> float:
    """Seconds."""
    left, to = _left(folder, size), folder / "by-cp"
    begin = time.monotonic()
    command = 'cp "$0" "$1" && sha256sum "$1" && sync "$1"'
    subprocess.run(["sh", "-c", command, str(left), str(to)], check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - begin
    to.unlink()
    return took


def archived_by_us(folder: Path, size: int) -> float:
    """Seconds."""
    _left(folder, size)
    there, place = folder / "there", folder / "archive-order"
    for one in (there, place):
        one.mkdir(exist_ok=True)
    (place / "order.json").write_text(json.dumps(order_of(folder, there.as_uri())))
    begin = time.monotonic()
    subprocess.run([*ARCHIVE, str(place)], check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - begin
    shutil.rmtree(there)
    return took


def by_curl(url: str, to: Path) -> float:
    """Seconds; 0 without curl."""
    if shutil.which("curl") is None:
        return 0.0
    begin = time.monotonic()
    fetched = ["curl", "--silent", "--output", str(to), url]
    subprocess.run(
        ["sh", "-c", '"$@" && sha256sum "$0" && sync "$0"', str(to), *fetched],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    took = time.monotonic() - begin
    to.unlink()
    return took


def by_us(url: str, folder: Path, checksum: str) -> float:
    place = folder / "order"
    place.mkdir(exist_ok=True)
    order = {
        "inputs": [{"source": url, "target": "in/files/input", "checksum": checksum}],
        "data": str(folder / "data"),
        "stateFolder": str(folder / "state"),
        "attempts": 1,
        "maxBytes": 0,
        "fileRoots": [],
        "networks": "any",
        "allowHosts": [],
        "denyHosts": [],
    }
    (place / "order.json").write_text(json.dumps(order))
    begin = time.monotonic()
    subprocess.run([*PROGRAM, str(place)], check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - begin
    shutil.rmtree(folder / "data")
    return took
