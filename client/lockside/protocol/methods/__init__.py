# ruff: noqa: F401 - a module is imported for its declarations
"""Every method of the wire, each declared once with its parameters, in the order in which they are listed."""

from typing import Final

from msgspec import Struct

# isort: off
import lockside.protocol.methods.jobs
import lockside.protocol.methods.steering
import lockside.protocol.methods.output
import lockside.protocol.methods.catalog
import lockside.protocol.methods.pools
import lockside.protocol.methods.schedules
import lockside.protocol.methods.triggers
import lockside.protocol.methods.recovery
import lockside.protocol.methods.orchestrations
import lockside.protocol.methods.actions
import lockside.protocol.methods.storage
import lockside.protocol.methods.stored_files
import lockside.protocol.methods.systems
import lockside.protocol.methods.table_jobs
import lockside.protocol.methods.table_reads
import lockside.protocol.methods.table_changes
import lockside.protocol.methods.notifications
import lockside.protocol.methods.events
import lockside.protocol.methods.secrets
import lockside.protocol.methods.tokens
import lockside.protocol.methods.daemon
from lockside.protocol.methods.clock import CLOCK_METHODS

# isort: on
from lockside.protocol.declaration import METHODS, Method
from lockside.protocol.kind_methods import declare_all
from lockside.protocol.types.events import EventLost, EventPush

__all__ = ["METHODS", "NOTIFICATIONS", "TEST_METHODS", "Method"]

declare_all()

TEST_METHODS: Final[dict[str, Method]] = METHODS | CLOCK_METHODS
"""What a daemon with a test clock offers."""

NOTIFICATIONS: Final[dict[str, type[Struct]]] = {"event": EventPush, "event.lost": EventLost}
