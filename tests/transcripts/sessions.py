"""The sessions whose transcripts are kept: what is typed, what is waited for, and the narration."""

import os
from pathlib import Path

from lockside.paths import example_folder

FIRST_FIVE_MINUTES = [
    "Installed: python3 -m venv .venv && .venv/bin/pip install . && . .venv/bin/activate",
    "$ lockside --version",
    "A daemon of one's own, in the usual place.",
    "$ lockside start",
    "A pipeline that runs, and all of it as one job.",
    "$ lockside init",
    "$ lockside apply pipeline",
    "$ lockside run lockside.orchestrator/nightly --follow",
    "$ lockside ls --tree",
    "Changed, looked at, stored, and run once more: it remembers its last run.",
    "$ sed -i 's/^greeting.*/greeting = \"good morning\"/' pipeline/configs/hello.greet/daily.toml",
    "$ lockside apply pipeline --plan",
    "$ lockside apply pipeline -m 'politer'",
    "$ lockside run hello.greet/daily --follow",
    "$ lockside state show hello.greet/daily",
    "$ lockside show last",
    "What else a component may say, with types and defaults.",
    "$ lockside help fields component | head -n 30",
    "$ lockside ls",
    "$ lockside status",
    "$ lockside stop",
]

FAILURE_REPAIRED = [
    "The nightly load has failed: what, where, why?",
    "$ lockside start",
    "$ lockside apply pipeline",
    "$ lockside run lockside.orchestrator/nightly --set folder=$HOME/airports --wait",
    "$ lockside ls --failed",
    "$ lockside show 3",
    "$ lockside logs 3",
    "The file's name is wrong. A wrong type would have been found by apply:",
    "$ sed -i 's/^source.*gz.*/source = 1/' pipeline/configs/airports.extract/daily.toml",
    "$ lockside apply pipeline",
    "$ sed -i 's/^source = 1/source = \"airports.csv.gz\"/' pipeline/configs/airports.extract/daily.toml",
    "$ lockside apply pipeline -m 'the name of the file'",
    "$ lockside retry 1 --wait",
    "$ lockside show last",
    "$ lockside config versions airports.extract/daily",
]

STUCK_EXPLAINED = [
    "Last night's load never ended, and today's does not start.",
    "$ lockside start",
    "$ lockside apply pipeline",
    "$ lockside run --detach --name 'last night' warehouse.load/daily",
    "@running 1",
    "$ lockside run --detach --name today warehouse.load/daily",
    "$ lockside run --detach --name report --depends 2 warehouse.report/daily",
    "$ lockside run --detach --hold --name check warehouse.report/daily",
    "$ lockside ls",
    "$ lockside why 2",
    "$ lockside why 3",
    "$ lockside logs 1",
    "What would happen if it were stopped?",
    "$ lockside kill --dry-run 1",
    "$ lockside kill --wait 1",
    "@running 2",
    "$ echo > free",
    "$ lockside wait 2 3",
    "One is left, and it says who keeps it back.",
    "$ lockside why 4",
    "$ lockside release 4",
    "@ended 4",
    "$ lockside ls",
]

ROWS_RESUMED = [
    "A pipeline of five rows fails in one: which, why, and what of it is left to do?",
    "$ lockside start",
    "$ lockside apply pipeline",
    "$ lockside run lockside.orchestrator/nightly --wait",
    "$ lockside show last",
    "$ lockside retry --resume --plan last",
    "The row is mended; only it and what comes after it run again.",
    "$ sed -i 's/eu-wets/eu-west/' pipeline/configs/shop.orders/regions.toml",
    "$ lockside apply pipeline",
    "$ lockside retry --resume --wait last",
    "$ lockside ls --failed",
    "$ lockside status",
]

SESSIONS = {
    "first_five_minutes": FIRST_FIVE_MINUTES,
    "failure_repaired": FAILURE_REPAIRED,
    "stuck_explained": STUCK_EXPLAINED,
    "rows_resumed": ROWS_RESUMED,
}


def prepare(name: str, home: Path) -> None:
    """Write the files that the session needs into its home directory."""
    folder = home / "pipeline"
    if name == "failure_repaired":
        _copy_example(folder)
        file = folder / "configs/airports.extract/daily.toml"
        file.write_text(file.read_text().replace("airports.csv.gz", "airport.csv.gz"))
    elif name == "stuck_explained":
        os.mkfifo(home / "free")
        waits = f"echo waiting for a free warehouse; read line < {home}/free"
        _write(folder, "components/warehouse.load.toml", f'shell = "{waits}"\n')
        _write(folder, "components/warehouse.report.toml", "shell = 'echo all is well'\n")
        for component in ("load", "report"):
            _write(folder, f"configs/warehouse.{component}/daily.toml", "")

    elif name == "rows_resumed":
        _prepare_regions(folder)


def _prepare_regions(folder: Path) -> None:
    script = (
        "import json, os, sys\n"
        "with open(os.environ['KBC_DATADIR'] + 'config.json') as file:\n"
        "    region = json.load(file)['parameters']['region']\n"
        "print('asking for the orders of', region)\n"
        "if region not in ('eu-west', 'eu-east', 'us-west', 'us-east', 'asia'):\n"
        "    raise ValueError(f'there is no region {region}')\n"
    )
    _write(folder, "scripts/orders.py", script)
    _write(folder, "components/shop.orders.toml", 'command = ["python3", "../scripts/orders.py"]\n')
    _write(folder, "components/shop.report.toml", 'command = ["echo", "the report is written"]\n')
    regions = ("eu-wets", "eu-east", "us-west", "us-east", "asia")
    rows = [
        f'[[rows]]\nid = "{row}"\nparameters = {{ region = "{region}" }}\n'
        for row, region in zip(("west", "east", "us-west", "us-east", "asia"), regions, strict=True)
    ]
    _write(folder, "configs/shop.orders/regions.toml", "\n".join(["[runtime]\nparallelism = 2\n", *rows]))
    _write(folder, "configs/shop.report/daily.toml", "")
    nightly = (
        'phases = [{ id = "extract" }, { id = "report", dependsOn = ["extract"] }]\n\n'
        '[[tasks]]\nid = "orders"\nphase = "extract"\n'
        'task = { component = "shop.orders", config = "regions" }\n\n'
        '[[tasks]]\nid = "report"\nphase = "report"\n'
        'task = { component = "shop.report", config = "daily" }\n'
    )
    _write(folder, "configs/lockside.orchestrator/nightly.toml", nightly)


def _copy_example(folder: Path) -> None:
    import shutil

    shutil.copytree(example_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))


def _write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
