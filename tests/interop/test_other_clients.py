"""The programs on the handbook's page about the wire: third-party libraries talk to the daemon."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS, PLAIN
from e2e.wire import Wire
from handbook.examples import PAGES, examples

PROGRAMS = [
    (one.language, one.text)
    for one in examples(PAGES["wire"].read_text("utf-8"))
    if one.skipped == "see tests/interop/test_other_clients.py"
]
[SOCAT] = [text for kind, text in PROGRAMS if kind == "sh"]
JSON_RPC_2, VSCODE = [text for kind, text in PROGRAMS if kind == "js"]
[JSONRPCCLIENT] = [text for kind, text in PROGRAMS if kind == "python"]


def output_of(daemon: Daemon, command: list[str], cwd: Path | None = None) -> str:
    """Return the output of a program that was started with only the daemon's socket."""
    environment = {"PATH": os.environ["PATH"], "HOME": PLAIN["HOME"], "LOCKSIDE_SOCKET": str(daemon.socket)}
    ran = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        cwd=cwd,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def jobs(wire: Wire) -> int:
    total: int = wire.call("job.list", status=["success"], count=True, limit=1)["total"]
    return total


def test_socat_and_a_shell_make_a_job_wait_for_it_and_read_its_log(daemon: Daemon, wire: Wire) -> None:
    if shutil.which("socat") is None:
        pytest.skip("socat is not installed")
    before = jobs(wire)
    answers = output_of(daemon, ["sh", "-euc", SOCAT]).splitlines()
    assert '"status":"success"' in answers[0]
    assert '"text":"hello\\n"' in answers[1]
    assert jobs(wire) == before + 1


@pytest.mark.parametrize("program", [JSON_RPC_2, VSCODE], ids=["json-rpc-2.0", "vscode-jsonrpc"])
def test_libraries_of_node_make_the_same_calls(
    daemon: Daemon, wire: Wire, node_modules: Path, program: str
) -> None:
    before = jobs(wire)
    assert output_of(daemon, ["node", "-e", program], cwd=node_modules) == "success hello\n\n"
    assert jobs(wire) == before + 1


def test_jsonrpcclient_makes_the_same_calls(daemon: Daemon, wire: Wire) -> None:
    pytest.importorskip("jsonrpcclient")
    before = jobs(wire)
    assert output_of(daemon, [sys.executable, "-c", JSONRPCCLIENT]) == "success hello\n\n"
    assert jobs(wire) == before + 1
