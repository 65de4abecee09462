"""The token in a request."""

from starlette.requests import Request


def bearer(request: Request) -> str | None:
    """Return the token of `Authorization: Bearer`; None if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
