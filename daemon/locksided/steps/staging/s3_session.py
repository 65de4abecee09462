"""Objects of S3, Google Cloud Storage and compatible servers: URLs are signed, then used with http."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, ClassVar, NamedTuple
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from lockside.documents.staging import options_of
from locksided.steps.staging.http_source import HttpSource, refuse_failure, sent, stamp_of
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.remote import Readable
from locksided.steps.staging.sources import Broken, Refused, Stamp

SIGNED_SECONDS = 86_400
PART_BYTES = 2**30
"""The part size of larger objects, which are sent in parts; an object has at most 10,000 of them."""
DEFAULTS = {"gs": {"endpointUrl": "https://storage.googleapis.com", "region": "auto"}}
OPTIONS = ("key", "secret", "token", "region", "endpointUrl")


def s3_source(url: str, options: Mapping[str, Any], networks: Networks) -> HttpSource:
    """Return the http source of `s3://BUCKET/KEY`. Raises Refused if no URL can be signed."""
    with s3_session(url, options, networks) as session:
        return session.source(unquote(urlsplit(url).path))


@contextmanager
def s3_session(url: str, options: Mapping[str, Any], networks: Networks) -> Iterator["S3Session"]:
    """Open the bucket of a URL. Raises Refused if no URL can be signed."""
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
    """Return how buckets are addressed: by path if an endpoint is configured."""
    return "path" if "endpointUrl" in given else "auto"


@dataclass(frozen=True, slots=True)
class S3Session:
    """See `Session`. An object becomes visible only when it is complete, so it needs no temporary name."""

    checksum: ClassVar[str | None] = "md5"
    client: BaseClient
    bucket: str
    networks: Networks

    def source(self, path: str) -> HttpSource:
        """Return the source that fetches an object."""
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
        """Do nothing: there are no folders, and names may contain slashes."""

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        key = path.lstrip("/")
        if size_bytes > PART_BYTES:
            self._put_parts(key, content, size_bytes)
        else:
            self._answer("PUT", self._signed("put_object", Key=key), content, size_bytes)

    def _put_parts(self, key: str, content: Readable, size_bytes: int) -> None:
        begun = self._answer("POST", self._signed("create_multipart_upload", Key=key))
        upload = {"Key": key, "UploadId": begun.member("UploadId")}
        listed = ""
        try:
            for number, first in enumerate(range(0, size_bytes, PART_BYTES), 1):
                size = min(PART_BYTES, size_bytes - first)
                url = self._signed("upload_part", **upload, PartNumber=number)
                etag = self._answer("PUT", url, Part(content, size), size).etag
                listed += f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            whole = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
            url = self._signed("complete_multipart_upload", **upload)
            self._answer("POST", url, BytesIO(whole), len(whole)).member("ETag")
        except (Refused, Broken):
            with suppress(Refused, Broken):
                self._answer("DELETE", self._signed("abort_multipart_upload", **upload))
            raise

    def remove(self, path: str) -> None:
        self._answer("DELETE", self._signed("delete_object", Key=path.lstrip("/")))

    def names(self, path: str) -> list[str]:
        prefix = path.strip("/")
        url = self._signed("list_objects_v2", Prefix=f"{prefix}/" if prefix else "", Delimiter="/")
        return re.findall("<Key>([^<]+)</Key>", self._answer("GET", url).text)

    def _answer(
        self, method: str, url: str, content: Readable | None = None, size_bytes: int = 0
    ) -> "Answer":
        headers = {"Content-Length": str(size_bytes)} if method in ("PUT", "POST") else {}
        connection, response = sent(method, url, headers, self.networks, content)
        try:
            refuse_failure(response)
            return Answer(response.read().decode(), response.getheader("ETag") or "")
        finally:
            connection.close()

    def _signed(self, method: str, **place: str | int) -> str:
        url: str = self.client.generate_presigned_url(
            method, Params={"Bucket": self.bucket, **place}, ExpiresIn=SIGNED_SECONDS
        )
        return url


class Answer(NamedTuple):
    """The text of an answer, and the tag of the object that was sent."""

    text: str
    etag: str

    def member(self, name: str) -> str:
        """Return the text of an element. Raises Broken if it is missing: status 200 may still be an error."""
        found = re.search(f"<{name}>([^<]+)</{name}>", self.text)
        if found is None:
            raise Broken(f"the server answered no {name}")
        return found[1]


class Part:
    """The next part of a content."""

    def __init__(self, content: Readable, size_bytes: int) -> None:
        self._content = content
        self._left = size_bytes

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._content.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        return chunk
