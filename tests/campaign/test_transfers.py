"""An input of 50 MB over a connection that is repeatedly cut, while the daemon is killed twice."""

import random
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from campaign.figures import Figures
from e2e.harness import Daemon, python
from e2e.wire import of, put_component, wait_until
from steps.fileserver import FileServer, serving

SIZE, CUT = 50_000_000, 10_000_000
SUMS = """
import hashlib, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
for path in (data / "in/files").iterdir():
    print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
"""


@pytest.mark.timeout(300)
def test_an_interrupted_input_resumes_where_it_stopped_whichever_process_dies(
    fresh: Callable[..., Daemon], place: Path, figures: Callable[[str], Figures]
) -> None:
    daemon, content = fresh(), random.Random(1).randbytes(SIZE)
    checksum = sha256(content).hexdigest()
    with serving(FileServer(content, cut_bytes=CUT)) as web:
        wire = daemon.wire()
        put_component(wire, "acme.sums", command=python(SUMS))
        inputs = [{"source": web.url(), "checksum": f"sha256:{checksum}"}]
        job = wire.create("acme.sums", configData={}, inputs=inputs)
        wait_until(wire, job, lambda seen: seen["stage"] == "input_mapping")
        for _ in range(2):
            daemon.kill()
            daemon.start()
        wire = daemon.wire()
        done = wire.done(job)
        assert of(done, "status", "starts") == ("success", 1), done["message"]
        assert wire.text(done).endswith(f"a.csv {checksum}\n")
        (one,) = done["result"]["input"]["files"]
        assert (one["attempts"], one["sizeBytes"]) == (SIZE // CUT, SIZE)
        assert web.sent_bytes <= 1.15 * SIZE
    found = figures("an input cut every 10 MB, the daemon killed twice")
    found.add("bytes sent", web.sent_bytes)
    found.add("of", SIZE)
