"""The methods of stored objects, the same for every kind in the table, and those of state."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lockside.documents.base import camel
from lockside.kinds import Kind
from lockside.protocol.methods.catalog import StateGet, StateReset
from locksided import clock
from locksided.actors.messages import Decided, DedupMark, Exclusive, Repeated, Write
from locksided.api.apply_plan import completed_at
from locksided.api.deduplication import dedup_mark, nothing
from locksided.api.job_reads import marked, shortened
from locksided.api.paging import listed
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup
from locksided.catalog.record import Record
from locksided.catalog.table import RECORDS
from locksided.catalog.views import View, for_writers, stored_view, version_view
from locksided.core.errors import Forbidden, Limit, NotFound
from locksided.core.scheduler import Scheduler
from locksided.json_diff import differences
from locksided.schedules.changes import Unsettled
from locksided.schedules.settling import Settling
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog import objects, states
from locksided.store.catalog.keys import Change, ConfigId, Key, Listing, all_of
from locksided.store.input_states import InputState, input_state, save_input_state
from locksided.store.paging import PageRequest, Slice
from locksided.store.rows import StoredRow
from locksided.store.sql import Database

TRIES = 5
MOST_CONFIGS = 10_000

Handle = Callable[[Call, Any], Awaitable[View]]


class CatalogMethods(HandlerGroup):
    """`put`, `get`, `list`, `delete`, `versions`, `rollback`, `diff` and `copy` of every kind; `state.*`."""

    def of_kinds(self) -> dict[str, Handle]:
        """Return the handlers of the methods that every kind has, by name."""
        found: dict[str, Handle] = {}
        for kind, record in ((one.kind, one) for one in RECORDS.values()):
            for verb in kind.verbs:
                do = self.put if verb == kind.put_verb else getattr(self, verb)
                found[f"{kind.methods}.{verb}"] = partial(do, record)
        return found

    async def put(
        self, record: Record, call: Call, params: Any, owner: Mapping[str, Any] | None = None
    ) -> View:
        """Store an object as its next version; `owner` is its new owner."""
        path = "$" if record.kind.is_flat else f"$.{camel(record.kind.member)}"
        document = completed_at(path, record, record.document(params), self._service.settings)
        key = record.key(params, document)
        record.refuse_fixed(key, f"$.{record.kind.member}.{record.kind.key[-1]}", "choose another id")
        for kind in record.requires:
            await self._require(kind, params.project, getattr(document, kind.word))
        change = replace(self._change(call, params), owner=owner)
        put = partial(_put, record, key, document, change, getattr(params, "expected_version", None))
        write = partial(self._changed, record, key, change, call.principal, put)
        view = await self._write(call, params, write, lambda: self._view(record, key))
        view = await self._known(record, key, view)
        return view if record.warnings is None else {**view, "warnings": record.warnings(document)}

    async def _require(self, kind: Kind, project: str, name: str) -> None:
        if name in RECORDS[kind.word].fixed or await self._find(Key(project, kind, (name,))):
            return
        hint = f"`lockside {kind.word} ls` lists those that exist."
        raise NotFound(f"There is no {kind.title} {name!r}. {hint}", path=f"$.{kind.word}")

    async def get(self, record: Record, call: Call, params: Any) -> View:
        """Return an object, in any version."""
        return await self.shown(record, record.key(params), call.principal, getattr(params, "version", None))

    async def shown(self, record: Record, key: Key, who: Principal, version: int | None = None) -> View:
        """Return an object as the caller may see it. Raises NotFound."""
        return record.hide(who, await self._view(record, key, version))

    async def list(self, record: Record, call: Call, params: Any) -> View:
        """Return a page of the objects of a kind; built-in objects precede all others."""
        kind, given = record.kind, {name: getattr(params, name) for name in record.kind.filters}
        wanted = {name: getattr(value, "value", value) for name, value in given.items() if value is not None}
        names = tuple(wanted[name] for name in kind.key[:-1] if name in wanted)
        fields = _fields(kind, params)

        def is_wanted(body: Any) -> bool:
            return all(body.get(name) == value for name, value in wanted.items())

        everything = all_of(kind, params.project, record.branch(params), names, is_wanted if wanted else None)
        fixed = [one for one in record.fixed.values() if is_wanted(one) and params.cursor is None]
        if getattr(params, "expand", ()):
            more = partial(_configs_of, call.principal, params.project)
            added = await self._service.store.read(lambda tx: [more(tx, one["id"]) for one in fixed])
            fixed = [{**one, **parts} for one, parts in zip(fixed, added, strict=True)]
        always = [shortened(one, fields) for one in fixed]
        return await self.listed(record, call, params, lambda _: everything, always)

    async def listed(
        self,
        record: Record,
        call: Call,
        params: Any,
        wanted: Callable[[Database], Listing],
        always: Sequence[View] = (),
    ) -> View:
        """Return a page of the objects that `wanted` selects with the database."""
        fields = _fields(record.kind, params)
        more = partial(_configs_of, call.principal) if getattr(params, "expand", ()) else None

        def view(shown: tuple[StoredRow, View]) -> View:
            stored, members = shown
            return shortened(record.hide(call.principal, {**stored_view(stored), **members}), fields)

        request = self._service.page_request(params)
        async with call.connection.turn():
            read = partial(_page, record, wanted=wanted, request=request, more=more)
            found = await self._service.store.read(read)
            found = await self._with_figures(record, params.project, found)
            return listed(record.kind.listed, found, view, request.max_bytes, always=always)

    async def delete(self, record: Record, call: Call, params: Any) -> View:
        """Hide an object; its versions are kept."""
        key, change = record.key(params), self._change(call, params)
        record.refuse_fixed(key, key.path(), "it cannot be deleted")

        def write(tx: Any) -> View:
            record.refuse_others(tx.connection, key, call.principal)
            objects.delete(tx, key, change)
            record.deleted(tx, key, change)
            return {"id": key.id, "deletedTime": clock.to_text(change.time_us)}

        async def again() -> View:
            return {"id": key.id, "deletedTime": None}

        async def decide(core: Scheduler) -> Decided:
            record.refuse_deletion(core.state, key)
            return Decided(write)

        view = await self._write(call, params, write if record.report is None else Exclusive(decide), again)
        await self.tell_core(record, key)
        return view

    async def versions(self, record: Record, call: Call, params: Any) -> View:
        """Return who changed an object, when and why."""
        request = self._service.page_request(params)
        async with call.connection.turn():
            found = await self._service.store.versions(record.key(params), request)
            return listed("versions", found, version_view, request.max_bytes)

    async def rollback(self, record: Record, call: Call, params: Any) -> View:
        """Make an old version the newest one."""
        key, change = record.key(params), self._change(call, params)

        def roll_back(tx: Any) -> StoredRow:
            _refuse_hidden(record, call, objects.get(tx.connection, key, params.version), key)
            return objects.rollback(tx, key, params.version, change)

        write = partial(self._changed, record, key, change, call.principal, roll_back)
        view = await self._write(call, params, write, lambda: self._view(record, key))
        return await self._known(record, key, view)

    async def diff(self, record: Record, call: Call, params: Any) -> View:
        """Return the differences between two versions, as far as the caller may see both."""
        key = record.key(params)
        old, new = await self._stored(record, key, params.version), await self._stored(record, key, params.to)
        bodies, vault = [], self._service.store.vault
        for stored in (old, new):
            shown = record.hide(call.principal, stored_view(stored))
            body = {name: value for name, value in shown.items() if name in stored.body}
            bodies.append(vault.opened_if_possible(body, key.place))
        return {"version": old.version, "to": new.version, "fields": differences(*bodies)}

    async def copy(self, record: Record, call: Call, params: Any) -> View:
        """Copy an object to another id or branch."""
        source, change = record.key(params), self._change(call, params)
        name = f"to_{record.kind.key[-1]}"
        branch = getattr(params, "to_branch_id", None) or source.branch
        target = Key(params.project, record.kind, (*source.names[:-1], getattr(params, name)), branch)
        record.refuse_fixed(target, f"$.{camel(name)}", "choose another id")

        def copy(tx: Any) -> StoredRow:
            _refuse_hidden(record, call, objects.get(tx.connection, source, params.version), source)
            return objects.copy(tx, source, target, change, version=params.version)

        write = partial(self._changed, record, target, change, call.principal, copy)
        view = await self._write(call, params, write, lambda: self._view(record, target))
        return await self._known(record, target, view)

    def _changed(
        self,
        record: Record,
        key: Key,
        change: Change,
        who: Principal,
        store: Callable[[Any], StoredRow],
        tx: Any,
    ) -> View:
        """Store a version of an object with all consequences, and return its view."""
        record.refuse_others(tx.connection, key, who)
        before = objects.newest(tx, key)
        stored = store(tx)
        record.require_settled(tx.connection, key, before, stored.body, change.time_us)
        record.has_changed(tx, key, before, stored, change, self._service.settings)
        (members,) = record.members(tx.reading(), key.project, [stored])
        return {**stored_view(stored), **members}

    async def _view(self, record: Record, key: Key, version: int | None = None) -> View:
        if key.id in record.fixed:
            return record.fixed[key.id]
        stored = await self._stored(record, key, version)
        shown = self._service.store.read(lambda connection: record.members(connection, key.project, [stored]))
        (members,) = await shown
        return {**stored_view(stored), **members, **await self._figures_of(record, key)}

    # -- objects that the core knows ----------------------------------------------------------------------

    async def tell_core(self, record: Record, key: Key) -> None:
        """Pass the stored state of an object to the core, if the core knows objects of its kind."""
        if record.report is not None:
            async with self._service.telling:
                await self._service.scheduler.ask(record.report(key, await self._find(key)))

    async def _known(self, record: Record, key: Key, view: View) -> View:
        """Return a changed object, with the core's figures about it."""
        await self.tell_core(record, key)
        return {**view, **await self._figures_of(record, key)}

    async def _figures_of(self, record: Record, key: Key) -> View:
        if record.report is None:
            return {}
        look = self._service.scheduler.look
        (figures,) = await look(lambda core: record.figures(core.state, key.project, [key.id]))
        return figures

    async def _with_figures(
        self, record: Record, project: str, found: Slice[tuple[StoredRow, View]]
    ) -> Slice[tuple[StoredRow, View]]:
        """Return a page of objects, each with the core's figures about it."""
        if record.report is None:
            return found
        ids = [stored.id for stored, _ in found.entries]
        figures = await self._service.scheduler.look(lambda core: record.figures(core.state, project, ids))
        both = zip(found.entries, figures, strict=True)
        return replace(found, entries=[(stored, {**shown, **known}) for (stored, shown), known in both])

    async def _stored(self, record: Record, key: Key, version: int | None) -> StoredRow:
        found = await self._find(key, version)
        if found is None:
            which = "" if version is None else f"version {version} of "
            where = f" in branch {key.branch}" if record.kind.in_branch else ""
            raise NotFound(f"There is no {which}{key}{where}.", path=key.path(version))
        return found

    async def _find(self, key: Key, version: int | None = None) -> StoredRow | None:
        return await self._service.store.object(key, version)

    async def _write(
        self, call: Call, params: Any, write: Write | Exclusive, read: Callable[[], Any]
    ) -> View:
        """Write something; a repeat of the call returns the object as it is now, as read by `read`."""
        answer = await self._settled(write, dedup_mark(call, params, nothing))
        return marked(await read(), answer) if isinstance(answer, Repeated) else answer

    async def _settled(self, write: Write | Exclusive, mark: DedupMark | None) -> Any:
        """Write it, after deciding the moments that were due before a schedule changes."""
        for _ in range(TRIES):
            try:
                return await self._service.scheduler.ask(write, once=mark)
            except Unsettled as unsettled:
                await Settling(self._service).settle(unsettled.name)
        return await self._service.scheduler.ask(write, once=mark)

    def _change(self, call: Call, params: Any) -> Change:
        why = getattr(params, "change_description", None)
        return Change(clock.now_us(), actor(call.principal).as_data(), why)

    @handler
    async def get_state(self, call: Call, params: StateGet) -> View:
        return for_writers(call.principal, await self._state(params))

    async def _state(self, params: Any) -> View:
        return await self._service.store.read(partial(_state_view, params))

    @handler
    async def reset_state(self, call: Call, params: StateReset) -> View:
        change, config_id = self._change(call, params), _config_id(params)

        def write(tx: Any) -> View:
            if params.part != "storage":
                states.reset_state(tx, config_id, params.row, change)
            if params.part != "component":
                save_input_state(tx, config_id, params.row, InputState(), change.time_us, None)
            return _state_view(params, tx.connection)

        return await self._write(call, params, write, lambda: self._state(params))


def _put(
    record: Record, key: Key, document: Any, change: Change, expected_version: int | None, tx: Any
) -> StoredRow:
    body = record.body(document, key.branch)
    if record.kind.put_verb == "create":
        return objects.create(tx, key, body, change)
    return objects.put(
        tx, key, body, change, expected_version=expected_version, is_signed=record.is_signed(document)
    )


def _page(
    record: Record,
    connection: Database,
    wanted: Callable[[Database], Listing],
    request: PageRequest,
    more: Callable[[str, Database, str], View] | None,
) -> Slice[tuple[StoredRow, View]]:
    """Return a page of objects, each with further members of its view, and those that `more` adds."""
    listing = wanted(connection)
    found = objects.page(connection, listing, request)
    members = record.members(connection, listing.project, found.entries)
    if more is not None:
        added = [more(listing.project, connection, stored.id) for stored in found.entries]
        members = [{**one, **parts} for one, parts in zip(members, added, strict=True)]
    entries = list(zip(found.entries, members, strict=True))
    return Slice(entries, found.has_more, lambda shown: listing.cursor_at(shown[0]))


def _fields(kind: Kind, params: Any) -> set[str] | None:
    """Return the members of each object in a list; None for all."""
    fields = getattr(params, "fields", None)
    return None if fields is None else {*kind.key, *fields, *getattr(params, "expand", ())}


def _configs_of(who: Principal, project: str, connection: Database, component: str) -> View:
    """Return a component's configurations like `config.list`. Raises Limit if there are too many."""
    record = RECORDS["config"]
    found = objects.page(
        connection, all_of(record.kind, project, names=(component,)), PageRequest(MOST_CONFIGS)
    )
    if found.has_more:
        text = f"Component {component} has too many configurations for one answer: call config.list."
        raise Limit(text, path="$.expand")
    return {"configs": [record.hide(who, stored_view(stored)) for stored in found.entries]}


def _refuse_hidden(record: Record, call: Call, stored: StoredRow, key: Key) -> None:
    """Raise Forbidden if the caller may not see all of it: storing it again would make it the caller's."""
    view = stored_view(stored)
    if record.hide(call.principal, view) != view:
        text = f"{key} has values that only its writer and an admin may see: store one of your own."
        raise Forbidden(text, path=key.path())


def _state_view(params: Any, connection: Database) -> View:
    """Return the state of the last successful run, and how far it read."""
    found = states.state(connection, _config_id(params), params.row)
    read = input_state(connection, _config_id(params), params.row)
    return {"state": found.body, "version": found.version, "storage": _input_view(read)}


def _input_view(state: InputState) -> View:
    tables = [
        {
            "source": one.source,
            "lastImportDate": clock.to_text(one.last_import_us),
            "version": one.version,
            "tableId": one.table_id,
        }
        for one in state.tables
    ]
    files = [{"tags": one.tags, "lastImportId": str(one.last_import_id)} for one in state.files]
    kept = {"tables": tables, "files": files}
    return {"input": {kind: found for kind, found in kept.items() if found}} if tables or files else {}


def _config_id(params: Any) -> ConfigId:
    return ConfigId(params.component, params.config, params.branch_id, params.project)
