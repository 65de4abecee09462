"""The environment of a step: the common interface's `KBC_*` names, lockside's own, a plain base. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from lockside.documents.enums import Mode
from locksided.keeper.messages import User
from locksided.runs.canonical import freeze
from locksided.runs.folder import RunFolder
from locksided.runs.image_run import Podman
from locksided.runs.job_records import environment_of_records
from locksided.runs.moment import environment_of_causes, environment_of_moment
from locksided.runs.plan import Step
from locksided.runs.specification import Specification, StepKind
from locksided.tables.mapping import output_of

PLAIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Components use these three to choose the form of their manifests: the new one, including write_always.
_INTERFACE = {
    "KBC_STACKID": "lockside",
    "KBC_PROJECT_FEATURE_GATES": "queuev2",
    "KBC_STAGING_FILE_PROVIDER": "local",
}


_NOT_OF_A_NAME = re.compile("[^A-Z0-9_]")


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a step must know of its job. `home` is the home folder of the account that it runs as.

    `schedule` and `trigger` describe what created the job. `resources` are its shares of resources. `chunk`
    is the chunk that it processes. `podman` runs its steps with images; None if there are none.
    """

    job_id: int
    run_id: str
    launch: int
    project: str
    folder: RunFolder
    socket: str
    home: str
    run_as: User | None = None
    schedule: Mapping[str, Any] | None = None
    trigger: Mapping[str, Any] | None = None
    podman: Podman | None = None
    resources: Mapping[str, Any] | None = None
    chunk: Mapping[str, Any] | None = None

    @property
    def account(self) -> int | None:
        """The uid of the other account; None for the daemon's own."""
        return None if self.run_as is None else self.run_as.uid


def environment_of(step: Step, spec: Specification, context: JobContext) -> dict[str, str]:
    """Return all variables of a step; the daemon's own environment is not included."""
    job = {
        "LOCKSIDE_JOB_ID": str(context.job_id),
        "LOCKSIDE_RUN_ID": context.run_id,
        "LOCKSIDE_PROJECT": context.project,
        "LOCKSIDE_SOCKET": context.socket,
        "LOCKSIDE_JOB_SOCKET": context.socket,
        **environment_of_moment(context.schedule),
        **environment_of_causes(context.trigger),
        **environment_of_resources(context.resources),
        **environment_of_records(spec, context.folder.data),
        **_environment_of_chunk(context.chunk),
    }
    if step.kind in (StepKind.COMMAND, StepKind.OPERATION):
        data = {"KBC_DATADIR": context.folder.data + "/"} if step.has_data else {}
        return {**(step.execution.environment or _base(context)), **data, **job}
    interface = _interface(step, spec, context)
    return {**_base(context), **interface, **step.execution.environment, **job}


def _environment_of_chunk(chunk: Mapping[str, Any] | None) -> dict[str, str]:
    if chunk is None:
        return {}
    return {"LOCKSIDE_CHUNK": str(chunk["number"]), "LOCKSIDE_CHUNKS": str(chunk["chunks"])}


def environment_of_resources(resources: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the job's units of each resource, or the amount, in the variables for resources."""
    variables = {}
    for name, share in (resources or {}).items():
        value = ",".join(share["units"]) or str(share["amount"])
        variables["LOCKSIDE_RESOURCE_" + _NOT_OF_A_NAME.sub("_", name.upper())] = value
        if share["environment"]:
            variables[share["environment"]] = value
    return variables


def _base(context: JobContext) -> dict[str, str]:
    return {"PATH": PLAIN_PATH, "HOME": context.home, "LANG": "C.UTF-8", "TMPDIR": context.folder.tmp}


def _interface(step: Step, spec: Specification, context: JobContext) -> dict[str, str]:
    """Return the variables of Keboola's common interface, except those for a token."""
    version, row = spec.config_version, step.row
    return {
        **_INTERFACE,
        "KBC_DATADIR": context.folder.data + "/",
        "KBC_RUNID": context.run_id,
        "KBC_PROJECTID": context.project,
        "KBC_CONFIGID": spec.config or _hash(spec.root),
        **({} if version is None else {"KBC_CONFIGVERSION": str(version)}),
        **({} if row is None else {"KBC_CONFIGROWID": row}),
        "KBC_COMPONENTID": step.component,
        "KBC_BRANCHID": spec.branch_id,
        "KBC_DATA_TYPE_SUPPORT": _data_type_support(step, spec),
        "KBC_COMPONENT_RUN_MODE": "debug" if spec.mode is Mode.DEBUG else "run",
    }


def _data_type_support(step: Step, spec: Specification) -> str:
    """Return how types in manifests are used: as the mapping says, else as the component says."""
    asked = output_of(step.config_file or {}).get("data_type_support")
    if isinstance(asked, str):
        return asked
    return "authoritative" if spec.manifest is None else spec.manifest.data_type_support


def _hash(configuration: Mapping[str, Any]) -> str:
    """Return a replacement for a missing id: the same for the same configuration."""
    return sha1(freeze(configuration).body, usedforsecurity=False).hexdigest()
