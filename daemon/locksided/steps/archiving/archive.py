"""Archives the output of a job: each file is sent and compared; a list of all files is sent last.

Without its list, an archive is incomplete: the list is removed before an earlier attempt is overwritten.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote

from lockside.documents.staging import SYSTEM
from locksided.steps.archiving.left_files import left_files
from locksided.steps.archiving.sending import Sent, Shipment
from locksided.steps.program import ApplicationFault, UserFault, refuse_full_disk, say
from locksided.steps.staging.places import Place
from locksided.steps.staging.remote import Session, refuse_outside
from locksided.steps.staging.retries import Retries
from locksided.steps.staging.sources import Broken, Missing, Refused

LIST = "lockside-archive.json"
MOST_LIST_BYTES = 2**28


def archive(order: Mapping[str, Any]) -> dict[str, Any]:
    """Archive all files; `result.artifacts.archive` describes it. A fault may be only a warning."""
    try:
        return {"result": {"artifacts": {"archive": _archived(order)}}}
    except (UserFault, ApplicationFault) as fault:
        if order["onFailure"] != "warning":
            raise
        return {"message": str(fault), "warning": True}


def _archived(order: Mapping[str, Any]) -> dict[str, Any]:
    if "refusal" in order:
        raise UserFault(f"It could not be archived: {order['refusal']}")
    refuse_full_disk(order, order["folders"]["data"])
    place = Place.of(f"{SYSTEM}://{order['system']}/{quote(order['path'])}", {}, order)
    retries = Retries(place.shown, "archived", order["attempts"])
    shipment = Archive(place=place, retries=retries, job=order["job"], uuid=order["uuid"])
    try:
        shipment.take_over()
        shipment.send(left_files(order))
    except Refused as problem:
        raise UserFault(f"{place.shown} could not be archived: {problem}") from None
    except OSError as problem:
        raise ApplicationFault(f"{place.shown} could not be archived: {problem.strerror}") from None
    listed = shipment.listed
    size = sum(one["sizeBytes"] for one in listed)
    say(f"archived {len(listed)} files, {size} bytes, to {place.shown}")
    location = {"system": order["system"], "path": order["path"], "uri": place.shown}
    return {**location, "files": len(listed), "sizeBytes": size}


@dataclass(slots=True, kw_only=True)
class Archive(Shipment):
    """An archive that is being sent."""

    job: str
    uuid: str

    def take_over(self) -> None:
        """Remove the list of an earlier attempt. Raises UserFault if the archive there is of another job."""
        while True:
            self.retries.attempts += 1
            try:
                with self.place.connect()() as session:
                    self._remove_own_list(session)
            except Missing:
                return
            except Broken as problem:
                self.retries.wait_after(problem, has_progressed=False)
            else:
                return

    def _remove_own_list(self, session: Session) -> None:
        path = f"{self.place.path}/{LIST}"
        refuse_outside(session, path, self.place.root)
        with session.reading(path, 0) as stream:
            content = stream.read(MOST_LIST_BYTES)
        if _owner(content) != self.uuid:
            raise UserFault(f"{self.place.shown} is the archive of another job.")
        session.remove(path)

    def _finish(self, session: Session, folders: set[str]) -> None:
        document = {"job": self.job, "uuid": self.uuid, "files": self.listed}
        content = json.dumps(document, ensure_ascii=False, indent=1).encode()
        self.put(session, LIST, Sent(BytesIO(content), session.checksum), len(content), folders)


def _owner(content: bytes) -> str | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document.get("uuid") if isinstance(document, dict) else None
