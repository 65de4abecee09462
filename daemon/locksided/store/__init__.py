"""The durable state, the only package with SQL. It stores and finds; others decide what should happen."""

from locksided.store.errors import NotAStore, StoreContradiction, StoreError, StoreTooNew, StoreUnavailable
from locksided.store.events import EventFilter
from locksided.store.job_filter import JobFilter, JobPage, OrderBy
from locksided.store.job_list import GroupBy, JobList, JobStats
from locksided.store.rows import DedupRow, Dependency, EventRow, JobRow, PoolRow, StateRow, StoredRow, Version
from locksided.store.store import Store
from locksided.store.transaction import Applied, Operation, Saves, Transaction, Unit

__all__ = [
    "Applied",
    "DedupRow",
    "Dependency",
    "EventFilter",
    "EventRow",
    "GroupBy",
    "JobFilter",
    "JobList",
    "JobPage",
    "JobRow",
    "JobStats",
    "NotAStore",
    "Operation",
    "OrderBy",
    "PoolRow",
    "Saves",
    "StateRow",
    "Store",
    "StoreContradiction",
    "StoreError",
    "StoreTooNew",
    "StoreUnavailable",
    "StoredRow",
    "Transaction",
    "Unit",
    "Version",
]
