"""A HyperQueue server with one worker of two processors, in this process; it ends with its stdin."""

import sys

from hyperqueue import LocalCluster
from hyperqueue.cluster import WorkerConfig

cluster = LocalCluster(sys.argv[1])
cluster.start_worker(WorkerConfig(cores=2))
print("up", flush=True)
sys.stdin.read()
