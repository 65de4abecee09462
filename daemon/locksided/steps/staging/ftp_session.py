"""Files of ftp servers, with TLS for ftps; the data connection goes to the checked address."""

import ftplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from posixpath import basename, dirname
from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlsplit

from lockside.documents.staging import options_of
from locksided import clock
from locksided.notifications.addresses import Target
from locksided.steps.connecting import Blocked, judged
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.remote import Readable, arriving, broken
from locksided.steps.staging.sources import TIMEOUT_SECONDS, Broken, Missing, Refused, Stamp

PORT = 21
NO_SPACE = ("452", "552")


@contextmanager
def ftp_session(url: str, options: Mapping[str, Any], networks: Networks) -> Iterator["FtpSession"]:
    """Open a connection to the server of a URL. Any use of it raises Missing, Refused or Broken."""
    try:
        with _connected(url, options_of(options, ("user", "password")), networks) as connection:
            yield FtpSession(connection)
    except Blocked as problem:
        raise Refused(str(problem)) from None
    except ValueError:  # from ftplib, for a line end
        raise Refused("its path has a character that cannot be sent") from None
    except ftplib.error_perm as problem:
        raise (Missing if str(problem)[:3] == "550" else Refused)(str(problem)) from None
    except ftplib.Error as problem:
        raise (Refused if str(problem)[:3] in NO_SPACE else Broken)(f"{problem}") from None
    except (OSError, EOFError) as problem:
        raise broken(problem) from None


@contextmanager
def _connected(url: str, options: Mapping[str, Any], networks: Networks) -> Iterator[ftplib.FTP]:
    parts = urlsplit(url)
    target = Target(parts.scheme, parts.hostname or "", parts.port or PORT)
    context = ssl.create_default_context()
    is_secure = parts.scheme == "ftps"
    session = ftplib.FTP_TLS(context=context) if is_secure else ftplib.FTP()  # noqa: S321 - as configured
    with session:
        session.connect(judged(target, networks)[0][1][0], target.port, TIMEOUT_SECONDS)
        session.host = target.host  # the name that a certificate must have
        session.login(options.get("user", parts.username or "anonymous"), options.get("password", ""))
        if isinstance(session, ftplib.FTP_TLS):
            session.prot_p()
        session.voidcmd("TYPE I")
        yield session


@dataclass(frozen=True, slots=True)
class FtpSession:
    """See `Session`."""

    checksum: ClassVar[str | None] = None
    ftp: ftplib.FTP

    def stamp(self, path: str) -> Stamp:
        size, modified = self.ftp.size(path), None
        with suppress(ftplib.error_perm, ValueError):
            answer = self.ftp.voidcmd(f"MDTM {path}").partition(" ")[2].strip()
            at = datetime.strptime(answer[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            modified = clock.to_text(round(at.timestamp() * 1e6))
        return Stamp(size, None, modified)

    def real(self, path: str) -> str:
        return path

    @contextmanager
    def reading(self, path: str, offset: int) -> Iterator[BinaryIO]:
        data = self.ftp.transfercmd(f"RETR {path}", rest=offset or None)
        with data, data.makefile("rb") as stream:
            yield stream
        self.ftp.voidresp()

    def make_folder(self, path: str) -> None:
        if path in ("", "/"):
            return
        try:
            self.ftp.cwd(path)
        except ftplib.error_perm:
            self.make_folder(dirname(path))
            self.ftp.mkd(path)

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        with arriving(path, self.ftp.delete) as part:
            self.ftp.storbinary(f"STOR {part}", content, blocksize=1 << 18)
            with suppress(ftplib.error_perm):  # some servers only rename to a new name
                self.ftp.delete(path)
            self.ftp.rename(part, path)

    def remove(self, path: str) -> None:
        self.ftp.delete(path)

    def names(self, path: str) -> list[str]:
        self.ftp.cwd(path)
        return [basename(name) for name in self.ftp.nlst()]
