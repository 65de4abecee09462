"""Servers of files: an HTTP server that misbehaves as configured, and servers for FTP, SFTP and S3."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer


@dataclass
class FileServer:
    """What the server serves, and how.

    It closes the connection after `cut_bytes` of each answer; `etags` change from answer to answer, the
    last one stays; `statuses` are used first. `redirects` maps paths to URLs. Content waits for the `gate`.
    `asked` are the headers of all GETs, `sent_bytes` all bytes of content.
    """

    content: bytes = b""
    cut_bytes: int = 0
    has_ranges: bool = True
    etags: list[str] = field(default_factory=lambda: ['"one"'])
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent_bytes: int = 0
    port: int = 0
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def url(self, path: str = "/a.csv") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving(files: FileServer) -> Iterator[FileServer]:
    """Run the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(files))
    files.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()


def _handler(files: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            files.asked.append((self.path, dict(self.headers)))
            if self.path in files.redirects:
                self._answer(302, Location=files.redirects[self.path])
            elif files.statuses:
                self._answer(files.statuses.pop(0), **files.headers)
            else:
                self._serve()
            self.close_connection = True

        def _answer(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def _serve(self) -> None:
            etag = files.etags.pop(0) if len(files.etags) > 1 else files.etags[0]
            start = self._start(etag)
            body = files.content[start:]
            self.send_response(206 if start else 200)
            if etag:
                self.send_header("ETag", etag)
            if start:
                whole = len(files.content)
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            files.gate.wait()
            sent = body[: files.cut_bytes] if files.cut_bytes else body
            files.sent_bytes += len(sent)
            self.wfile.write(sent)

        def _start(self, etag: str) -> int:
            wanted = self.headers.get("Range")
            if not (files.has_ranges and wanted and self.headers.get("If-Range") == etag):
                return 0
            return int(wanted.removeprefix("bytes=").rstrip("-"))

    return Handler


@contextmanager
def ftp_serving(folder: Path, *, user: str = "", password: str = "", refusal: str = "") -> Iterator[int]:
    """Serve a folder by FTP, to anybody or to one user, or refuse uploads; yields the port."""
    authorizer = DummyAuthorizer()
    if user:
        authorizer.add_user(user, password, str(folder), perm="elradfmw")
    else:
        authorizer.add_anonymous(str(folder))

    class Handler(FTPHandler):  # type: ignore[misc]
        def ftp_STOR(self, file: str, mode: str = "w") -> object:  # noqa: N802
            if refusal:
                return self.respond(refusal)
            return super().ftp_STOR(file, mode)

    Handler.authorizer = authorizer
    server = ThreadedFTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"handle_exit": False}, daemon=True)
    thread.start()
    try:
        yield server.address[1]
    finally:
        server.close_all()
        thread.join()


SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")


@dataclass(frozen=True)
class SftpServer:
    """The address of an SFTP server, and the keys of both sides as texts."""

    port: int
    host_key: str
    private_key: str


@contextmanager
def sftp_serving(folder: Path) -> Iterator[SftpServer]:
    """Serve files to the user who runs this, with a key made for it."""
    for name in ("host", "own"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name],
            check=True,
            stdin=subprocess.DEVNULL,
        )
    (folder / "own").chmod(0o600)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = f"""
        Port {port}
        ListenAddress 127.0.0.1
        HostKey {folder}/host
        AuthorizedKeysFile {folder}/own.pub
        StrictModes no
        UsePAM no
        PidFile none
        PermitRootLogin yes
        Subsystem sftp {SFTP_SERVER}
    """
    (folder / "config").write_text(config)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    assert SSHD is not None
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        told = server.stderr.readline()
        assert "listening" in told, told
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        yield SftpServer(port, host_key, (folder / "own").read_text())
    finally:
        server.terminate()
        server.communicate()


@contextmanager
def moto_serving() -> Iterator[tuple[Any, dict[str, str]]]:
    """Run an S3 server; yields a client of it and the options to connect to it."""
    from botocore.session import Session
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    options = {"key": "testing", "#secret": "s3cret", "endpointUrl": f"http://{host}:{port}"}
    try:
        yield (
            Session().create_client(
                "s3",
                region_name="us-east-1",
                endpoint_url=options["endpointUrl"],
                aws_access_key_id=options["key"],
                aws_secret_access_key=options["#secret"],
            ),
            options,
        )
    finally:
        server.stop()
