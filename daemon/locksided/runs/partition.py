"""Jobs that are split into chunks: which may be, their splitter and assembler, and the orders of their steps.

A splitter leaves chunks in out/chunks, each chunk gets one of them as its in/, an assembler gets the outputs
of all chunks in in/chunks. Pure.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from lockside.documents.component import COMMAND, ORCHESTRATOR, STORAGE, Manifest
from lockside.documents.enums import Mode, Part
from lockside.documents.partition import ASSEMBLER, SPLITTER, PartComponent, Partition
from lockside.documents.paths import join
from lockside.documents.reading import stored_form
from locksided.core.errors import Invalid, NotFound
from locksided.runs.builtin_components import at_tag
from locksided.runs.operations import Operation, input_operation
from locksided.runs.processors import processor_key
from locksided.runs.resolved import Stored
from locksided.runs.specification import Specification

FOLDER = "out/chunks"
PROGRAM = (sys.executable, "-I", "-m", "locksided.steps.chunks")
_OWN = {SPLITTER: "locksided.steps.splitter", ASSEMBLER: "locksided.steps.assembler"}
_Manifest = stored_form(Manifest)
_WITHOUT_FOLDER = (COMMAND, ORCHESTRATOR, STORAGE)


def part_components(partition: Partition | None) -> Iterator[tuple[str, PartComponent]]:
    """Yield the components of a partition that are not built in, with the members that name them."""
    for name in ("splitter", "assembler") if partition is not None else ():
        one = getattr(partition, name)
        if one.component is not None and one.component not in _OWN:
            yield name, one


def part_manifests(
    partition: Partition | None, found: Mapping[str, Stored[Manifest]], path: str
) -> Iterator[tuple[str, Manifest]]:
    """Yield the manifests of those components, by key. Raises NotFound."""
    for name, one in part_components(partition):
        at = join(path, name, "component")
        assert one.component is not None
        stored = found.get(one.component)
        if stored is None:
            raise NotFound(f"There is no component {one.component!r}.", path=at)
        yield processor_key(one.component, one.tag), at_tag(stored.document, one.tag, join(path, name, "tag"))


def is_own(component: str) -> bool:
    """Return whether the component is the daemon's own, which runs where the daemon is installed."""
    return component in _OWN


def check_partition(component: str, mode: Mode, rows: int, path: str) -> None:
    """Raise Invalid for a job that cannot be split."""
    if component in _WITHOUT_FOLDER:
        raise Invalid(f"{path}: a job of {component} has no data folder that could be split.", path=path)
    if rows > 1:
        raise Invalid(f"{path}: {rows} rows would run; only one can be cut. Name it.", path=path)
    if mode is Mode.DEBUG:
        raise Invalid(f"{path}: a job in mode debug cannot be cut.", path=path)


def part_chain(spec: Specification) -> tuple[Manifest, dict[str, Any]] | None:
    """Return the splitter or assembler that this job runs, with its parameters; None for other jobs."""
    if spec.partition is None or spec.part not in (Part.SPLITTER, Part.ASSEMBLER):
        return None
    one = spec.partition.splitter if spec.part is Part.SPLITTER else spec.partition.assembler
    own = SPLITTER if spec.part is Part.SPLITTER else ASSEMBLER
    name = one.component or own
    if name in _OWN:
        manifest = _Manifest(id=name, command=[sys.executable, "-I", "-m", _OWN[name]])
    else:
        manifest = spec.processors[processor_key(name, one.tag)]
    sizes = msgspec.to_builtins(spec.partition)
    cut = {name: sizes[name] for name in ("input", "chunkRows", "chunkBytes", "chunks") if sizes.get(name)}
    return manifest, {**(cut if spec.part is Part.SPLITTER else {}), **one.parameters}


def chunk_operations() -> Iterable[Operation]:
    """Yield the steps that provide a chunk's input, and an assembler's input from all chunks."""
    for name, title, part in (("chunk", "Chunk", Part.CHUNK), ("assembly", "Assembly", Part.ASSEMBLER)):
        yield input_operation(
            name=name,
            title=title,
            program=PROGRAM,
            order=lambda _spec, _row: {},
            part=part,
        )
