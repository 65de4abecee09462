"""A daemon, and third-party libraries in their own folder."""

import shutil
import subprocess
from pathlib import Path

import pytest

from e2e.conftest import daemon, wire

__all__ = ["daemon", "node_modules", "wire"]

PACKAGES = ["json-rpc-2.0@1", "vscode-jsonrpc@8", "@open-rpc/meta-schema@1"]
INSTALL_SECONDS = 120


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which node finds the libraries; skips where npm or its registry is missing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm's registry does not answer")
    if ran.returncode:
        pytest.skip(f"npm cannot install the libraries: {ran.stderr.strip()[-300:]}")
    return folder
