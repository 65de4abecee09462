"""The outputs of a run as shown in its job: tables, files, and what the program reported of them. Pure.

Manifests come in two forms; members that are understood are used, all others are ignored.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lockside.documents.times import time_text
from locksided.keeper import strictjson
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, BadJson
from locksided.runs.data_folder import Collected

MOST_REPORTED = 2000
UNFINISHED = 0.99
"""The highest progress shown for an output that is not stored yet."""


def output_of(
    collected: Collected, reports: object, folder: str, made_by: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `result.output` for listed entries; `folder` is where they stay, below the job's work path.

    `made_by` names the component that produced them.
    """
    if not (collected.tables or collected.files or reports):
        return {"tables": [], "files": [], **_unlisted(collected)}
    tables = [table_of(_placed(entry, folder)) for entry in collected.tables]
    files = [file_of(_placed(entry, folder)) for entry in collected.files]
    output = with_reports({"tables": tables, "files": files}, reports)
    for one in (*output["tables"], *output["files"]):
        columns = [column["name"] for column in one.get("columns") or ()]
        one["producedBy"] = {**made_by, "columns": columns}
    return {**output, **_unlisted(collected)}


def _unlisted(collected: Collected) -> dict[str, int]:
    """Return the number of unlisted tables and files; `hasOrphans` is only for the output mapping."""
    return _omitted(collected, "tables", "files") | ({"hasOrphans": True} if collected.has_orphans else {})


def _omitted(collected: Collected, *kinds: str) -> dict[str, int]:
    count = sum(collected.omitted.get(kind, 0) for kind in kinds) if collected.omitted else 0
    return {"omitted": count} if count else {}


def stored_output(
    output: dict[str, Any], config_file: Mapping[str, Any] | None, *, ended_well: bool
) -> dict[str, Any]:
    """Return the output to store: all of a successful run; of a failed one the tables always written.

    The manifest, or the output mapping in the configuration, says which are.
    """
    if ended_well:
        return output
    mapped = _written_always(config_file or {})
    tables = [
        table for table in output["tables"] if table.get("writeAlways") or str(table.get("name")) in mapped
    ]
    return {"tables": tables, "files": []}


def _written_always(config_file: Mapping[str, Any]) -> set[str]:
    storage = config_file.get("storage") or {}
    mapping = storage.get("output") if isinstance(storage, Mapping) else None
    tables = mapping.get("tables") if isinstance(mapping, Mapping) else None
    found = (one for one in tables if isinstance(one, Mapping)) if isinstance(tables, list) else ()
    return {str(one.get("source")) for one in found if one.get("write_always") is True}


def artifacts_of(collected: Collected, folder: str) -> dict[str, Any]:
    """Return `result.artifacts`; empty if there are none."""
    files = [_placed(entry, folder) for entry in collected.artifacts]
    return {"files": files, **_omitted(collected, "artifacts")} if files else {}


def _placed(entry: Mapping[str, Any], folder: str) -> dict[str, Any]:
    return {**entry, "path": f"{folder}/{entry['path']}"}


def table_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table for its listed entry."""
    manifest, problem = _manifest(entry)
    return {
        "id": _text(manifest.get("destination")),
        **_common(entry),
        "columns": _columns(manifest),
        "primaryKey": _primary_key(manifest),
        "incremental": manifest.get("incremental") is True,
        "writeAlways": manifest.get("write_always") is True,
        **problem,
    }


def file_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file for its listed entry."""
    manifest, problem = _manifest(entry)
    return {
        **_common(entry),
        "tags": _texts(manifest.get("tags")),
        "isPermanent": manifest.get("is_permanent") is True,
        **problem,
    }


def with_reports(
    listed: Mapping[str, Sequence[dict[str, Any]]], reports: object
) -> dict[str, list[dict[str, Any]]]:
    """Return the listed outputs with the reports of the same name; other reports become tables."""
    reported = _by_name(reports)
    merged = {
        kind: [{**reported.pop(item["name"], {}), **item} for item in items] for kind, items in listed.items()
    }
    merged["tables"] += [{**one, **_unstored(one.get("progress"))} for one in reported.values()]
    return merged


def running_output(before: Mapping[str, Any] | None, reports: object) -> dict[str, Any]:
    """Return `result.output` of a running job: what its steps have reported so far, by output name."""
    tables = {one["name"]: one for one in (before or {}).get("tables", ())}
    for name, report in _by_name(reports).items():
        table = {**tables.get(name, {}), **report}
        tables[name] = {**table, **_unstored(table.get("progress"))}
    return {"tables": list(tables.values())[:MOST_REPORTED], "files": []}


def _by_name(reports: object) -> dict[str, dict[str, Any]]:
    listed = (one for one in reports if isinstance(one, dict)) if isinstance(reports, list) else ()
    return {one["name"]: one for one in listed if isinstance(one.get("name"), str)}


def _unstored(progress: object) -> dict[str, Any]:
    share = float(progress) if isinstance(progress, int | float) else 0.0
    return {"stored": False, "progress": min(max(share, 0.0), UNFINISHED)}


def with_stored(listed: Sequence[dict[str, Any]], reported: object) -> list[dict[str, Any]]:
    """Return the listed tables or files; those stored by an output step are as it reported, without a path.

    Other outputs that it stored follow.
    """
    stored: dict[str, list[Mapping[str, Any]]] = {}
    for table in reported if isinstance(reported, list) else ():
        if isinstance(table, Mapping):
            stored.setdefault(str(table.get("path")), []).append(table)
    merged: list[dict[str, Any]] = []
    for table in listed:
        found = stored.get(str(table.get("path")))
        merged += [{**table, **one, "path": None} for one in found] if found else [table]
    return [*merged, *stored.get("None", ())]


def _common(entry: Mapping[str, Any]) -> dict[str, Any]:
    suffix = entry["name"].rpartition(".")[2].lower()
    return {
        "name": entry["name"],
        "path": entry["path"],
        "isSliced": entry["isSliced"],
        "sizeBytes": entry["sizeBytes"],
        "stored": False,
        "progress": 1.0,
        "previewType": suffix if suffix in ("csv", "json") else None,
        "createdTime": time_text(entry["updatedUs"]),
        "updatedTime": time_text(entry["updatedUs"]),
    }


def _manifest(entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Return the manifest, empty if there is none, and what is wrong with it."""
    if "problem" in entry:
        return {}, {"manifestProblem": entry["problem"]}
    text = entry.get("manifest", "").strip()
    if not text:
        return {}, {}
    try:
        manifest = strictjson.read(text.encode(), MAX_DOCUMENT_DEPTH)
    except BadJson as problem:
        return {}, {"manifestProblem": f"{entry['name']}.manifest {problem}"}
    if manifest == []:
        return {}, {}
    if not isinstance(manifest, dict):
        return {}, {"manifestProblem": f"{entry['name']}.manifest is not an object"}
    return manifest, {}


def _columns(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return columns of the new form (`schema`, with types) or of the old one (`columns`, names only)."""
    schema = manifest.get("schema")
    if isinstance(schema, list):
        columns = (column for column in schema if isinstance(column, dict))
        return [{"name": _text(column.get("name")), "type": _base_type(column)} for column in columns]
    return [{"name": name, "type": None} for name in _texts(manifest.get("columns"))]


def _base_type(column: Mapping[str, Any]) -> str | None:
    data_type = column.get("data_type")
    base = data_type.get("base") if isinstance(data_type, dict) else None
    return _text(base.get("type")) if isinstance(base, dict) else None


def _primary_key(manifest: Mapping[str, Any]) -> list[str]:
    schema = manifest.get("schema")
    if not isinstance(schema, list):
        return _texts(manifest.get("primary_key"))
    keys = (column for column in schema if isinstance(column, dict) and column.get("primary_key") is True)
    return [name for column in keys if (name := _text(column.get("name"))) is not None]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
