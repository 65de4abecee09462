"""A list of a few plain members reads little of each job, and shows the same as the whole job."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lockside.documents.web_settings import WebSettings
from lockside.protocol.words import Role
from locksided.api.brief_jobs import BRIEF, brief_view, is_brief
from locksided.api.job_views import JobViews
from locksided.core.saves import InsertJob
from locksided.runs.specification import NO_SPECIFICATION
from locksided.secrets.keys import KeyFile, Keys, Source
from locksided.secrets.vault import Vault
from locksided.server.access import Principal
from locksided.store import sql
from locksided.store.job_filter import JobFilter, JobPage, OrderBy
from locksided.store.job_list import list_jobs
from locksided.store.rows import BriefRow
from locksided.store.writes import write
from store.samples import NOW, new

OWNER = {"owner_uid": 7, "owner_gid": 8, "owner_name": "ann"}
VAULT = Vault(Keys(KeyFile(Source.SETTING, Path("none"))))
JOBS: list[InsertJob] = [
    new(1),
    new(2, labels={"team": "a"}, component="ex.a", config="daily", mode="debug", **OWNER),
    new(
        3,
        run_id="2.3",
        parent_id=2,
        relation="strong",
        status="processing",
        start_us=NOW + 5,
        owner_via="web",
    ),
    new(4, status="processing", start_us=NOW, paused_us=3_000_000, paused_since_us=NOW + 9_000_000),
    new(5, status="error", start_us=NOW, end_us=NOW + 7, duration_us=7, updated_us=NOW + 8, branch_id="dev"),
]


@pytest.mark.parametrize("order", OrderBy)
def test_each_member_is_shown_as_in_the_whole_job(order: OrderBy) -> None:
    now_us = NOW + 60_000_000
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sql.schema())
        write(connection, JOBS)
        page = JobPage(order_by=order)
        whole = list_jobs(connection, JobFilter(), page).rows
        brief = list_jobs(connection, JobFilter(), JobPage(order_by=order, record=BriefRow)).rows
    views = JobViews(1, str, "Main", Principal(0, 0, "root", (), Role.ADMIN, 1), now_us, VAULT, WebSettings())
    shown = brief_view(sorted(BRIEF), "Main", now_us)
    all_of: list[dict[str, Any]] = [views.view(row, NO_SPECIFICATION, None, None, []) for row in whole]
    assert list(map(shown, brief)) == [{name: one[name] for name in BRIEF} for one in all_of]
    assert len(brief) == len(JOBS)


def test_other_members_require_the_whole_job() -> None:
    assert is_brief(["status"])
    assert not is_brief(None)
    assert not is_brief(["status", "result"])
