"""`session.actAs` and `token.*`: who may act as whom, by which means, and for how long."""

import re
import secrets
from dataclasses import replace
from functools import partial
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import anyio

from lockside.protocol.methods import tokens as p
from lockside.protocol.words import Role
from locksided import clock, threads
from locksided.api.deduplication import answered, dedup_mark
from locksided.api.paging import View, listed
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup
from locksided.core.errors import Conflict, Forbidden, Invalid, NotFound
from locksided.server.access import ROOT_UID, Grant, Principal
from locksided.server.calls import Call
from locksided.server.connection import ClientConnection
from locksided.server.handlers import handler
from locksided.server.peers import groups_of, user_name, user_of
from locksided.store import tokens
from locksided.store.token_rows import TokenRow
from locksided.store.transaction import Transaction

SECRET_BYTES: Final = 32
_SECRET: Final = re.compile(r"lsk_([0-9]{1,18})_([A-Za-z0-9_-]{43})")


class SessionMethods(HandlerGroup):
    """`session.actAs`."""

    @handler
    async def act_as(self, call: Call, params: p.SessionActAs) -> View:
        """Give the connection another principal, which applies to the following calls."""
        peer = call.principal
        if peer.via is not None or peer.grant is not None:
            raise Conflict(f"This connection acts as {peer.user} already: open another one.")
        if params.user is not None:
            if not self._is_delegate(peer):
                raise self._no_delegate(peer, "$.user")
            who, token = await self._named(peer, params.user), None
        else:
            who, token = await self._with_token(call, params.token or "")
        call.connection.principal = who
        expires_us = None if token is None else token.expires_us
        if expires_us is not None:
            call.connection.start_soon(_end_at, call.connection, expires_us)
        return {
            "principal": actor(who).as_data(),
            "role": who.role.word,
            "token": None if token is None else _shown(token),
        }

    def _is_delegate(self, peer: Principal) -> bool:
        return peer.uid in self._service.access().delegate_uids

    def _no_delegate(self, peer: Principal, path: str) -> Forbidden:
        text = f"{peer.user} may not act as another user: an admin can add it to `access.delegates`."
        return Forbidden(text, path=path)

    async def _named(self, peer: Principal, name: str) -> Principal:
        uid, gid, user = await threads.run_sync(user_of, name, "$.user")
        return await self._acting(peer, (uid, gid, user), None)

    async def _with_token(self, call: Call, secret: str) -> tuple[Principal, TokenRow]:
        peer, connection = call.principal, call.connection
        found = _SECRET.fullmatch(secret)
        if found is None:
            raise _invalid()
        connection.token_id = int(found[1])  # before reading: revoking it then ends this connection
        token = await self._service.store.read(partial(tokens.find, token_id=connection.token_id))
        if token is None or not compare_digest(token.sha256, _hash(found[2])) or _is_expired(token):
            raise _invalid()
        if token.uid != peer.uid and not self._is_delegate(peer):
            raise self._no_delegate(peer, "$.token")
        if await threads.run_sync(user_name, token.uid) != token.user:
            raise Forbidden(f"The user {token.user} of this token is gone.", path="$.token")
        grant = Grant(token.id, Role[token.role.upper()], token.project)
        return await self._acting(peer, (token.uid, token.gid, token.user), grant), token

    async def _acting(self, peer: Principal, account: tuple[int, int, str], grant: Grant | None) -> Principal:
        uid, gid, user = account
        if uid == ROOT_UID and peer.uid != ROOT_UID:
            raise Forbidden("Nobody but root acts as root: jobs would run as root.", path="$")
        groups = peer.groups if uid == peer.uid else await threads.run_sync(groups_of, uid, gid)
        who = Principal(uid, gid, user, groups, Role.NONE, peer.pid, grant=grant)
        if self._is_delegate(peer):
            who = replace(who, via=peer.user, via_uid=peer.uid)
        return replace(who, role=self._service.access().role_now(who))


def _invalid() -> NotFound:
    return NotFound("Invalid access token: it is none, or it was revoked, or has expired.", path="$.token")


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _is_expired(token: TokenRow) -> bool:
    return token.expires_us is not None and token.expires_us <= clock.now_us()


async def _end_at(connection: ClientConnection, wall_us: int) -> None:
    """End a connection at a time of the wall clock, which may be set meanwhile."""
    while clock.now_us() < wall_us:
        news = anyio.Event()
        timer = clock.call_at(wall_us, news.set)
        try:
            await news.wait()
        finally:
            timer.cancel()
    connection.stop()


class TokenMethods(HandlerGroup):
    """`token.*`."""

    @handler
    async def create(self, call: Call, params: p.TokenCreate) -> View:
        """Create a token; only this answer contains the secret."""
        who = call.principal
        secret, role = secrets.token_urlsafe(SECRET_BYTES), _role(who, params.role)
        uid, gid, user = await self._account(who, params.user)
        wanted_us = None if params.expires_time is None else clock.from_text(params.expires_time)
        fields = {"name": params.name, "user": user, "role": role.word}

        def write(tx: Transaction) -> View:
            now_us = clock.now_us()
            expires_us = _expires_us(tx, who, wanted_us)
            of_user = {"project": params.project, "uid": uid, "gid": gid, "sha256": _hash(secret)}
            made = {"made_with": who.grant and who.grant.id, "created_us": now_us, "expires_us": expires_us}
            token_id = tokens.add(tx, **fields, **of_user, **made)
            data = {"id": str(token_id), **fields, "expiresTime": clock.to_text(expires_us)}
            by = actor(who).as_data()
            tx.event(now_us, "token.created", params.project, principal=by, data=data)
            return {"id": str(token_id), "secret": f"lsk_{token_id}_{secret}"}

        mark = dedup_mark(call, params, lambda answer: {"id": answer["id"]})
        return answered(await self._service.scheduler.ask(write, once=mark))

    async def _account(self, who: Principal, wanted: str | None) -> tuple[int, int, str]:
        if wanted in (None, who.user):
            return who.uid, who.gid, who.user
        if who.role is not Role.ADMIN:
            text = "A token of another user is the admin's to make: leave `user` out, or ask an admin."
            raise Forbidden(text, path="$.user")
        return await threads.run_sync(user_of, wanted or "", "$.user")

    @handler
    async def list(self, call: Call, params: p.TokenListAll) -> View:
        """Return the caller's own tokens, or for an admin all."""
        uid = None if call.principal.role is Role.ADMIN else call.principal.uid
        request = self._service.page_request(params)
        async with call.connection.turn():
            look = partial(tokens.page, project=params.project, uid=uid, request=request)
            return listed("tokens", await self._service.store.read(look), _view, request.max_bytes)

    @handler
    async def revoke(self, call: Call, params: p.TokenRevoke) -> View:
        """Revoke a token and end the connections that use it."""
        token_id, who = int(params.id), call.principal
        ended: list[int] = []

        def write(tx: Transaction) -> View:
            token = tokens.find(tx.connection, token_id)
            if token is None or token.project != params.project:
                text = f"There is no token {token_id}: `lockside token ls` lists the tokens."
                raise NotFound(text, path="$.id")
            if token.uid != who.uid and who.role is not Role.ADMIN:
                text = (
                    f"Token {token_id} belongs to {token.user}: only {token.user} or an admin can revoke it."
                )
                raise Forbidden(text, path="$.id", owner=token.user)
            ended.extend(tokens.remove(tx, token_id))
            data = {"id": params.id, "name": token.name, "user": token.user}
            by = actor(who).as_data()
            tx.event(clock.now_us(), "token.revoked", params.project, principal=by, data=data)
            return {"id": params.id}

        mark = dedup_mark(call, params, dict)
        answer = await self._service.scheduler.ask(write, once=mark)
        for connection in list(self._service.connections()):
            if connection.token_id in ended:
                connection.stop()
        return answered(answer)


def _expires_us(tx: Transaction, who: Principal, wanted_us: int | None) -> int | None:
    """Return when a new token expires: no later than the one used to create it."""
    if wanted_us is not None and wanted_us <= clock.now_us():
        raise Invalid("$.expiresTime: this time is over.", path="$.expiresTime")
    if who.grant is None:
        return wanted_us
    own = tokens.find(tx.connection, who.grant.id)
    if own is None:
        raise _invalid()
    return min((us for us in (wanted_us, own.expires_us) if us is not None), default=None)


def _role(who: Principal, wanted: str | None) -> Role:
    role = who.role if wanted is None else Role[wanted.upper()]
    if role > who.role:
        text = f"{who.user} has the role {who.role.word}: a token gives no higher one."
        raise Forbidden(text, path="$.role")
    return role


def _shown(token: TokenRow) -> View:
    view = _view(token)
    return {name: view[name] for name in ("id", "name", "project", "expiresTime")}


def _view(token: TokenRow) -> View:
    return {
        "id": str(token.id),
        "name": token.name,
        "user": token.user,
        "role": token.role,
        "project": token.project,
        "createdTime": clock.to_text(token.created_us),
        "expiresTime": clock.to_text(token.expires_us),
        "isExpired": _is_expired(token),
    }
