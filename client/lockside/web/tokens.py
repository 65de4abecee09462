"""Which token a request shows."""

from starlette.requests import Request


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer`, None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
