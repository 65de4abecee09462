"""Orders for the archiving step, and servers to which it archives."""

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from steps.fileserver import SFTP_SERVER, SSHD, ftp_serving, sftp_serving


def order_of(place: Path, url: str, **more: Any) -> dict[str, Any]:
    """An order to archive the files in `data` of a folder to a system with that URL."""
    return {
        "job": "17",
        "uuid": "uuid-of-17",
        "path": "runs/17",
        "system": "archive",
        "systems": {"archive": {"url": url, "options": more.pop("options", {})}},
        "include": ["files", "artifacts"],
        "onFailure": "error",
        "rows": [],
        "folders": {"data": str(place / "data"), "rows": str(place / "rows")},
        "stateFolder": str(place / "state"),
        "attempts": 3,
        "maxBytes": 0,
        "fileRoots": ["/"],
        "networks": "any",
        "allowHosts": [],
        "denyHosts": [],
        **more,
    }


@contextmanager
def of_file(there: Path) -> Iterator[dict[str, Any]]:
    yield {"url": there.as_uri()}


@contextmanager
def of_ftp(there: Path) -> Iterator[dict[str, Any]]:
    with ftp_serving(there, user="ann", password="s3cret") as port:
        yield {"url": f"ftp://127.0.0.1:{port}", "options": {"user": "ann", "#password": "s3cret"}}


@contextmanager
def of_sftp(there: Path) -> Iterator[dict[str, Any]]:
    if SSHD is None or not SFTP_SERVER.exists():
        pytest.skip("needs openssh-server")
    keys = there.parent / "ssh"
    keys.mkdir()
    with sftp_serving(keys) as server:
        options = {"#privateKey": server.private_key, "hostKey": server.host_key}
        yield {"url": f"sftp://{getuser()}@127.0.0.1:{server.port}{there}", "options": options}


SERVERS = {"file": of_file, "ftp": of_ftp, "sftp": of_sftp}
