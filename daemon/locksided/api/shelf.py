"""The stored objects that the requests of one creation name, each read once.

So all jobs of a tree are made of the same versions, and a component that a thousand tasks name is read once.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from locksided.core.errors import NotFound
from locksided.runner.builtin import BUILT_IN
from locksided.runner.processors import processor_components
from locksided.runner.request import Request
from locksided.runner.resolved import Found, Stored
from locksided.store.catalog.configs import ConfigId
from locksided.store.rows import Stored as Row
from locksided.store.store import Store

T = TypeVar("T")


class Shelf:
    """Reads of one project. Whatever does not exist is None; only a version that is named must exist.

    `looks` counts how often anything stored was asked for.
    """

    def __init__(self, store: Store, project: str) -> None:
        self.looks = 0
        self._store = store
        self._project = project
        self._read: dict[Hashable, Any] = {}

    async def _once(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        self.looks += 1
        if key not in self._read:
            self._read[key] = await read()
        return cast("T", self._read[key])

    async def config(self, request: Request) -> Row | None:
        """The configuration that a request names, with who changed it last."""
        names = request.refers_to
        if names.config is None:
            return None
        config_id = ConfigId(names.component, names.config, names.branch, self._project)
        version = names.config_version
        row = await self._config(config_id, version)
        if row is None and version is not None and await self._config(config_id) is not None:
            raise NotFound(
                f"Configuration {names.config} of component {names.component} has no version {version}.",
                path="$.configVersion",
            )
        return row

    async def _config(self, config_id: ConfigId, version: int | None = None) -> Row | None:
        return await self._once((config_id, version), lambda: self._store.config(config_id, version))

    async def found(self, request: Request, config: Row | None) -> Found:
        """Everything that a request names; `config` is its configuration."""
        names = request.refers_to
        variables = None
        if names.variables is not None:
            variables = await self.variables(names.variables)
        return Found(
            component=_stored(names.component, await self._component_of(request)),
            config=_stored(names.config or "", config),
            variables=_stored(names.variables or "", variables),
            processors=await self._processors(request, config),
        )

    async def _component_of(self, request: Request) -> Row | None:
        names = request.refers_to
        if names.component in BUILT_IN:
            return None
        version = names.component_version
        row = await self._component(names.component, version)
        if row is None and version is not None:
            raise NotFound(
                f"Component {names.component} has no version {version}.", path="$.componentVersion"
            )
        return row

    async def _component(self, name: str, version: int | None = None) -> Row | None:
        key = ("component", name, version)
        return await self._once(key, lambda: self._store.component(self._project, name, version))

    async def variables(self, name: str) -> Row | None:
        """A stored set of variables, with who changed it last."""
        return await self._once(("variables", name), lambda: self._store.variables(self._project, name))

    async def _processors(self, request: Request, config: Row | None) -> dict[str, Stored]:
        """The components of all processors that the configuration or its rows name."""
        root = request.config_data if request.config_data is not None else {}
        rows: list[Any] = []
        if config is not None and request.config_data is None:
            root, rows = config.body.get("configuration") or {}, config.body.get("rows") or []
        found = {}
        for name in processor_components([root, *(row.get("configuration") or {} for row in rows)]):
            row = await self._component(name)
            if row is not None:
                found[name] = Stored(name, row.version, row.body)
        return found


def _stored(object_id: str, row: Row | None) -> Stored | None:
    return None if row is None else Stored(object_id, row.version, row.body)
