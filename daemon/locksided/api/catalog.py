"""The methods of what is stored to be run: components, configurations, branches, variables, state."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from lockside.documents.component import COMMAND, Manifest
from lockside.protocol.declaration import ListParams
from lockside.protocol.methods import stored as p
from lockside.protocol.methods.catalog import StateGet, StateReset
from locksided import clock
from locksided.actors.messages import Repeated, Write
from locksided.api.applyplan import config_body
from locksided.api.once import once
from locksided.api.paging import listed
from locksided.api.reading import shortened
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.api.storedviews import (
    DEFAULT_BRANCH,
    config_view,
    for_users,
    for_writers,
    stored_view,
    version_view,
)
from locksided.core.errors import Conflict, NotFound
from locksided.runner.components import BUILT_IN
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog import branches, components, configs, states, variables
from locksided.store.catalog.configs import ConfigId
from locksided.store.catalog.objects import Change, Listing
from locksided.store.rows import Stored

View = dict[str, Any]


class CatalogMethods:
    """`component.*`, `config.*`, `branch.*`, `variables.*`, `state.*`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def _write(self, call: Call, params: Any, write: Write, read: Callable[[], Any]) -> View:
        """Store something; a repeat of the call answers the object as it is now, as `read` finds it."""
        mark = once(call, params, lambda _: {})
        answer = await self._service.scheduler.ask(write, once=mark)
        if isinstance(answer, Repeated):
            view: View = await read()
            return {**view, "deduplicated": True}
        return answer if isinstance(answer, dict) else stored_view(answer)

    def _change(self, call: Call, description: str | None = None) -> Change:
        return Change(clock.now_us(), actor(call.principal).as_data(), description)

    # -- components ---------------------------------------------------------------------------------------

    @handler
    async def put_component(self, call: Call, params: p.ComponentPut) -> View:
        """Store a component's manifest."""
        manifest = params.component
        if manifest.id in BUILT_IN:
            raise Conflict(f"{manifest.id} is part of the daemon: choose another id.", path="$.component.id")
        body = msgspec.to_builtins(manifest)
        change = self._change(call)
        return await self._write(
            call,
            params,
            lambda tx: components.put_component(tx, params.project, manifest.id, body, change),
            lambda: self._component(params.project, manifest.id, None),
        )

    async def _component(self, project: str, component_id: str, version: int | None) -> View:
        if component_id in BUILT_IN:
            return _built_in_view(BUILT_IN[component_id])
        found = await self._service.store.component(project, component_id, version)
        if found is None:
            which, path = _missing("component", version, "$.id")
            raise NotFound(f"There is no {which} {component_id}.", path=path)
        return stored_view(found)

    @handler
    async def get_component(self, call: Call, params: p.ComponentGet) -> View:
        """A component."""
        return for_users(call, await self._component(params.project, params.id, params.version))

    @handler
    async def list_components(self, call: Call, params: p.ComponentList) -> View:
        """All components, the built-in ones too."""
        wanted = None if params.type is None else params.type.value
        built_in = [
            shortened(_built_in_view(one), params.fields)
            for one in BUILT_IN.values()
            if params.type in (None, one.type)
        ]

        def view(stored: Stored) -> View:
            return shortened(for_users(call, stored_view(stored)), params.fields)

        everything = components.all_components(params.project, wanted)
        return await self._listed(call, "components", everything, params, view, built_in)

    async def _listed(
        self,
        call: Call,
        member: str,
        wanted: Listing,
        params: ListParams,
        view: Callable[[Stored], View],
        always: Iterable[View] = (),
    ) -> View:
        """A page of a list of stored objects; `always` stand before all others."""
        request = self._service.page_request(params)
        always = always if params.cursor is None else ()
        async with call.connection.turn():
            found = await self._service.store.objects(wanted, request)
            return listed(member, found, view, request.max_bytes, always=always)

    @handler
    async def delete_component(self, call: Call, params: p.ComponentDelete) -> View:
        """Hide a component."""
        if params.id in BUILT_IN:
            raise Conflict(f"{params.id} is part of the daemon: it cannot be deleted.", path="$.id")
        change = self._change(call)
        return await self._delete(
            call,
            params,
            params.id,
            lambda tx: components.delete_component(tx, params.project, params.id, change),
        )

    async def _delete(self, call: Call, params: Any, object_id: str, write: Write) -> View:
        deleted_us = clock.now_us()

        def both(tx: Any) -> View:
            write(tx)
            return {"id": object_id, "deletedTime": clock.to_text(deleted_us)}

        async def again() -> View:
            return {"id": object_id, "deletedTime": None}

        return await self._write(call, params, both, again)

    # -- configurations -----------------------------------------------------------------------------------

    @handler
    async def put_config(self, call: Call, params: p.ConfigPut) -> View:
        """Store a configuration as its next version."""
        config_id = _config_id(params)
        body = config_body(params, params.branch_id)
        await self._check_component(params.project, params.component)
        change = self._change(call, params.change_description)
        view = await self._write(
            call,
            params,
            lambda tx: config_view(
                configs.put_config(
                    tx,
                    config_id,
                    body,
                    change,
                    expected_version=params.expected_version,
                    is_signed=params.component == COMMAND,
                )
            ),
            lambda: self._config(config_id, None),
        )
        return {**view, "warnings": params.unknown_members()}

    async def _check_component(self, project: str, component_id: str) -> None:
        if (
            component_id not in BUILT_IN
            and await self._service.store.component(project, component_id) is None
        ):
            raise NotFound(
                f"There is no component {component_id!r}. `lockside component ls` lists those that exist.",
                path="$.component",
            )

    async def _config(self, config_id: ConfigId, version: int | None) -> View:
        found = await self._service.store.config(config_id, version)
        if found is None:
            which, path = _missing("configuration", version, "$.config")
            raise NotFound(
                f"There is no {which} {config_id.config} of component {config_id.component} "
                f"in branch {config_id.branch}.",
                path=path,
            )
        return config_view(found)

    @handler
    async def get_config(self, call: Call, params: p.ConfigGet) -> View:
        """A configuration."""
        return for_writers(call, await self._config(_config_id(params), params.version))

    @handler
    async def list_configs(self, call: Call, params: p.ConfigList) -> View:
        """The configurations of a branch."""
        wanted = configs.all_configs(params.project, params.branch_id, params.component)
        fields = None if params.fields is None else {"component", "config", *params.fields}
        return await self._listed(
            call,
            "configs",
            wanted,
            params,
            lambda stored: shortened(for_writers(call, config_view(stored)), fields),
        )

    @handler
    async def delete_config(self, call: Call, params: p.ConfigDelete) -> View:
        """Hide a configuration."""
        change, config_id = self._change(call), _config_id(params)
        return await self._delete(
            call, params, params.config, lambda tx: configs.delete_config(tx, config_id, change)
        )

    @handler
    async def versions(self, call: Call, params: p.ConfigVersionsOf) -> View:
        """Who changed a configuration, when and why."""
        request = self._service.page_request(params)
        async with call.connection.turn():
            found = await self._service.store.config_versions(_config_id(params), request)
            return listed("versions", found, version_view, request.max_bytes)

    @handler
    async def rollback(self, call: Call, params: p.ConfigRollback) -> View:
        """Make an old version the newest."""
        change, config_id = self._change(call), _config_id(params)
        return await self._write(
            call,
            params,
            lambda tx: config_view(configs.rollback_config(tx, config_id, params.version, change)),
            lambda: self._config(config_id, None),
        )

    @handler
    async def copy(self, call: Call, params: p.ConfigCopy) -> View:
        """Copy a configuration to another id or branch."""
        change, source = self._change(call), _config_id(params)
        branch = params.to_branch_id or params.branch_id
        target = ConfigId(params.component, params.to_config, branch, params.project)
        names = {"config": target.config, "branchId": target.branch}
        return await self._write(
            call,
            params,
            lambda tx: config_view(
                configs.copy_config(tx, source, target, change, version=params.version, names=names)
            ),
            lambda: self._config(target, None),
        )

    # -- branches and variables ---------------------------------------------------------------------------

    @handler
    async def create_branch(self, call: Call, params: p.BranchCreate) -> View:
        """Begin a line of development."""
        change, body = self._change(call), msgspec.to_builtins(params.branch)

        async def again() -> View:
            found = await self._service.store.branch(params.project, params.branch.id)
            return {"id": params.branch.id} if found is None else stored_view(found)

        return await self._write(
            call,
            params,
            lambda tx: branches.create_branch(tx, params.project, params.branch.id, body, change),
            again,
        )

    @handler
    async def list_branches(self, call: Call, params: p.BranchList) -> View:
        """All branches; `default` is always there and never stored."""
        wanted = branches.all_branches(params.project)
        return await self._listed(call, "branches", wanted, params, stored_view, [dict(DEFAULT_BRANCH)])

    @handler
    async def delete_branch(self, call: Call, params: p.BranchDelete) -> View:
        """Hide a branch."""
        change = self._change(call)
        return await self._delete(
            call, params, params.id, lambda tx: branches.delete_branch(tx, params.project, params.id, change)
        )

    @handler
    async def put_variables(self, call: Call, params: p.VariablesPut) -> View:
        """Store a set of values."""
        change, body = self._change(call), msgspec.to_builtins(params.variables)
        variables_id = params.variables.id
        return await self._write(
            call,
            params,
            lambda tx: variables.put_variables(tx, params.project, variables_id, body, change),
            lambda: self._variables(params.project, variables_id),
        )

    async def _variables(self, project: str, variables_id: str) -> View:
        found = await self._service.store.variables(project, variables_id)
        if found is None:
            raise NotFound(f"There is no set of variables {variables_id}.", path="$.id")
        return stored_view(found)

    @handler
    async def get_variables(self, call: Call, params: p.VariablesGet) -> View:
        """A set of values."""
        return for_writers(call, await self._variables(params.project, params.id))

    @handler
    async def list_variables(self, call: Call, params: p.VariablesListAll) -> View:
        """All sets of values."""
        return await self._listed(
            call,
            "variables",
            variables.all_variables(params.project),
            params,
            lambda stored: shortened(for_writers(call, stored_view(stored)), params.fields),
        )

    @handler
    async def delete_variables(self, call: Call, params: p.VariablesDelete) -> View:
        """Hide a set of values."""
        change = self._change(call)
        return await self._delete(
            call,
            params,
            params.id,
            lambda tx: variables.delete_variables(tx, params.project, params.id, change),
        )

    # -- state --------------------------------------------------------------------------------------------

    @handler
    async def get_state(self, call: Call, params: StateGet) -> View:
        """What the last good run of a configuration or row left for the next."""
        return for_writers(call, await self._state(params))

    async def _state(self, params: Any) -> View:
        found = await self._service.store.state(_config_id(params), params.row)
        return {"state": found.body, "version": found.version}

    @handler
    async def reset_state(self, call: Call, params: StateReset) -> View:
        """Forget it."""
        change, config_id = self._change(call), _config_id(params)

        def write(tx: Any) -> View:
            found = states.reset_state(tx, config_id, params.row, change)
            return {"state": found.body, "version": found.version}

        return await self._write(call, params, write, lambda: self._state(params))


def _built_in_view(manifest: Manifest) -> View:
    return {**msgspec.to_builtins(manifest), "version": None}


def _missing(noun: str, version: int | None, path: str) -> tuple[str, str]:
    """What there is not, and the field that asked for it."""
    return (noun, path) if version is None else (f"version {version} of {noun}", "$.version")


def _config_id(params: Any) -> ConfigId:
    return ConfigId(params.component, params.config, params.branch_id, params.project)
