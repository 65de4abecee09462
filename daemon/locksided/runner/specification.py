"""The frozen specification of a job as one plain document: all that a run needs, and what callers see of it.

Equal requests give equal documents; what differs from job to job (ids, times, names, labels) is not in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FORMAT = 1

_NOT_NEEDED = frozenset(
    ("description", "schema", "rowSchema", "actions", "allowedProcessorPosition", "retry")
)
ASKED = ("componentVersion", "configVersion", "lock", "tag")
"""What is decided by what is stored unless the request itself says it: a repeat must know which it was."""

_CARRIED = (
    *("pools", "inputs", "archive", "notifications", "template"),
    *("onlyOrchestrationTaskIds", "previousJobId"),
)


def specification(
    *,
    asked: Mapping[str, Any],
    identity: Mapping[str, Any],
    runtime: Mapping[str, Any],
    manifest: Mapping[str, Any],
    processors: Mapping[str, Mapping[str, Any]],
    configuration: Mapping[str, Any] | None,
    rows: list[dict[str, Any]] | None,
    variables: Mapping[str, str],
) -> dict[str, Any]:
    """The document. Configurations still have their `{{ variables }}`; they are filled at the run.

    `configuration` is the stored one (None when `configData` stands in for it). `rows` None means that the
    configuration has none and runs as a whole; an empty list runs nothing. Of manifests only what a run needs
    is kept.
    """
    return {
        "format": FORMAT,
        **identity,
        **runtime,
        **{name: asked[name] for name in _CARRIED if asked.get(name) is not None},
        "asked": [name for name in ASKED if asked.get(name) is not None],
        "manifest": _needed(manifest),
        "processors": {key: _needed(value) for key, value in processors.items()},
        "configuration": None if configuration is None else dict(configuration),
        "rows": rows,
        "variables": dict(variables),
    }


def _needed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name not in _NOT_NEEDED}


def root_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration's root that runs: `configData`, or the stored configuration."""
    root: Mapping[str, Any] | None = spec["configData"]
    return spec["configuration"] if root is None else root


def row_by_row(spec: Mapping[str, Any], on_error: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The specifications of a container's children, each of which runs one row, by the ids of the rows."""
    behavior = {"onError": on_error}
    for row in spec["rows"] or ():
        yield (
            row["id"],
            {
                **spec,
                "configRowIds": [row["id"]],
                "rows": [row],
                "parallelism": None,
                "behavior": behavior,
            },
        )


def of_container(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification of a container, which starts nothing: without what only its children need."""
    return {**spec, "rows": None, "processors": {}, "configuration": None}


def of_phase(
    spec: Mapping[str, Any], on_error: str | None, tasks: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The specification of a phase of the orchestration that this one is of.

    `tasks` are those that got no job, in the form that `result.tasks` has.
    """
    return {
        **of_container(spec),
        "configData": None,
        "parallelism": None,
        "behavior": {"onError": on_error},
        "tasks": list(tasks),
    }
