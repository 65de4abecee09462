"""The stored objects that the requests of one creation name, each read once.

So all jobs of a tree use the same versions, and a component that a thousand tasks name is read once.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Protocol, TypeVar, cast

import msgspec
from msgspec.structs import replace

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.paths import split_problem
from lockside.documents.reading import from_store
from lockside.documents.request import JobRequest
from lockside.documents.variables import VariablesSpec
from lockside.kinds import COMPONENT, SYSTEM, VARIABLES, Kind
from locksided.core.errors import Invalid, NotFound
from locksided.runs.builtin_components import BUILT_IN
from locksided.runs.partition import part_components
from locksided.runs.processors import processor_components
from locksided.runs.resolved import Found, Stored
from locksided.secrets.vault import Vault
from locksided.store.catalog.keys import ConfigId, Key
from locksided.store.rows import StoredRow as Row

T = TypeVar("T")


class Objects(Protocol):
    """The source of stored objects: the store, or its planned content."""

    @property
    def vault(self) -> Vault: ...

    def object(self, key: Key, version: int | None = None) -> Awaitable[Row | None]: ...


class ObjectReader:
    """Reads objects of one project. A missing object is None; only an explicit version must exist.

    `reads` counts the requests for stored objects.
    """

    def __init__(self, store: Objects, project: str) -> None:
        self.reads = 0
        self.store = store
        self._project = project
        self._read: dict[Hashable, Any] = {}

    async def _once(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        self.reads += 1
        if key not in self._read:
            self._read[key] = await read()
        return cast("T", self._read[key])

    async def config(self, request: JobRequest) -> Row | None:
        """Return the configuration that a request names, with its last author."""
        if request.config is None:
            return None
        config_id = ConfigId(request.component, request.config, request.branch, self._project)
        version = request.config_version
        row = await self._config(config_id, version)
        if row is None and version is not None and await self._config(config_id) is not None:
            raise NotFound(
                f"Configuration {request.config} of component {request.component} has no version {version}.",
                path="$.configVersion",
            )
        return row

    async def _config(self, config_id: ConfigId, version: int | None = None) -> Row | None:
        return await self._once((config_id, version), lambda: self._read_plain(config_id.key(), version))

    async def found(self, request: JobRequest, config: Row | None) -> Found:
        """Return everything that a request names; `config` is its configuration."""
        variables = None
        if request.variable_values_id is not None:
            variables = await self.variables(request.variable_values_id)
        stored = _stored(request.config or "", config, ConfigSpec)
        return Found(
            component=_stored(request.component, await self._component_of(request), Manifest),
            config=stored,
            variables=_stored(request.variable_values_id or "", variables, VariablesSpec),
            processors=await self._processors(request, stored),
        )

    async def _component_of(self, request: JobRequest) -> Row | None:
        if request.component in BUILT_IN:
            return None
        version = request.component_version
        row = await self._component(request.component, version)
        if row is None and version is not None:
            raise NotFound(
                f"Component {request.component} has no version {version}.", path="$.componentVersion"
            )
        return row

    async def _component(self, name: str, version: int | None = None) -> Row | None:
        key = ("component", name, version)
        return await self._once(key, lambda: self._object(COMPONENT, name, version))

    async def _object(self, kind: Kind, name: str, version: int | None = None) -> Row | None:
        return await self._read_plain(Key(self._project, kind, (name,)), version)

    async def _read_plain(self, key: Key, version: int | None) -> Row | None:
        """Return an object with its secrets decrypted, as far as possible."""
        row, vault = await self.store.object(key, version), self.store.vault
        if row is None or not vault.keys.all:
            return row
        return replace(row, body=vault.opened_if_possible(row.body, key.place))

    async def variables(self, name: str) -> Row | None:
        """Return a stored set of variables, with its last author."""
        return await self._once(("variables", name), lambda: self._object(VARIABLES, name))

    async def system(self, name: str) -> Row | None:
        """Return a system, with its secrets as stored."""
        key = Key(self._project, SYSTEM, (name,))
        return await self._once(("system", name), lambda: self.store.object(key))

    async def _processors(
        self, request: JobRequest, config: Stored[ConfigSpec] | None
    ) -> dict[str, Stored[Manifest]]:
        """Return the components of all processors and parts that the configuration or its rows name."""
        contents = [request.content] if request.content is not None else []
        if config is not None and request.body is None:
            contents = [config.document.content, *(row.content for row in config.document.rows)]
        partitions = [request.partition, *(content.runtime.partition for content in contents)]
        if config is not None:
            partitions.append(config.document.content.runtime.partition)
        parts = {str(one.component) for given in partitions for _, one in part_components(given)}
        found = {}
        for name in processor_components(contents) | parts:
            stored = _stored(name, await self._component(name), Manifest)
            if stored is not None:
                found[name] = stored
        return found


def _stored(object_id: str, row: Row | None, kind: type[T]) -> Stored[T] | None:
    if row is None:
        return None
    try:
        return Stored(object_id, row.version, from_store(row.body, kind))
    except msgspec.ValidationError as problem:  # a decrypted secret
        message, path = split_problem(str(problem))
        raise Invalid(f"{object_id}: a decrypted value does not fit: {message}.", path=path) from None
