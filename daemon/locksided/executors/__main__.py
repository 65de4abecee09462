"""Becomes the executor of a kind: `locksided-executor KIND --socket PATH --state FOLDER`.

Service managers start this; without one the daemon starts executors itself. With `--describe KIND` it prints
the description of the kind as JSON.
"""

import json
import os
import sys

from locksided.executors.plugins import build_of, describe


def main() -> None:
    """Replace this process by the executor. Exits with a message if there is no such kind."""
    if len(sys.argv) < 2:
        raise SystemExit("locksided-executor KIND --socket PATH --state FOLDER")
    kind, *options = sys.argv[1:]
    if kind == "--describe":
        print(json.dumps(describe(*options)))
        return
    argv = [str(one) for one in describe(kind)["argv"]]
    os.execvp(argv[0], [*argv, *options, "--build", build_of(kind)])  # noqa: S606 - the arguments are its own


if __name__ == "__main__":
    main()
