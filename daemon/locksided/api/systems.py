"""`system.check`: a process of the caller looks whether a system can be used."""

from lockside.protocol.methods import systems as p
from locksided.api.service import HandlerGroup
from locksided.api.storage_actions import run_storage_action
from locksided.runs.staging import ARCHIVE_PROGRAM, transfer_rules
from locksided.runs.systems import Account, Use, told_of
from locksided.server.calls import Call
from locksided.server.handlers import handler


class SystemMethods(HandlerGroup):
    """What systems have beside the methods of all kinds."""

    @handler
    async def check(self, call: Call, params: p.SystemCheck) -> p.SystemChecked:
        service, principal = self._service, call.principal
        who = Account(principal.uid, (principal.gid, *principal.groups))
        told = await told_of(service.store, Use(params.id, "$.id"), params.project, who)
        order = {
            "system": params.id,
            "systems": {params.id: told},
            "isWritable": told["isWritable"],
            "stateFolder": str(service.state_dir.root),
            **transfer_rules(service.settings.staging),
        }
        result = await run_storage_action(service, call, "check", order, ARCHIVE_PROGRAM)
        entries = result.get("entries")
        return p.SystemChecked(id=params.id, entries=entries, is_writable=told["isWritable"])
