"""Files of ftp servers, with TLS for ftps; the data connection goes to the address that was judged."""

import ftplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from lockside.documents.staging import options_of
from locksided import clock
from locksided.notifications.addresses import Target
from locksided.steps.connecting import Blocked, judged
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.sources import TIMEOUT_SECONDS, Broken, Missing, Opened, Refused, Stamp

PORT = 21


@dataclass(frozen=True, slots=True)
class FtpSource:
    """What RETR of a path gives."""

    url: str
    options: Mapping[str, Any]
    networks: Networks

    @contextmanager
    def open(self, offset: int, known: Stamp | None) -> Iterator[Opened]:
        """See `Source`."""
        path = unquote(urlsplit(self.url).path)
        try:
            with self._session() as session:
                stamp = _stamp(session, path)
                start = offset if stamp == known and stamp.is_strong else 0
                data = session.transfercmd(f"RETR {path}", rest=start or None)
                with data, data.makefile("rb") as stream:
                    yield Opened(stream, start, stamp)
                session.voidresp()
        except Blocked as problem:
            raise Refused(str(problem)) from None
        except ValueError:  # of ftplib, for a line end
            raise Refused("its path has a character that cannot be sent") from None
        except ftplib.error_perm as problem:
            raise (Missing if str(problem)[:3] == "550" else Refused)(str(problem)) from None
        except (ftplib.Error, OSError, EOFError) as problem:
            raise Broken(f"{type(problem).__name__}: {problem}") from None

    @contextmanager
    def _session(self) -> Iterator[ftplib.FTP]:
        parts = urlsplit(self.url)
        target = Target(parts.scheme, parts.hostname or "", parts.port or PORT)
        options = options_of(self.options, ("user", "password"))
        is_secure = parts.scheme == "ftps"
        context = ssl.create_default_context()
        session = ftplib.FTP_TLS(context=context) if is_secure else ftplib.FTP()  # noqa: S321 - as asked for
        with session:
            session.connect(judged(target, self.networks)[0][1][0], target.port, TIMEOUT_SECONDS)
            session.host = target.host  # which a certificate has to name
            session.login(options.get("user", parts.username or "anonymous"), options.get("password", ""))
            if isinstance(session, ftplib.FTP_TLS):
                session.prot_p()
            session.voidcmd("TYPE I")
            yield session


def _stamp(session: ftplib.FTP, path: str) -> Stamp:
    size, modified = session.size(path), None
    with suppress(ftplib.error_perm, ValueError):
        told = session.voidcmd(f"MDTM {path}").partition(" ")[2].strip()
        at = datetime.strptime(told[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        modified = clock.to_text(round(at.timestamp() * 1e6))
    return Stamp(size, None, modified)
