"""Files of http and https servers: redirects are judged one by one, a part is continued by Range."""

import base64
import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from lockside.documents.staging import options_of, shown_source
from locksided import clock
from locksided.notifications.addresses import Target
from locksided.steps.connecting import Blocked, connected
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.remote import Readable
from locksided.steps.staging.sources import TIMEOUT_SECONDS, Broken, Missing, Opened, Refused, Stamp

MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_AS_WRITTEN = "/%:=&?~#+!$,;'@()*[]-._"
_TRANSIENT = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class HttpSource:
    """What a GET of a URL answers."""

    url: str
    headers: Mapping[str, str]
    options: Mapping[str, Any]
    networks: Networks

    @contextmanager
    def open(self, offset: int, known: Stamp | None) -> Iterator[Opened]:
        """See `Source`."""
        continued = known if offset and known is not None and known.is_strong else None
        connection, response = self._followed(_range(offset, continued))
        try:
            yield _opened(response, offset if continued else 0, known)
        finally:
            connection.close()

    def _followed(
        self, extra: Mapping[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """The answer to a GET, after redirects."""
        url, own = self.url, self._own_headers()
        for _ in range(MOST_REDIRECTS + 1):
            connection, response = sent("GET", url, {**own, **extra}, self.networks)
            if response.status not in _REDIRECTS:
                return connection, response
            connection.close()
            new = _redirected(url, response.getheader("Location") or "")
            own = own if _origin(new) == _origin(url) else {}
            url = new
        raise Refused(f"it was redirected more than {MOST_REDIRECTS} times")

    def _own_headers(self) -> dict[str, str]:
        headers = {name.removeprefix("#"): value for name, value in self.headers.items()}
        options = options_of(self.options, ("user", "password"))
        if options:
            pair = f"{options.get('user', '')}:{options.get('password', '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers


def sent(
    method: str,
    url: str,
    headers: Mapping[str, str],
    networks: Networks,
    content: Readable | None = None,
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """The answer of a server to one request, and the connection to be closed. Raises Refused, Broken."""
    parts, target = urlsplit(url), Target.of(url)
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_AS_WRITTEN)
    connection = http.client.HTTPConnection(target.host, target.port, blocksize=1 << 18)
    try:
        plain = connected(target, networks, TIMEOUT_SECONDS)
        connection.sock = _secured(plain, target)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": _host(parts), **headers, "Accept-Encoding": "identity"}.items():
            connection.putheader(name, value)
        connection.endheaders(content)
        return connection, connection.getresponse()
    except Blocked as problem:
        raise Refused(str(problem)) from None
    except ssl.SSLCertVerificationError as problem:
        raise Refused(f"its certificate is not trusted: {problem.verify_message}") from None
    except (http.client.InvalidURL, ValueError):  # whose message has the value, which may be secret
        connection.close()
        raise Refused("its URL or a header has a character that cannot be sent") from None
    except (OSError, http.client.HTTPException) as problem:
        connection.close()
        raise Broken(f"{type(problem).__name__}: {problem}") from None


def _secured(plain: Any, target: Target) -> Any:
    if target.scheme == "http":
        return plain
    return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _origin(url: str) -> tuple[str, str, int]:
    target = Target.of(url)
    return target.scheme, target.host, target.port


def _redirected(old: str, location: str) -> str:
    """Where a redirect leads. Raises Refused for what is not http, weaker, or no URL."""
    try:
        new = urljoin(old, location)
        Target.of(new)
    except ValueError:
        raise Refused("it was redirected to an invalid URL") from None
    scheme = urlsplit(new).scheme
    if scheme not in ("http", "https"):
        raise Refused(f"it was redirected to {shown_source(new)}, which is not http")
    if scheme == "http" and urlsplit(old).scheme == "https":
        raise Refused(f"it was redirected from https to {shown_source(new)}")
    return new


def _range(offset: int, known: Stamp | None) -> dict[str, str]:
    if known is None:
        return {}
    return {"Range": f"bytes={offset}-", "If-Range": known.etag or _http_date(known.modified or "")}


def _opened(response: http.client.HTTPResponse, offset: int, known: Stamp | None) -> Opened:
    if response.status == 206 and known is not None:
        start, size = _content_range(response.getheader("Content-Range") or "")
        if start != offset or (known.size_bytes is not None and size != known.size_bytes):
            raise Broken("the server answered another part than was asked for")
        return Opened(response, offset, known)
    refuse_failure(response)
    return Opened(response, 0, stamp_of(response))


def stamp_of(response: http.client.HTTPResponse) -> Stamp:
    """What an answer tells of the file."""
    length = response.getheader("Content-Length") or ""
    return Stamp(
        int(length) if length.isdecimal() else None,
        response.getheader("ETag"),
        _rfc_3339(response.getheader("Last-Modified")),
    )


def refuse_failure(response: http.client.HTTPResponse) -> None:
    """Raises Missing, Refused or Broken for an answer that is no success."""
    status = response.status
    if status in (200, 204):
        return
    said = f"the server answered {status} {response.reason}".rstrip()
    if status in (404, 410):
        raise Missing(said)
    if is_transient(status) or status == 416:
        raise Broken(said, _seconds(response.getheader("Retry-After")))
    raise Refused(said)


def is_transient(status: int) -> bool:
    """Whether a server that answers so may answer otherwise the next time."""
    return status in _TRANSIENT or status >= 500


def _rfc_3339(http_date: str | None) -> str | None:
    with suppress(ValueError):
        return clock.to_text(round(parsedate_to_datetime(http_date or "").timestamp() * 1e6))
    return None


def _http_date(text: str) -> str:
    return format_datetime(datetime.fromisoformat(text), usegmt=True)


def _content_range(text: str) -> tuple[int, int | None]:
    """The first byte and the whole size of `bytes 10-99/100`."""
    span, _, size = text.removeprefix("bytes ").partition("/")
    first = span.partition("-")[0]
    if not first.isdecimal():
        raise Broken("the server answered a part and did not say which")
    return int(first), int(size) if size.isdecimal() else None


def _seconds(text: str | None) -> float | None:
    """What Retry-After asks for: seconds, or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    with suppress(ValueError):
        return max(parsedate_to_datetime(text).timestamp() - clock.now_us() / 1e6, 0.0)
    return None
