"""Runs the commands by which an engine is reached."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from locksided.executors.engine import COMMAND_SECONDS, NotNow
from locksided.keeper.messages import User


def run(
    command: Sequence[str],
    user: User | None = None,
    given: str = "",
    environment: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a command as a user (None: the current one). Raises NotNow if it cannot, or gets no answer."""
    account: dict[str, Any] = (
        {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": list(user.groups)}
    )
    try:
        return subprocess.run(
            command, input=given, capture_output=True, text=True, errors="replace", env=environment,
            timeout=COMMAND_SECONDS, check=False, cwd="/", umask=0o022, **account,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotNow(f"{command[0]} did not answer within {COMMAND_SECONDS:g} s") from None
    except OSError as error:
        raise NotNow(f"{command[0]}: {os.strerror(error.errno or 0)}") from error
