"""The container image of a run on another machine: it is fetched before the start is claimed, by a program
that the order names. Also removes what a killed run leaves in that program's records.
"""

import os
import subprocess
from typing import Any

from locksided.keeper.messages import Refusal, User
from locksided.keeper.wire import Message

FETCH_SECONDS = 3600.0
CLEAR_SECONDS = 60.0


def fetched(asked: Message, user: User | None) -> Refusal | None:
    """Fetch the image to this machine. Return the reason if that fails, else None.

    The program's last line is the reason. With one of the order's `final` words in it, retries are useless.
    """
    try:
        done = _run(asked["fetch"], asked["env"], user, FETCH_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return Refusal("system", f"The image cannot be fetched: {error}")
    if done.returncode == 0:
        return None
    words = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    is_final = any(part in words.lower() for part in asked["final"])
    text = f"The image {asked['reference']} cannot be fetched on {os.uname().nodename}: {words}"
    return Refusal("program" if is_final else "system", text)


def clear(asked: Message, user: User | None) -> None:
    """Remove the container of a run that is over, if it is still recorded."""
    try:
        _run(asked["clear"], asked["env"], user, CLEAR_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"runner: the container cannot be removed: {error}", flush=True)


def _run(
    argv: list[str], env: dict[str, str], user: User | None, seconds: float
) -> "subprocess.CompletedProcess[bytes]":
    account: dict[str, Any] = {}
    if user is not None and os.geteuid() == 0:
        account = {"user": user.uid, "group": user.gid, "extra_groups": list(user.groups)}
    return subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        timeout=seconds, check=False, cwd="/", **account,
    )  # fmt: skip
