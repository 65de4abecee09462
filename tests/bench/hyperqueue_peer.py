"""HyperQueue from PyPI: `hyperqueue_peer.py FOLDER COUNT` prints how many no-op tasks it runs per second.

Server and worker are in this process, with two cores, without a journal; output is discarded.
"""

import sys
import time

from hyperqueue import Job, LocalCluster  # type: ignore[import-not-found]
from hyperqueue.cluster import WorkerConfig  # type: ignore[import-not-found]


def main(folder: str, count: int) -> None:
    with LocalCluster(folder, WorkerConfig(cores=2)) as cluster:
        client, job = cluster.client(), Job(default_workdir=folder)
        begin = time.monotonic()
        for _ in range(count):
            job.program(["/bin/true"], stdout=None, stderr=None)
        client.wait_for_jobs([client.submit(job)])
        print(f"\nrate {count / (time.monotonic() - begin)}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
