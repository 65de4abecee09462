"""The daemon's side of the socket: callers and requests; `api` produces the answers.

listeners -> service -> connection -> requests -> calls -> handler
                             outbox <- answers <-
"""

from locksided.server.access import Access, Principal
from locksided.server.calls import AtOnce, Call, Handler
from locksided.server.connection import ClientConnection
from locksided.server.listeners import Listener, ListenError, listen, passed_listeners
from locksided.server.messages import ClientLimits
from locksided.server.service import Server, serve

__all__ = [
    "Access",
    "AtOnce",
    "Call",
    "ClientConnection",
    "ClientLimits",
    "Handler",
    "ListenError",
    "Listener",
    "Principal",
    "Server",
    "listen",
    "passed_listeners",
    "serve",
]
