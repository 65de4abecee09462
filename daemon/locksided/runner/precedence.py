"""Runtime values by precedence: orchestration, request, configData, configuration, component, daemon."""

from collections.abc import Mapping, Sequence
from typing import Any

from lockside.documents.enums import OnLost
from locksided.core.errors import NotFound
from locksided.runner.builtin import COMMAND
from locksided.runner.fields import Fields, as_choice, as_object, as_text
from locksided.runner.levels import first_named
from locksided.runner.limits import Limits, effective_limits, parse_limits
from locksided.runner.locking import lock_policy
from locksided.runner.quantities import Parallelism, parallelism
from locksided.runner.resolved import Defaults, Runtime
from locksided.runner.retrying import RetryPolicy, parse_retry

_POOL_LENGTH, _TAG_LENGTH = 255, 64

Levels = Sequence[Fields]


def named_tag(levels: Levels) -> tuple[str | None, str]:
    """The tag asked for and its path; None when only the component decides. Raises `Invalid`."""
    named = first_named(levels, "tag")
    if named is None:
        return None, "$.tag"
    return as_text(named.value, named.path, _TAG_LENGTH), named.path


def runtime_of(component: str, asked: Levels, manifest: Fields, defaults: Defaults) -> Runtime:
    """All runtime values; `asked` are the levels above the component's. Raises `Refused`."""
    levels = (*asked, manifest)
    on_lost = first_named(levels, "onLost")
    policy = first_named(levels, "lock")
    return Runtime(
        pool=_pool(levels, defaults),
        parallelism=_parallelism(levels),
        backend=_backend(levels),
        limits=_limits(component, asked, manifest, defaults),
        lock_policy=lock_policy(policy.value, policy.path) if policy else defaults.lock_policy,
        on_lost=OnLost(as_choice(on_lost.value, OnLost, on_lost.path)) if on_lost else defaults.on_lost,
        retry=_retry(levels),
    )


def _pool(levels: Levels, defaults: Defaults) -> str:
    named = first_named(levels, "pool")
    pool = defaults.pool if named is None else as_text(named.value, named.path, _POOL_LENGTH)
    if pool not in defaults.pools:
        known = ", ".join(sorted(defaults.pools)[:20])
        raise NotFound(f"There is no pool {pool!r}. Pools: {known}.", path=named.path if named else "$.pool")
    return pool


def _parallelism(levels: Levels) -> Parallelism | None:
    named = first_named(levels, "parallelism")
    return None if named is None else parallelism(named.value, named.path)


def _backend(levels: Levels) -> Mapping[str, Any]:
    for level in levels:
        backend = level.object("backend")
        if any(value is not None for value in backend.values.values()):
            return dict(backend.values)
    return {}


def _limits(component: str, asked: Levels, manifest: Fields, defaults: Defaults) -> Limits:
    default_timeout = None if component == COMMAND else defaults.timeout_seconds
    return effective_limits(
        parse_limits([level.object("limits") for level in asked]),
        parse_limits([manifest.object("limits")]),
        default_timeout,
    )


def _retry(levels: Levels) -> RetryPolicy | None:
    for level in levels:
        if level.get("retry") is not None:
            policy = parse_retry(as_object(level.get("retry"), level.at("retry")), level.at("retry"))
            if policy is not None:
                return policy
    return None
