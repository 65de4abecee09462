"""Objects of S3, of Google's storage and of what else speaks its protocol: signed URLs, then http."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar
from urllib.parse import unquote, urlsplit

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from lockside.documents.staging import options_of
from locksided.steps.staging.http_source import HttpSource, refuse_failure, sent, stamp_of
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.remote import Readable
from locksided.steps.staging.sources import Refused, Stamp

SIGNED_SECONDS = 86_400
MOST_BYTES = 5 * 2**30
"""Of an object that is sent at once."""
DEFAULTS = {"gs": {"endpointUrl": "https://storage.googleapis.com", "region": "auto"}}
OPTIONS = ("key", "secret", "token", "region", "endpointUrl")


def s3_source(url: str, options: Mapping[str, Any], networks: Networks) -> HttpSource:
    """The http source of `s3://BUCKET/KEY`. Raises Refused when nothing can be signed."""
    with s3_session(url, options, networks) as session:
        return session.source(unquote(urlsplit(url).path))


@contextmanager
def s3_session(url: str, options: Mapping[str, Any], networks: Networks) -> Iterator["S3Session"]:
    """The bucket of a URL. Raises Refused when nothing can be signed."""
    given = {**DEFAULTS.get(urlsplit(url).scheme, {}), **options_of(options, OPTIONS)}
    try:
        client = Session().create_client(
            "s3",
            region_name=given.get("region", "us-east-1"),
            endpoint_url=given.get("endpointUrl"),
            aws_access_key_id=given.get("key"),
            aws_secret_access_key=given.get("secret"),
            aws_session_token=given.get("token"),
            config=Config(signature_version="s3v4", s3={"addressing_style": _style(given)}),
        )
        yield S3Session(client, urlsplit(url).netloc, networks)
    except (BotoCoreError, ValueError) as problem:
        raise Refused(str(problem)) from None


def _style(given: Mapping[str, Any]) -> str:
    """Servers of one's own know their buckets by path."""
    return "path" if "endpointUrl" in given else "auto"


@dataclass(frozen=True, slots=True)
class S3Session:
    """See `Session`. An object has its name when all of it is there, so it is sent under that."""

    checksum: ClassVar[str | None] = "md5"
    client: BaseClient
    bucket: str
    networks: Networks

    def source(self, path: str) -> HttpSource:
        """An object as what can be fetched."""
        return HttpSource(self._signed("get_object", Key=path.lstrip("/")), {}, {}, self.networks)

    def stamp(self, path: str) -> Stamp:
        url = self._signed("head_object", Key=path.lstrip("/"))
        connection, response = sent("HEAD", url, {}, self.networks)
        connection.close()
        refuse_failure(response)
        return stamp_of(response)

    def real(self, path: str) -> str:
        return path

    @contextmanager
    def reading(self, path: str, offset: int) -> Iterator[BinaryIO | Any]:
        with self.source(path).open(0, None) as opened:
            opened.stream.read(offset)
            yield opened.stream

    def make_folder(self, path: str) -> None:
        """There are none: names may have slashes."""

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        if size_bytes > MOST_BYTES:
            raise Refused(f"it has {size_bytes} bytes, and s3 takes {MOST_BYTES} at once")
        headers = {"Content-Length": str(size_bytes)}
        self._done("PUT", self._signed("put_object", Key=path.lstrip("/")), headers, content)

    def remove(self, path: str) -> None:
        self._done("DELETE", self._signed("delete_object", Key=path.lstrip("/")))

    def names(self, path: str) -> list[str]:
        prefix = path.strip("/")
        url = self._signed("list_objects_v2", Prefix=f"{prefix}/" if prefix else "", Delimiter="/")
        return re.findall("<Key>([^<]+)</Key>", self._done("GET", url).decode())

    def _done(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: Readable | None = None
    ) -> bytes:
        connection, response = sent(method, url, headers or {}, self.networks, content)
        try:
            refuse_failure(response)
            return response.read()
        finally:
            connection.close()

    def _signed(self, method: str, **place: str) -> str:
        url: str = self.client.generate_presigned_url(
            method, Params={"Bucket": self.bucket, **place}, ExpiresIn=SIGNED_SECONDS
        )
        return url
