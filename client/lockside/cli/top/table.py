"""The table of jobs in the live view: kept up to date and fitted to the available width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from textual.widgets import DataTable

from lockside.cli import times
from lockside.cli.top import rows
from lockside.cli.top.usage import Usage

Json = dict[str, Any]

_PADDING = 2
_LEAST_NAME, _LEAST_STATE = 20, 10


class JobTable(DataTable[Text]):
    """A row for each job, by its id; `jobs` has the jobs shown."""

    def __init__(self, id: str) -> None:  # noqa: A002 - textual calls it so
        super().__init__(id=id, cursor_type="row", cursor_foreground_priority="renderable")
        self.jobs: dict[str, Json] = {}

    def on_mount(self) -> None:
        """Create the columns."""
        for name in rows.COLUMNS:
            self.add_column(rows.HEADINGS[name], key=name, width=10)

    @property
    def selected(self) -> Json | None:
        """The job under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key
        return self.jobs.get(str(key.value))

    def show_jobs(self, listed: list[rows.Row], usage: Mapping[str, Usage], room: int) -> None:
        """Show these jobs in `room` columns; unchanged cells are not updated."""
        if not self.columns:
            return
        before = self.selected
        self.jobs = {str(row.job["id"]): row.job for row in listed}
        widths = self._widths(listed, room)
        now = times.now()
        cells = {
            number: rows.cells(row, usage.get(number), now, widths)
            for number, row in zip(self.jobs, listed, strict=True)
        }
        if [str(key.value) for key in self.rows] != list(cells):
            self._refill(cells, before)
            return
        for number, row in cells.items():
            for name, cell in zip(rows.COLUMNS, row, strict=True):
                if self.get_cell(number, name) != cell:
                    self.update_cell(number, name, cell)

    def _refill(self, cells: dict[str, list[Text]], selected: Json | None) -> None:
        """Refill the table; the cursor stays on its job, or near its place if the job is gone."""
        place, scrolled = self.cursor_row, self.scroll_y
        self.clear()
        for number, row in cells.items():
            self.add_row(*row, key=number)
        if selected is not None and str(selected["id"]) in cells:
            place = list(cells).index(str(selected["id"]))
        if cells:
            self.move_cursor(row=min(place, len(cells) - 1), animate=False, scroll=False)
        self.scroll_to(y=scrolled, animate=False)

    def _widths(self, listed: list[rows.Row], room: int) -> dict[str, int]:
        """Return the widths of columns: names get what they need up to a share, the last column the rest."""
        longest = max((row.width for row in listed), default=12)
        widths = {"for": rows.FOR, "cpu": rows.CPU, "memory": rows.MEMORY}
        widths["job"] = min(longest, max(_LEAST_NAME, room // 3))
        widths["id"] = max((len(str(row.job["id"])) for row in listed), default=2)
        taken = sum(widths.values()) + _PADDING * len(rows.COLUMNS)
        widths["state"] = max(_LEAST_STATE, room - taken)
        for name, column in zip(rows.COLUMNS, self.ordered_columns, strict=True):
            column.width = widths[name]
            heading = rows.HEADINGS[name]
            column.label = Text(heading.rjust(widths[name]) if name in rows.RIGHT else heading)
        return widths
