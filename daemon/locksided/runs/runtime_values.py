"""Runtime values by precedence: orchestration, request, configData, configuration, component, daemon."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from lockside.documents.archive import Archive
from lockside.documents.component import COMMAND, Manifest
from lockside.documents.paths import join
from lockside.documents.pool import SLOTS
from lockside.documents.recovery import RecoveryPolicy
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Limits, Runtime
from lockside.documents.staging import InputSource, is_relative, listed
from locksided.core.errors import Invalid, NotFound
from locksided.runs.builtin_components import check_action
from locksided.runs.resolved import Defaults, RuntimeValues

ONE_UP = "^"
"""Marks the paths of values that an orchestration passes to its tasks."""


class Level(NamedTuple):
    """A document that may set runtime values, and its path; in a list of levels the nearest is first."""

    values: JobRequest | Runtime | Manifest
    path: str


Levels = Sequence[Level]


def first_named(levels: Levels, name: str) -> tuple[Any, str]:
    """Return the value of the first level that sets the field, and its path; None if no level does.

    Zero and an empty object are values, null is not.
    """
    for level in levels:
        value = getattr(level.values, name, None)
        if value is not None:
            return value, join(level.path, name)
    return None, join("$", name)


def runtime_of(component: str, asked: Levels, manifest: Manifest, defaults: Defaults) -> RuntimeValues:
    """Return all runtime values; `asked` are all levels but the component's. Raises `NotFound`, `Invalid`."""
    levels = (*asked, Level(manifest, "$.component"))
    pools = _pools(levels, defaults)
    return RuntimeValues(
        pools=pools,
        needs=_needs(levels, pools, defaults),
        parallelism=first_named(levels, "parallelism")[0],
        backend=_backend(levels),
        limits=_limits(component, levels, pools, defaults),
        lock_policy=first_named(levels, "lock")[0] or defaults.lock_policy,
        on_lost=first_named(levels, "on_lost")[0] or defaults.on_lost,
        retry=first_named(levels, "retry")[0],
        recovery=_recovery(levels, component, manifest),
        inputs=_inputs(levels, manifest),
        archive=_archive(levels),
        partition=first_named(levels, "partition")[0],
    )


def _inputs(levels: Levels, manifest: Manifest) -> Sequence[InputSource]:
    """Return the inputs of the first level with any; relative paths are in the component's own system."""
    given, path = first_named(levels, "inputs")
    inputs = []
    for place, one in enumerate(listed(given)):
        if is_relative(one.source) and manifest.default_system is None:
            at = path if isinstance(given, dict) else join(path, place, "source")
            text = f"{at}: a path alone needs a `defaultSystem` of the component; give a URI."
            raise Invalid(text, path=at)
        inputs.append(one.inside(manifest.default_system or "") if is_relative(one.source) else one)
    return inputs


def _archive(levels: Levels) -> Archive | None:
    """Return the archive of the first level that sets it; an empty object means no archive."""
    found: Archive | None = first_named(levels, "archive")[0]
    return found.decided if found is not None and found.is_asked else None


def _recovery(levels: Levels, component: str, manifest: Manifest) -> Sequence[RecoveryPolicy] | None:
    """Return the policies of the first level with any. Raises `Refused` for an action that does not exist."""
    policies, path = first_named(levels, "recovery")
    for place, policy in enumerate(policies or ()):
        if policy.tester.action is not None:
            check_action(component, manifest, policy.tester.action, join(path, place, "tester", "action"))
    return cast("Sequence[RecoveryPolicy] | None", policies)


def _pools(levels: Levels, defaults: Defaults) -> tuple[str, ...]:
    """Return the pools of the first level with any."""
    named = {join("$", "pool"): defaults.pool}
    for level in levels:
        pool, pools = level.values.pool, level.values.pools
        if pool is not None:
            named = {join(level.path, "pool"): pool}
            break
        if pools is not None:
            named = {join(level.path, "pools", place): one for place, one in enumerate(pools)}
            break
    for path, pool in named.items():
        if pool not in defaults.pools:
            known = ", ".join(sorted(defaults.pools)[:20])
            raise NotFound(f"There is no pool {pool!r}. Pools: {known}.", path=path)
    return tuple(named.values())


def _needs(levels: Levels, pools: Sequence[str], defaults: Defaults) -> Mapping[str, int]:
    """Return the needs of the first level with any; levels are not merged."""
    found, path = first_named(levels, "needs")
    needs: Mapping[str, int] = found or {}
    for name, amount in needs.items():
        at = join(path, name)
        if name == SLOTS:
            _check_slots(amount, pools, defaults, at)
            continue
        if name not in defaults.resources:
            known = ", ".join(sorted(defaults.resources)[:20]) or "none"
            raise NotFound(f"There is no resource {name!r}. Resources: {known}.", path=at)
        capacity = defaults.resources[name]
        if capacity is not None and amount > capacity:
            raise Invalid(f"There are no more than {capacity} of resource {name!r}.", path=at)
    return needs


def _check_slots(slots: int, pools: Sequence[str], defaults: Defaults, path: str) -> None:
    for pool in pools:
        most = defaults.pools[pool]
        if most is not None and slots > max(most, 1):
            raise Invalid(f"Pool {pool!r} has no more than {most} slots.", path=path)


def _backend(levels: Levels) -> dict[str, Any]:
    """Return the first backend that is not empty."""
    for level in levels:
        backend: dict[str, Any] = msgspec.to_builtins(getattr(level.values, "backend", None)) or {}
        if any(value is not None for value in backend.values()):
            return backend
    return {}


def _limits(component: str, levels: Levels, pools: Sequence[str], defaults: Defaults) -> Limits:
    """Return the requested limits, at most those of the component; unset time limits get the default."""
    *asked, of_component = levels
    ceiling = of_component.values.limits or Limits()
    limits = [level.values.limits for level in asked if level.values.limits is not None]
    timeout = _lower(_first(limits, "timeout_seconds"), ceiling.timeout_seconds)
    if timeout is None and component != COMMAND:
        timeout = defaults.timeout_seconds
    nodes = _lower(_first(limits, "nodes"), ceiling.nodes)
    if nodes is not None and nodes > 1:
        _check_nodes(nodes, levels, pools, defaults)
    cpus = (one.processors(nodes) for one in limits)
    return Limits(
        timeout_seconds=timeout,
        memory_bytes=_lower(_first(limits, "memory_bytes"), ceiling.memory_bytes),
        cpus=_lower(next((one for one in cpus if one is not None), None), ceiling.processors(nodes)),
        nodes=nodes,
    )


def _check_nodes(nodes: int, levels: Levels, pools: Sequence[str], defaults: Defaults) -> None:
    """Raise `Invalid` when one of the pools gives a job only one machine."""
    path = next(level.path for level in levels if level.values.limits and level.values.limits.nodes)
    for pool in pools:
        if pool in defaults.one_node_pools:
            raise Invalid(
                f"The executor of pool {pool!r} gives a job one machine, not {nodes}: name another pool.",
                path=join(path, "limits", "nodes"),
            )


def deprecated(levels: Levels) -> Iterator[str]:
    """Yield a warning for each deprecated member in use."""
    for level in levels:
        limits = level.values.limits
        if limits is not None and limits.processors_per_node:
            path = join(level.path, "limits", "processorsPerNode")
            yield f"{path} is deprecated: it is divided by the nodes and taken as `cpus`."


def _first(limits: Sequence[Limits], name: str) -> Any:
    return next((value for one in limits if (value := getattr(one, name)) is not None), None)


def _lower(asked: Any, ceiling: Any) -> Any:
    if asked is None or ceiling is None:
        return asked if ceiling is None else ceiling
    return min(asked, ceiling)


def passed_on(levels: Levels) -> tuple[Level, ...]:
    """Return an orchestration's own levels with the values that apply to its tasks; paths get `ONE_UP`."""
    return tuple(
        Level(
            Runtime(
                tag=values.tag,
                parallelism=getattr(values, "parallelism", None),
                pool=values.pool,
                pools=values.pools,
                needs=values.needs,
                backend=msgspec.to_builtins(getattr(values, "backend", None)) or {},
                limits=values.limits,
                retry=values.retry,
                recovery=values.recovery,
                on_lost=values.on_lost,
            ),
            ONE_UP + path,
        )
        for values, path in levels
    )
