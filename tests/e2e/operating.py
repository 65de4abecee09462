"""A daemon whose runs have steps that no release has: `python operating.py --state-dir …`.

As the program of an operation it does what the component's parameter of the same name says.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

STEPS = "before", "row", "after", "rescue"


def work(name: str, folder: Path) -> int:
    """Carry out the order that is in the folder."""
    order = json.loads((folder / "order.json").read_text())
    asked = order["asked"]
    print("step", name, order["row"] or "-", flush=True)
    if "shell" in asked:
        subprocess.run(["/bin/sh", "-c", asked["shell"]], check=True)
    if name == "row":
        Path(order["folders"]["data"], "in/files/given").write_text("from the operation")
    if "left" in asked:
        result = folder / "result.json"
        result.with_suffix(".new").write_text(asked["left"])
        os.rename(result.with_suffix(".new"), result)
    return int(asked.get("code", 0))


def daemon() -> int:
    from lockside.documents.enums import FailureKind
    from locksided import command
    from locksided.runs import operations
    from locksided.runs.operations import Operation, OperationPlace

    def order(name: str) -> Any:
        def made(spec: Any, row: str | None) -> dict[str, Any] | None:
            asked = spec.root["parameters"].get(name)
            return None if asked is None else {"asked": {"left": '{"message": ""}'} | asked}

        return made

    places = (
        OperationPlace.BEFORE_RUN,
        OperationPlace.BEFORE_ROW,
        OperationPlace.AFTER_RUN,
        OperationPlace.AFTER_FAILURE,
    )
    operations.OPERATIONS = tuple(
        Operation(
            name=name,
            title=f"The step {name}",
            place=place,
            program=(sys.executable, __file__),
            order=order(name),
            stage="input_mapping",
            failure=FailureKind.INPUT,
            memory_bytes=2**28,
            timeout_seconds=300 if place is OperationPlace.AFTER_FAILURE else None,
        )
        for name, place in zip(STEPS, places, strict=True)
    )
    return command.main()


if __name__ == "__main__":
    if sys.argv[1] in STEPS:
        raise SystemExit(work(sys.argv[1], Path(sys.argv[2])))
    raise SystemExit(daemon())
