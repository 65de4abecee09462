"""Saved views of the list of jobs: names and queries, in a cookie of the browser."""

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from lockside.errors import InvalidParams
from lockside.web.pages.desk import Desk
from lockside.web.visitors import cookie_name, is_loopback

Json = dict[str, Any]

MOST: Final = 12
LONGEST_NAME: Final = 40
LONGEST_COOKIE: Final = 3_800
"""A browser stores 4 KiB for a cookie with its name and attributes."""
KEPT_SECONDS: Final = 365 * 86_400
_PASSING: Final = frozenset(("cursor", "all", "project"))
"""Parameters of the position in a list, not of its content."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """One saved view."""

    name: str
    query: str


def saved_views(request: Request) -> list[SavedView]:
    """Return the views of a browser; none if they cannot be read."""
    try:
        pairs = json.loads(unquote(request.cookies.get(_cookie(request), "[]")))
        return [SavedView(str(name)[:LONGEST_NAME], str(query)) for name, query in pairs][:MOST]
    except (ValueError, TypeError):
        return []


def query_of(desk: Desk) -> str:
    """Return the query of the list shown by this request."""
    pairs = desk.request.query_params.multi_items()
    return urlencode([(name, value) for name, value in pairs if value and name not in _PASSING])


async def save(desk: Desk) -> Response:
    """Save a view under a name, or, with `remove`, remove it."""
    name, query = desk.form.get("name", "").strip()[:LONGEST_NAME], desk.form.get("query", "")
    views = [view for view in saved_views(desk.request) if view.name != name]
    if not desk.form.get("remove"):
        if not name:
            raise InvalidParams("Give the view a name.", data={"path": "$.name"})
        views.append(SavedView(name, urlencode(parse_qsl(query))))
    text = quote(json.dumps([[view.name, view.query] for view in views], separators=(",", ":")), safe="")
    if len(views) > MOST or len(text) > LONGEST_COOKIE:
        raise InvalidParams("There is no room for another view: remove one first.", data={"path": "$.name"})
    answer = desk.go("/jobs", **_lists(parse_qsl(query)))
    answer.set_cookie(
        _cookie(desk.request),
        text,
        max_age=KEPT_SECONDS,
        path="/",
        secure=not is_loopback(desk.request),
        httponly=True,
        samesite="strict",
    )
    return answer


def _lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _cookie(request: Request) -> str:
    return f"{cookie_name(request)}-views"
