"""`vacuum`: remove table data that is no longer kept."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def vacuum(session: Session, parsed: Parsed) -> int:
    """Create a job for each owner of buckets, and wait for them unless told to detach."""
    jobs = session.call("storage.vacuum", **parsed.members())["jobs"]
    if not parsed.flag("detach"):
        jobs = [session.call_patiently("job.wait", id=job["id"], timeoutSeconds=3600) for job in jobs]
    if not session.out.is_given({"jobs": jobs}):
        for job in jobs:
            session.out.line(f"job {job['id']}: {job['status']}: {job['message'] or ''}".rstrip(": "))
    failed = any(job["status"] in ("error", "terminated", "cancelled") for job in jobs)
    return exits.FAILED if failed else exits.DONE
