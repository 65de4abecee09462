"""Exports to systems: the files of a draft are sent and compared with the received ones."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lockside.documents.staging import SYSTEM
from locksided.steps.archiving.left_files import LeftFile
from locksided.steps.archiving.sending import Shipment
from locksided.steps.program import UserFault
from locksided.steps.staging.places import Place
from locksided.steps.staging.retries import Retries
from locksided.steps.staging.sources import Broken, Missing, Refused


def send(order: Mapping[str, Any], draft: Path) -> str:
    """Send a file, or those of a folder; return their URI. Raises UserFault and ApplicationFault."""
    parameters = order["parameters"]
    place = Place.of(f"{SYSTEM}://{parameters['system']}/{quote(parameters['path'])}", {}, order)
    if draft.is_dir():
        folder, sent = place, [LeftFile(str(file), file.name) for file in sorted(draft.iterdir())]
    else:
        folder = replace(place, url=place.url.rpartition("/")[0])
        sent = [LeftFile(str(draft), place.path.rpartition("/")[2])]
    try:
        if not parameters.get("overwrite") and _is_taken(folder, sent[0].path):
            raise UserFault(f"{place.shown} exists already: use another name, or overwrite.")
        Shipment(place=folder, retries=Retries(place.shown, "written", order["attempts"])).send(sent)
    except Refused as problem:
        raise UserFault(f"{place.shown} cannot be written: {problem}.") from None
    except OSError as problem:
        raise UserFault(f"{place.shown} cannot be written: {problem.strerror}.") from None
    return place.shown


def _is_taken(place: Place, name: str) -> bool:
    try:
        with place.connect()() as session:
            session.stamp(f"{place.path}/{name}")
    except (Missing, Broken):
        return False
    return True
