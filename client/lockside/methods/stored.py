"""The calls about stored objects: components, configurations, branches, variables and states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockside.documents.component import Manifest
from lockside.protocol.types import stored as t
from lockside.protocol.types.branches import Branch, Branches
from lockside.protocol.types.catalog import CatalogPlan
from lockside.requests import Group, Mode, Request, act, ask, call


class ComponentCalls(Group[Mode]):
    """`component.*`"""

    @call
    def put(self, component: Mapping[str, Any] | Manifest) -> Request[t.Component]:
        """Store a component as its next version; an equal one keeps its version. Raises Conflict."""
        return act("component.put", t.Component, component=component)

    @call
    def get(self, id: str, version: int | None = None) -> Request[t.Component]:  # noqa: A002
        """Give a component, of any version. Raises NotFound."""
        return ask("component.get", t.Component, id=id, version=version)

    @call
    def list(
        self,
        type: str | None = None,  # noqa: A002
        *,
        fields: Sequence[str] | None = None,
    ) -> Request[t.Components]:
        """Give all components, or those of a type; with `fields` only these members of each."""
        return ask("component.list", t.Components, type=type, fields=fields)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Hide a component and refuse new jobs of it. Raises NotFound, Conflict."""
        return act("component.delete", t.Deleted, id=id)


class ConfigCalls(Group[Mode]):
    """`config.*`"""

    @call
    def put(
        self,
        component: str,
        config: str,
        configuration: Mapping[str, Any] | None = None,
        *,
        rows: Sequence[Mapping[str, Any]] | None = None,
        name: str | None = None,
        description: str | None = None,
        is_disabled: bool | None = None,
        branch_id: str | None = None,
        change_description: str | None = None,
        expected_version: int | None = None,
    ) -> Request[t.Config]:
        """Store a configuration as its next version. Raises NotFound, Conflict (of `expected_version`)."""
        return act(
            "config.put",
            t.Config,
            component=component,
            config=config,
            configuration=configuration,
            rows=rows,
            name=name,
            description=description,
            is_disabled=is_disabled,
            branch_id=branch_id,
            change_description=change_description,
            expected_version=expected_version,
        )

    @call
    def get(
        self, component: str, config: str, version: int | None = None, *, branch_id: str | None = None
    ) -> Request[t.Config]:
        """Give a configuration, of any version. Raises NotFound."""
        given = {"component": component, "config": config, "version": version}
        return ask("config.get", t.Config, **given, branch_id=branch_id)

    @call
    def list(
        self,
        component: str | None = None,
        *,
        branch_id: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> Request[t.Configs]:
        """Give the configurations of a branch, or of one component; `fields` names the members to give."""
        return ask("config.list", t.Configs, component=component, branch_id=branch_id, fields=fields)

    @call
    def delete(self, component: str, config: str, *, branch_id: str | None = None) -> Request[t.Deleted]:
        """Hide a configuration; its versions stay readable. Raises NotFound."""
        return act("config.delete", t.Deleted, component=component, config=config, branch_id=branch_id)

    @call
    def versions(
        self, component: str, config: str, *, branch_id: str | None = None
    ) -> Request[t.ConfigVersions]:
        """List what changed, and who did it, the newest first. Raises NotFound."""
        return ask(
            "config.versions", t.ConfigVersions, component=component, config=config, branch_id=branch_id
        )

    @call
    def rollback(
        self, component: str, config: str, version: int, *, branch_id: str | None = None
    ) -> Request[t.Config]:
        """Make an old version the newest. Raises NotFound."""
        given = {"component": component, "config": config, "version": version}
        return act("config.rollback", t.Config, **given, branch_id=branch_id)

    @call
    def copy(
        self,
        component: str,
        config: str,
        to_config: str,
        *,
        version: int | None = None,
        branch_id: str | None = None,
        to_branch_id: str | None = None,
    ) -> Request[t.Config]:
        """Copy a configuration, of any version. Raises NotFound, Conflict."""
        given = {"component": component, "config": config, "to_config": to_config, "version": version}
        return act("config.copy", t.Config, **given, branch_id=branch_id, to_branch_id=to_branch_id)


class CatalogCalls(Group[Mode]):
    """`catalog.*`"""

    @call
    def apply(
        self,
        *,
        pools: Sequence[Mapping[str, Any]] | None = None,
        components: Sequence[Mapping[str, Any] | Manifest] | None = None,
        variables: Sequence[Mapping[str, Any]] | None = None,
        configs: Sequence[Mapping[str, Any]] | None = None,
        branch_id: str | None = None,
        prune: bool | None = None,
        dry_run: bool | None = None,
        plan: str | None = None,
        change_description: str | None = None,
    ) -> Request[CatalogPlan]:
        """Make what is stored like what is given, all of it or nothing; a kind that is None is left alone.

        Raises NotFound (of what is referred to), Conflict (what is stored is not what `plan` was made of).
        """
        return act(
            "catalog.apply",
            CatalogPlan,
            pools=pools,
            components=components,
            variables=variables,
            configs=configs,
            branch_id=branch_id,
            prune=prune,
            dry_run=dry_run,
            plan=plan,
            change_description=change_description,
        )


class BranchCalls(Group[Mode]):
    """`branch.*`"""

    @call
    def create(self, id: str, name: str | None = None) -> Request[Branch]:  # noqa: A002
        """Begin a line of development. Raises Conflict."""
        return act("branch.create", Branch, branch={"id": id} | ({"name": name} if name else {}))

    @call
    def list(self) -> Request[Branches]:
        """Give all branches."""
        return ask("branch.list", Branches)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Hide a branch and what is in it. Raises NotFound, Conflict."""
        return act("branch.delete", t.Deleted, id=id)


class VariablesCalls(Group[Mode]):
    """`variables.*`"""

    @call
    def put(self, id: str, values: Mapping[str, str | float | bool]) -> Request[t.Variables]:  # noqa: A002
        """Store a set of values by their names."""
        listed = [{"name": name, "value": value} for name, value in values.items()]
        return act("variables.put", t.Variables, variables={"id": id, "values": listed})

    @call
    def get(self, id: str) -> Request[t.Variables]:  # noqa: A002
        """Give a set of values. Raises NotFound."""
        return ask("variables.get", t.Variables, id=id)

    @call
    def list(self, *, fields: Sequence[str] | None = None) -> Request[t.VariablesList]:
        """Give all sets of values; with `fields` only these members of each."""
        return ask("variables.list", t.VariablesList, fields=fields)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Hide a set of values. Raises NotFound."""
        return act("variables.delete", t.Deleted, id=id)


class StateCalls(Group[Mode]):
    """`state.*`"""

    @call
    def get(
        self, component: str, config: str, row: str | None = None, *, branch_id: str | None = None
    ) -> Request[t.State]:
        """Give what the last successful run left for the next. Raises NotFound."""
        return ask("state.get", t.State, component=component, config=config, row=row, branch_id=branch_id)

    @call
    def reset(
        self, component: str, config: str, row: str | None = None, *, branch_id: str | None = None
    ) -> Request[t.State]:
        """Forget what the last run left. Raises NotFound."""
        return act("state.reset", t.State, component=component, config=config, row=row, branch_id=branch_id)
