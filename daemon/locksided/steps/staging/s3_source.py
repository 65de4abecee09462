"""Objects of S3 and of what speaks its protocol: a signed URL, then http."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from lockside.documents.staging import options_of
from locksided.steps.staging.http_source import HttpSource
from locksided.steps.staging.networks import Networks
from locksided.steps.staging.sources import Refused

SIGNED_SECONDS = 86_400
OPTIONS = ("key", "secret", "token", "region", "endpointUrl")


def s3_source(url: str, options: Mapping[str, Any], networks: Networks) -> HttpSource:
    """The http source of `s3://BUCKET/KEY`. Raises Refused when nothing can be signed."""
    given = options_of(options, OPTIONS)
    parts = urlsplit(url)
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
        place = {"Bucket": parts.netloc, "Key": unquote(parts.path.lstrip("/"))}
        signed = client.generate_presigned_url("get_object", Params=place, ExpiresIn=SIGNED_SECONDS)
    except (BotoCoreError, ValueError) as problem:
        raise Refused(str(problem)) from None
    return HttpSource(signed, {}, {}, networks)


def _style(given: Mapping[str, Any]) -> str:
    """Servers of one's own know their buckets by path."""
    return "path" if "endpointUrl" in given else "auto"
