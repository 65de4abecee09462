"""How the place of a URI, or a path in a system, is read and written, under the settings of an order."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from lockside.documents.staging import FSSPEC, SYSTEM, shown_source
from locksided.steps.staging.file_session import file_session
from locksided.steps.staging.file_source import FileSource
from locksided.steps.staging.ftp_session import ftp_session
from locksided.steps.staging.http_source import HttpSource
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.remote import Connect, RemoteSource
from locksided.steps.staging.sources import Refused, Source


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder: its URI, the path of its root, and the options for its server."""

    url: str
    root: str
    options: Mapping[str, Any]
    order: Mapping[str, Any]

    @classmethod
    def of(cls, source: str, options: Mapping[str, Any], order: Mapping[str, Any]) -> "Place":
        """Return the place of a URI; a `system:` URI refers to a system in the order."""
        parts = urlsplit(source)
        if parts.scheme != SYSTEM:
            return cls(source, "/", options, order)
        system = order["systems"][parts.netloc]
        url = f"{system['url'].rstrip('/')}{parts.path}"
        return cls(url, unquote(urlsplit(system["url"]).path) or "/", system["options"], order)

    @property
    def path(self) -> str:
        """Its path on its server."""
        return unquote(urlsplit(self.url).path)

    @property
    def shown(self) -> str:
        """Its URI without secrets."""
        return shown_source(self.url)

    @property
    def _scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def _networks(self) -> Networks:
        return Networks.of(*(self.order[name] for name in ("networks", "allowHosts", "denyHosts")))

    @property
    def is_fetched_alone(self) -> bool:
        """Whether its files can only be fetched, not listed or written."""
        return self._scheme in ("http", "https")

    def source(self, headers: Mapping[str, str]) -> Source:
        """Return the source that reads the file."""
        match self._scheme:
            case "file":
                return FileSource(self.path, self.order["fileRoots"], self.order["stateFolder"], self.root)
            case "http" | "https":
                return HttpSource(self.url, headers, self.options, self._networks)
            case "s3" | "gs":
                from locksided.steps.staging.s3_session import s3_source

                return s3_source(self.url, self.options, self._networks)
            case _:
                return RemoteSource(self.connect(), self.path, self.root)

    def connect(self) -> Connect:
        """Return the function that connects to its server. Raises Refused if it cannot be written to."""
        given = self.url, self.options, self._networks
        match self._scheme:
            case "file":
                return partial(file_session, self.order["fileRoots"], self.order["stateFolder"])
            case "ftp" | "ftps":
                return partial(ftp_session, *given)
            case "sftp":
                from locksided.steps.staging.sftp_session import sftp_session

                return partial(sftp_session, *given)
            case "s3" | "gs":
                from locksided.steps.staging.s3_session import s3_session

                return partial(s3_session, *given)
            case scheme if scheme in FSSPEC:
                from locksided.steps.staging.fsspec_session import fsspec_session

                return partial(fsspec_session, *given)
            case scheme:
                raise Refused(f"files cannot be written with {scheme}")
