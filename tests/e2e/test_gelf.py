"""Components that log by GELF are heard; who may read what goes by the level of a message."""

from typing import Any

import pytest

from e2e.harness import python
from e2e.wire import Message, Wire, of, put_component

SECRET = "s3cr3t-Ω-of-gelf"
LOG = """
import json, logging, os, pathlib, sys
from pygelf import GelfHttpHandler, GelfTcpHandler, GelfUdpHandler
kinds = {"tcp": GelfTcpHandler, "udp": GelfUdpHandler, "http": GelfHttpHandler}
config = json.loads((pathlib.Path(os.environ["KBC_DATADIR"]) / "config.json").read_text())
secret = config["parameters"]["#password"]
address = {"host": os.environ["KBC_LOGGER_ADDR"], "port": int(os.environ["KBC_LOGGER_PORT"])}
log = logging.getLogger("loader")
log.setLevel(logging.DEBUG)
log.addHandler(kinds[sys.argv[1]](**address, include_extra_fields=True))
for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
    log.log(level, "%s with %s", logging.getLevelName(level).lower(), secret, extra={"rows": level})
"""


def frames_of(job: Message, wire: Any, **more: Any) -> list[tuple[Any, ...]]:
    frames = wire.call("job.log", id=job["id"], **more)["frames"]
    return [of(one, "stream", "level", "text", "fields") for one in frames]


@pytest.mark.parametrize("transport", ["tcp", "udp", "http"])
def test_a_component_that_logs_by_gelf_is_heard_and_nothing_secret_is_kept(
    wire: Wire, transport: str
) -> None:
    logging = {"type": "gelf", "transport": transport}
    put_component(wire, "acme.gelf", command=python(LOG, transport), logging=logging)
    job = wire.done(wire.create("acme.gelf", configData={"parameters": {"#password": SECRET}}))
    assert job["status"] == "success"
    heard = frames_of(job, wire)
    assert [one[:3] for one in heard] == [
        ("gelf", 6, "info with [hidden]"),
        ("gelf", 4, "warning with [hidden]"),
        ("gelf", 3, "error with [hidden]"),
        ("gelf", 2, "critical with [hidden]"),
    ]
    assert [one[3].get("_rows") for one in heard] == [None, None, None, 50]
    assert frames_of(job, wire, stream="gelf", level=3) == heard[2:]
    assert frames_of(job, wire, level=2) == heard[3:]
    assert frames_of(job, wire, stream="stdout") == []
    assert wire.refused("job.log", id=job["id"], stream="stdout", level=3).data["path"] == "$.level"
