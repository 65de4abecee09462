"""From a request to a draft that the core accepts: what it refers to is read, what it means is frozen.

Nothing is stored here. `job.create`, `job.createMany` and `job.resubmit` all come through `draft`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from locksided import clock
from locksided.api.service import Service
from locksided.core.errors import Forbidden, Invalid, NotFound
from locksided.core.model import Condition, Dependency, Draft, JobType
from locksided.runner.builtin import BUILT_IN, COMMAND
from locksided.runner.frozen import freeze
from locksided.runner.processors import processor_components
from locksided.runner.request import Request, read_request
from locksided.runner.resolve import resolve
from locksided.runner.resolved import Defaults, Found, Resolved, Stored
from locksided.server.access import Principal
from locksided.store.catalog.configs import ConfigId
from locksided.store.rows import Stored as Row


@dataclass(frozen=True, slots=True)
class Origin:
    """What made the job, and which job it repeats."""

    creator_type: str = "user"
    creator_id: str | None = None
    resubmit_of_id: int | None = None
    retry_of_id: int | None = None


async def draft(
    service: Service,
    fields: Mapping[str, Any],
    principal: Principal,
    project: str,
    origin: Origin = Origin(),
) -> Draft:
    """A checked draft of one job. Raises Refused with the path of the field and the remedy."""
    request = read_request(fields)
    config = await _config(service, request, project)
    _check_writer(service, request, None if config is None else config.changed_by, principal)
    found = await _found(service, request, config, project)
    resolved = resolve(fields, found, await _defaults(service))
    if resolved.type is not JobType.STANDARD:
        raise Invalid(
            "This release runs rows one after another and no orchestrations: leave parallelism out.",
            path="$.parallelism",
        )
    return _draft(service, fields, resolved, principal, project, origin)


async def _defaults(service: Service) -> Defaults:
    jobs = service.settings.jobs
    pools = await service.scheduler.look(lambda core: frozenset(core.state.pools))
    return Defaults(pools=pools, lock_policy=jobs.lock, timeout_seconds=jobs.timeout_seconds)


async def _config(service: Service, request: Request, project: str) -> Row | None:
    names = request.refers_to
    if names.config is None:
        return None
    config_id = ConfigId(names.component, names.config, names.branch, project)
    return await service.store.config(config_id, request.fields.get("configVersion"))


async def _found(service: Service, request: Request, config: Row | None, project: str) -> Found:
    """The stored objects that the request names."""
    names, store = request.refers_to, service.store
    component = None
    if names.component not in BUILT_IN:
        wanted = request.fields.get("componentVersion")
        component = await store.component(project, names.component, wanted)
        if component is None and wanted is not None:
            raise NotFound(f"Component {names.component} has no version {wanted}.", path="$.componentVersion")
    variables = None
    if names.variables is not None:
        variables = await store.variables(project, names.variables)
    return Found(
        component=_stored(names.component, component),
        config=_stored(names.config or "", config),
        variables=_stored(names.variables or "", variables),
        processors=await _processors(service, config, request, project),
    )


def _stored(object_id: str, row: Row | None) -> Stored | None:
    return None if row is None else Stored(object_id, row.version, row.body)


async def _processors(
    service: Service, config: Row | None, request: Request, project: str
) -> dict[str, Stored]:
    """The components of all processors that the configuration or its rows name."""
    root = request.config_data if request.config_data is not None else {}
    rows: list[Any] = []
    if config is not None and request.config_data is None:
        root, rows = config.body.get("configuration") or {}, config.body.get("rows") or []
    found = {}
    for name in processor_components([root, *(row.get("configuration") or {} for row in rows)]):
        row = await service.store.component(project, name)
        if row is not None:
            found[name] = Stored(name, row.version, row.body)
    return found


def _check_writer(
    service: Service, request: Request, written_by: Mapping[str, Any] | None, principal: Principal
) -> None:
    """Nobody's job runs a command that another ordinary user wrote into its configuration."""
    if request.refers_to.component != COMMAND or request.config_data is not None:
        return
    writer = written_by or {}
    if writer.get("uid") not in (None, 0, principal.uid, service.own_uid):
        raise Forbidden(
            f"{writer.get('user')} wrote this configuration's command last: it would run with your rights. "
            "Read it, and store it yourself if you want to run it.",
            path="$.config",
        )


def _draft(
    service: Service,
    fields: Mapping[str, Any],
    resolved: Resolved,
    principal: Principal,
    project: str,
    origin: Origin,
) -> Draft:
    spec = freeze(resolved.spec)
    blobs = [(spec.hash, spec.body)]
    environment = None
    if resolved.environment is not None:
        environment = freeze(resolved.environment)
        blobs.append((environment.hash, environment.body))
    return Draft(
        project=project,
        owner_uid=principal.uid,
        pool=resolved.runtime.pool,
        priority=fields.get("priority") or 0,
        lock_key=resolved.lock_key,
        lock_share=resolved.lock_share,
        start_at_us=_start_at(fields),
        held=bool(fields.get("hold")),
        depends_on=_dependencies(service, fields),
        parent_id=_parent(service, fields),
        on_lost=resolved.runtime.on_lost,
        values={
            "component": resolved.component,
            "config": resolved.config,
            "branch_id": resolved.branch,
            "mode": resolved.mode.value,
            "name": resolved.name,
            "description": fields.get("description"),
            "labels": fields.get("labels") or {},
            "owner_gid": principal.gid,
            "owner_name": principal.user,
            "creator_type": origin.creator_type,
            "creator_id": origin.creator_id or principal.user,
            "dedup_id": fields.get("deduplicationId"),
            "spec_hash": spec.hash,
            "env_hash": environment.hash if environment is not None else None,
            "resubmit_of_id": origin.resubmit_of_id,
            "retry_of_id": origin.retry_of_id,
        },
        blobs=tuple(blobs),
    )


def _start_at(fields: Mapping[str, Any]) -> int | None:
    if fields.get("delay") is not None:
        return clock.now_us() + int(fields["delay"] * 1e6)
    text = fields.get("delayedStartTime")
    return None if text is None else clock.from_text(text)


def _dependencies(service: Service, fields: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """Whom the job waits for; the stricter condition when one is named twice."""
    found: dict[int, Condition] = {}
    for index, given in enumerate(fields.get("dependsOn") or ()):
        job_id = service.job_id(given["job"], f"$.dependsOn[{index}].job")
        condition = Condition(given.get("when") or Condition.SUCCESS)
        if found.get(job_id) is not Condition.SUCCESS:
            found[job_id] = condition
    return tuple(Dependency(job_id, condition) for job_id, condition in found.items())


def _parent(service: Service, fields: Mapping[str, Any]) -> int | None:
    run_id = fields.get("parentRunId")
    return None if run_id is None else service.job_id(run_id.rpartition(".")[2], "$.parentRunId")


def request_fields(params: msgspec.Struct) -> dict[str, Any]:
    """A request's fields in the wire's names."""
    fields: dict[str, Any] = msgspec.to_builtins(params)
    return fields
