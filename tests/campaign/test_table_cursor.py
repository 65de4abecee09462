"""An extractor appends rows without a key and keeps its cursor in its state: no row is lost or duplicated.

Half of its runs fail, or the daemon or the keeper is killed during them.
"""

import random
from collections.abc import Callable

import pytest

from campaign.figures import LONG, Figures
from e2e.harness import LAKE, Daemon, python
from e2e.lake import published, rows
from e2e.wire import Message, Wire, put_component, put_config

EXTRACTOR = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
last = json.loads((data / "in/state.json").read_text()).get("last", 0)
(data / "out/tables/x.csv").write_text("n\\n" + "".join(f"{last + 1 + n}\\n" for n in range(3)))
(data / "out/state.json").write_text(json.dumps({"last": last + 3}))
raise SystemExit(json.loads((data / "config.json").read_text())["parameters"]["code"])
"""
RUNS = 100 if LONG else 6
TABLE = "in.c-cursor.x"


def begin(wire: Wire, code: int) -> Message:
    """Start a run of the extractor."""
    mapping = {"source": "x.csv", "destination": TABLE, "incremental": True}
    body = {"parameters": {"code": code}, "storage": {"output": {"tables": [mapping]}}}
    put_component(wire, "acme.cursor", command=python(EXTRACTOR))
    put_config(wire, "acme.cursor", "one", configuration=body)
    return wire.create("acme.cursor", config="one", onLost="error")


@pytest.mark.timeout(36_000 if LONG else 300)
def test_the_rows_of_an_appending_extractor_are_one_to_n_whatever_is_killed(
    fresh: Callable[..., Daemon], figures: Callable[[str], Figures]
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    fates, found = random.Random(seed), figures("cursor in the state, tables")
    daemon, good = fresh(**LAKE), 0
    for number in range(RUNS):
        fate = fates.choice(("none", "none", "none", "code", "daemon", "keeper")) if number else "none"
        job = begin(daemon.wire(), code=fate == "code")
        if fate == "daemon":
            daemon.kill()
            daemon.start()
        elif fate == "keeper":
            daemon.kill_keeper()
        good += daemon.wire().done(job)["status"] == "success"
        found.add(fate)
    wire = daemon.wire()
    head = wire.call("storage.table.get", id=TABLE)["version"]
    seen = sorted(int(n) for (n,) in rows(published(wire, daemon, TABLE, head)))
    assert seen == list(range(1, 3 * good + 1))
    assert wire.call("state.get", component="acme.cursor", config="one")["state"] == {"last": 3 * good}
    found.add("good", good)
