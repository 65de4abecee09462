"""The groups of all handlers; every declared method has a handler in one of them."""

from lockside.protocol.methods import METHODS, TEST_METHODS
from locksided.api.actions import ActionMethods
from locksided.api.apply import ApplyMethods
from locksided.api.catalog import CatalogMethods
from locksided.api.clock import ClockMethods
from locksided.api.daemon import DaemonMethods
from locksided.api.dry_run import OrchestrationMethods
from locksided.api.events import EventMethods
from locksided.api.executors import ExecutorMethods
from locksided.api.job_creation import CreationMethods
from locksided.api.jobs import JobMethods
from locksided.api.lineage import LineageMethods
from locksided.api.logs import LogMethods
from locksided.api.notifications import NotificationMethods
from locksided.api.pools import PoolMethods
from locksided.api.previews import PreviewMethods
from locksided.api.records import RecordMethods
from locksided.api.recovery import RecoveryMethods
from locksided.api.schedules import ScheduleMethods
from locksided.api.secrets import SecretMethods
from locksided.api.service import Service
from locksided.api.storage import StorageMethods
from locksided.api.storage_actions import SystemMethods
from locksided.api.storage_jobs import StorageJobMethods
from locksided.api.stored_files import FileMethods
from locksided.api.table_changes import TableChangeMethods
from locksided.api.tokens import SessionMethods, TokenMethods
from locksided.api.triggers import TriggerMethods
from locksided.api.undo import UndoMethods
from locksided.api.vacuum import VacuumMethods
from locksided.api.wait import WaitMethods
from locksided.server.calls import Handler
from locksided.server.handlers import handlers_of

GROUPS = (
    CreationMethods,
    JobMethods,
    WaitMethods,
    RecordMethods,
    LogMethods,
    CatalogMethods,
    SystemMethods,
    ApplyMethods,
    PoolMethods,
    ExecutorMethods,
    ActionMethods,
    OrchestrationMethods,
    ScheduleMethods,
    TriggerMethods,
    RecoveryMethods,
    StorageMethods,
    PreviewMethods,
    StorageJobMethods,
    LineageMethods,
    TableChangeMethods,
    UndoMethods,
    VacuumMethods,
    FileMethods,
    NotificationMethods,
    EventMethods,
    SecretMethods,
    SessionMethods,
    TokenMethods,
    DaemonMethods,
)


def handlers(service: Service) -> dict[str, Handler]:
    """Return the handler of every method of this daemon; raises ValueError for a method without one."""
    groups: list[object] = [group(service) for group in GROUPS]
    methods = METHODS
    if service.test_clock is not None:
        groups.append(ClockMethods(service.test_clock))
        methods = TEST_METHODS
    found: dict[str, Handler] = dict(CatalogMethods(service).of_kinds())
    found |= {name: do for group in groups for name, do in handlers_of(group, methods).items()}
    if missing := methods.keys() - found.keys():
        raise ValueError(f"Methods without a handler: {', '.join(sorted(missing))}")
    return found
