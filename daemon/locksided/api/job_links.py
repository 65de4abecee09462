"""Links to a job outside of the socket: its web pages, and Keboola's Queue API."""

from urllib.parse import quote

from lockside.documents.web_settings import WebSettings
from locksided.store.rows import JobRow


def links_of(row: JobRow, web: WebSettings) -> dict[str, str]:
    """Return links by name: `page`, `log` and `config` if `web.url` is set, `api` if `web.keboola_url` is."""
    links = {}
    if web.url:
        base = web.url.rstrip("/")
        asked = "" if row.project == web.project else f"?project={quote(row.project, safe='')}"
        links = {"page": f"{base}/jobs/{row.id}{asked}", "log": f"{base}/jobs/{row.id}/log{asked}"}
        if row.component and row.config:
            key = f"{quote(row.component, safe='')}/{quote(row.config, safe='')}"
            links["config"] = f"{base}/configs/{key}{asked}"
    if web.keboola_url:
        links["api"] = f"{web.keboola_url.rstrip('/')}/jobs/{row.id}"
    return links
