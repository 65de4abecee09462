"""The daemon's log shows where an internal fault occurred, in every format, without any values."""

import subprocess
import sys

import pytest

FAULTY = """
import sys, structlog
from locksided import log
def handler(secret):
    raise ValueError("no such thing")
log.configure(sys.argv[1], "info")
try:
    handler("hush " * 2)
except ValueError as problem:
    structlog.get_logger("server").error("handler failed", exc_info=problem)
"""


@pytest.mark.parametrize("log_format", ["console", "json", "systemd"])
def test_a_fault_is_logged_with_its_place_and_without_values(log_format: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FAULTY, log_format], capture_output=True, text=True, check=True
    )
    assert "ValueError: no such thing" in ran.stderr
    assert "in handler" in ran.stderr
    assert "hush hush" not in ran.stderr
