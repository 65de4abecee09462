"""Parameters that a process inside a job gets from its environment. They are sent only to the daemon that
runs the job; another daemon would confuse its ids with those of its own jobs.
"""

from __future__ import annotations

import os

from lockside.errors import InvalidParams
from lockside.paths import socket_candidates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

RUN_ID = "LOCKSIDE_RUN_ID"
VARIABLES = {
    "job.create": {"parentRunId": RUN_ID},
    "job.createMany": {"parentRunId": RUN_ID},
    "job.wait": {"waiterRunId": RUN_ID},
    "job.report": {"token": "LOCKSIDE_START_TOKEN"},
}
"""The parameters that are filled in, with their variables; for `job.createMany` those of every job."""


def filled(method: str, params: Json, socket: str | None) -> Json:
    """Return the parameters with those of the own job; a parameter given as None is not filled in.

    Raises InvalidParams for a report of a job that another daemon runs.
    """
    variables = VARIABLES.get(method)
    if variables is None:
        return params
    is_own = _runs_own_job(socket)
    own = {name: value for name, variable in variables.items() if (value := os.environ.get(variable))}
    if method == "job.report" and not is_own and params.get("token") in (None, own.get("token")):
        raise InvalidParams("This daemon does not run the job of this process: a report needs its token.")
    if method == "job.createMany":
        return params | {"jobs": [_filled(job, own, is_own) for job in params["jobs"]]}
    return _filled(params, own, is_own)


def meant_project(socket: str | None) -> str | None:
    """Return the project in the environment; None if it belongs to a job of another daemon."""
    return os.environ.get("LOCKSIDE_PROJECT") if _runs_own_job(socket) else None


def _filled(params: Json, own: Json, is_own: bool) -> Json:
    if is_own:
        return own | params
    return {name: value for name, value in params.items() if name not in own or value != own[name]}


def _runs_own_job(socket: str | None) -> bool:
    """Return whether the daemon at `socket` runs this process's job; True outside of jobs."""
    home = os.environ.get("LOCKSIDE_JOB_SOCKET")
    return home is None or os.path.realpath(socket_candidates(socket)[0]) == os.path.realpath(home)
