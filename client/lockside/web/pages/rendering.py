"""The templates, and their functions. The template engine escapes texts of users and jobs."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import ChainableUndefined, Environment, PackageLoader, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.cli.terminal.sanitize import FORBIDDEN, plain

_NAMED: Final = re.compile(
    r"\b([Jj]obs? )(\d{1,18})\b"
    r"|\b(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)\b(?: \([^()]* ago\))?"
    r"|\b([Pp]ool (?:&#39;)?)(?!(?:that|is|has|and|or|of|it|are|may)\b)(\w[\w.-]*\w|\w)"
)
_QUOTED: Final = re.compile(r"`([^`<>]+)`")
_JOINT: Final = re.compile(r"([./_-])(?=\w)")
_ESCAPED: Final = {code: f"\\u{code:04x}" for code in FORBIDDEN}
MOST_JSON: Final = 20_000
"""The most characters of a document that are shown."""


def url(path: str, *parts: str, **query: Any) -> str:
    """Return a path with names in it (`/configs/*/*`), and a query of the values that are not empty."""
    for part in parts:
        path = path.replace("*", quote(str(part), safe=""), 1)
    asked = {name: value for name, value in query.items() if value not in (None, "", [], False)}
    return f"{path}?{urlencode(asked, doseq=True)}" if asked else path


@pass_context
def linked(context: Context, text: object, *people: str) -> Markup:
    """Return a sentence with a link for each job and pool that it names, and for each of these people.

    Times in it are converted to the viewer's zone, and text in backquotes is shown as code.
    """
    link = context["desk"].link if context["desk"] else url
    escaped = _NAMED.sub(partial(_link_of, link), plain(str(escape(text))))
    for who in dict.fromkeys(filter(None, people)):
        found = rf"(?<![\w/.>&#-]){re.escape(str(escape(who)))}(?![\w/;-])(?![^<]*(?:</a)?>)"
        escaped = re.sub(found, lambda one: _anchor(link("/jobs", owner=who), one[0]), escaped, count=1)  # noqa: B023
    return Markup(_QUOTED.sub(r"<code>\1</code>", escaped))  # noqa: S704 - it was escaped before


def _link_of(link: Callable[..., str], found: re.Match[str]) -> str:
    if found[2]:
        return found[1] + _anchor(link("/jobs/*", found[2]), found[2])
    if found[3]:
        return f'<time datetime="{found[3].replace(" ", "T", 1).replace(" UTC", "Z")}">{found[3]}</time>'
    return found[4] + _anchor(f"{link('/pools')}#pool-{found[5]}", found[5])


def _anchor(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{text}</a>'


def breakable(text: str) -> Markup:
    """Return a name that may be broken after a dot, a slash or an underscore."""
    return Markup(_JOINT.sub(r"\1<wbr>", str(escape(plain(text)))))  # noqa: S704 - it was escaped before


def between(begin: str, end: str) -> float:
    """Return the seconds between two times."""
    return (times.parsed(end) - times.parsed(begin)).total_seconds()


def ago(text: str | None) -> str:
    """Return how long ago a time is, or how far in the future."""
    return times.ago(text, datetime.now(UTC))


def seconds_since(text: str) -> float:
    """Return the seconds since a time, at least 0."""
    return max((datetime.now(UTC) - times.parsed(text)).total_seconds(), 0.0)


def document(value: Any) -> str:
    """Return a JSON document for people, with invisible characters as `\\u202e`."""
    return json.dumps(value, ensure_ascii=False, indent=2).translate(_ESCAPED)


def begun(text: str) -> str:
    """Return the beginning of a very long document."""
    return text if len(text) <= MOST_JSON else f"{text[:MOST_JSON]}\n… and {len(text) - MOST_JSON} more"


def _visible(value: Any) -> Any:
    """Replace characters that hide or reverse text, in everything that is put into a page."""
    return plain(value) if type(value) is str else value


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("lockside.web"),
        autoescape=True,
        undefined=ChainableUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "linked": linked,
        "breakable": breakable,
        "utc": times.utc,
        "ago": ago,
        "document": document,
    }
    made.filters |= {
        "begun": begun,
        "span": times.span,
        "size": times.size,
        "since": seconds_since,
        "between": between,
    }
    made.globals |= {"url": url, "describe": describe}
    return made


ENVIRONMENT: Final = _environment()
