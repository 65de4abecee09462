"""The settings of the web server: the section `[web]`, which the daemon reads only to check it."""

from typing import Annotated, Literal

import msgspec

from lockside.documents.base import HEADER_PATTERN, OPTIONAL_URL_PATTERN, FieldError, ProjectId
from lockside.documents.settings_files import Section


class WebSettings(Section, frozen=True):
    """Where `lockside-web` listens, what it serves, and how its users are identified."""

    listen: Annotated[str, msgspec.Meta(max_length=255)] = "127.0.0.1:8765"
    hosts: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    auth: Literal["local", "proxy", "token"] = "local"
    user_header: Annotated[str, msgspec.Meta(pattern=HEADER_PATTERN)] = "X-Remote-User"
    project: ProjectId = "default"
    page: bool = True
    url: Annotated[str, msgspec.Meta(max_length=1024, pattern=OPTIONAL_URL_PATTERN)] = ""
    metrics: Literal["local", "token", "off"] = "local"
    keboola: Annotated[str, msgspec.Meta(max_length=255)] = ""
    keboola_url: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    keboola_aliases: tuple[str, ...] = ("keboola.orchestrator", "keboola.flow")

    def check(self) -> None:
        """Raises FieldError for settings that would let anybody act as any user."""
        if self.auth == "proxy" and not self.trust:
            raise FieldError("The proxy names the user: list the trusted proxies in `trust`", "auth")
