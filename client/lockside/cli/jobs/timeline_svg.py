"""A timeline as a picture: a self-contained SVG, alone or in a page with its figures. Pure."""

from __future__ import annotations

import html
import re

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.cli.terminal.output import display_width, fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.jobs.timeline import Bar, Timeline

_COLOURS = {
    "processing": "#2f80d0",
    "terminating": "#a04fc4",
    "success": "#2f9e60",
    "warning": "#d9a013",
    "error": "#d64545",
    "cancelled": "#9aa3ad",
    "terminated": "#a04fc4",
    "created": "#9aa3ad",
    "waiting": "#d9a013",
}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ROW = 26
_TOP = 64
_CHART = 760
_MARGIN = 20
_CHARACTER = 7.3
_RIGHT = 90
_STYLE = """
text{font:13px system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#24292f}
.title{font-weight:600;font-size:16px}
.dim{fill:#6b7580}
.axis{font-size:11px;fill:#6b7580}
.grid{stroke:#e3e7eb;stroke-width:1}.stripe{fill:#f6f8fa}.paper{fill:#ffffff}
.wait{stroke:#b8860b;stroke-width:2;stroke-dasharray:2 3;opacity:.75}
.tree{stroke:#c5ccd3;stroke-width:1.2;fill:none}
"""


def escape(text: str) -> str:
    """Escape a text for XML, and replace characters that XML does not allow."""
    return html.escape(_NO_XML.sub("\ufffd", text))


def svg(drawn: Timeline) -> str:
    """Draw a timeline as an SVG document."""
    left = _left(drawn)
    width = round(_MARGIN + left + _CHART + _RIGHT + _MARGIN)
    height = _TOP + _ROW * len(drawn.bars) + 44
    shape = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {shape} role="img" aria-label="{escape(_title(drawn))}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="{_MARGIN}" y="30">{escape(_title(drawn))}</text>',
        *_rows(drawn, width),
        *_axis(drawn, left, height),
        *(piece for place, bar in enumerate(drawn.bars) for piece in _bar(drawn, bar, place, left)),
        *_legend(drawn, height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(drawn: Timeline) -> str:
    job = drawn.job
    how = describe.ending(job) if job.get("isFinished") else str(job["status"])
    return fit(f"{describe.called(job)}: {how}", 110)


def _left(drawn: Timeline) -> float:
    longest = max(display_width(bar.name) + _depth(bar) * 2.4 + len(bar.job) + 3 for bar in drawn.bars)
    return min(420.0, longest * _CHARACTER + 16)


def _depth(bar: Bar) -> int:
    return len(bar.lines) // 3


def _rows(drawn: Timeline, width: int) -> list[str]:
    """Stripe every second row, so that the eye can follow a row from its name to its bar."""
    return [
        f'<rect class="stripe" x="{_MARGIN / 2}" y="{_TOP + place * _ROW}" '
        f'width="{width - _MARGIN}" height="{_ROW}" rx="4"/>'
        for place in range(0, len(drawn.bars), 2)
    ]


def _x(drawn: Timeline, left: float, seconds: float) -> float:
    return round(_MARGIN + left + seconds / drawn.seconds * _CHART, 1)


def _axis(drawn: Timeline, left: float, height: int) -> list[str]:
    parts = []
    for at, text in drawn.ticks(8):
        x = _x(drawn, left, at)
        parts.append(f'<line class="grid" x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{height - 40}"/>')
        parts.append(f'<text class="axis" x="{x}" y="{_TOP - 9}" text-anchor="middle">{text}</text>')
    return parts


def _bar(drawn: Timeline, bar: Bar, place: int, left: float) -> list[str]:
    """Draw a row: the name, a dotted line for waiting, a bar for running, and the duration."""
    middle = _TOP + place * _ROW + _ROW / 2
    indent = _MARGIN + _depth(bar) * 16
    room = int((left - _depth(bar) * 16 - 16) / _CHARACTER)
    number = f' <tspan class="dim">{bar.job}</tspan>' if bar.lines == "" or _is_job(drawn, bar) else ""
    name = escape(fit(bar.name, max(6, room - len(bar.job) - 1)))
    parts = [f"<g><title>{escape(_tip(drawn, bar))}</title>"]
    if bar.lines:
        parts.append(f'<path class="tree" d="{_tree_lines(bar, middle)}"/>')
    parts.append(f'<text x="{indent}" y="{middle + 4.5}">{name}{number}</text>')
    begin = bar.end if bar.begin is None else bar.begin
    x, until = _x(drawn, left, begin), _x(drawn, left, bar.end)
    if begin > bar.created:
        parts.append(
            f'<line class="wait" x1="{_x(drawn, left, bar.created)}" y1="{middle}" x2="{x}" y2="{middle}"/>'
        )
    if bar.begin is not None:
        parts.append(_rectangle(bar, x, until, middle))
    said = times.span(bar.ran) if bar.ran is not None else bar.status
    parts.append(f'<text class="axis" x="{max(until, x) + 7}" y="{middle + 4}">{escape(said)}</text></g>')
    return parts


def _tree_lines(bar: Bar, middle: float) -> str:
    """Draw the tree lines that lead to a row, as in its text."""
    drawn = ""
    for depth in range(_depth(bar)):
        x, piece = _MARGIN + depth * 16 + 7, bar.lines[depth * 3]
        if piece != " ":
            drawn += f"M{x} {middle - _ROW / 2}V{middle if piece == '└' else middle + _ROW / 2}"
        if piece in "├└":
            drawn += f"M{x} {middle}h6"
    return drawn


def _rectangle(bar: Bar, x: float, until: float, middle: float) -> str:
    """Draw the time that a job ran; thin for containers, which do no work themselves."""
    thick, opacity = (5, 0.55) if bar.is_container else (14, 1)
    return (
        f'<rect x="{x}" y="{middle - thick / 2}" width="{max(2.5, until - x):.1f}" height="{thick}" rx="2.5" '
        f'fill="{_COLOURS.get(bar.status, "#6b7580")}" opacity="{opacity}"/>'
    )


def _is_job(drawn: Timeline, bar: Bar) -> bool:
    """Return whether a row is a job's, and not that of a stage of the only job."""
    return bar.job != str(drawn.job["id"])


def _tip(drawn: Timeline, bar: Bar) -> str:
    waited = f", waited {times.span(bar.waited)}" if bar.waited >= 0.01 else ""
    ran = f", ran {times.span(bar.ran)}" if bar.ran is not None else ""
    more = f"\n{bar.detail}" if bar.detail else ""
    return f"{bar.name} (job {bar.job}): {bar.status}{waited}{ran}{more}"


def _legend(drawn: Timeline, height: int) -> list[str]:
    y = height - 18
    parts = [f'<line class="wait" x1="{_MARGIN}" y1="{y - 4}" x2="{_MARGIN + 26}" y2="{y - 4}"/>']
    parts.append(f'<text class="axis" x="{_MARGIN + 33}" y="{y}">waited</text>')
    x = _MARGIN + 92
    for status in dict.fromkeys(bar.status for bar in drawn.bars if bar.begin is not None):
        parts.append(
            f'<rect x="{x}" y="{y - 10}" width="14" height="11" rx="2" fill="{_COLOURS.get(status)}"/>'
        )
        parts.append(f'<text class="axis" x="{x + 20}" y="{y}">{status}</text>')
        x += 34 + 7 * len(status)
    begun = f"{drawn.zero.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    parts.append(f'<text class="axis" x="{x + 10}" y="{y}">0 is {begun}</text>')
    return parts


_PAGE = """<!doctype html>
<html lang="en"><head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body{{font:14px system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;color:#24292f}}
body{{margin:24px;background:#fff}}
svg{{max-width:100%;height:auto;border:1px solid #e3e7eb;border-radius:8px}}
table{{border-collapse:collapse;margin-top:20px}}
th,td{{text-align:left;padding:4px 14px 4px 0;vertical-align:top}}
th{{color:#6b7580;font-weight:500;border-bottom:1px solid #e3e7eb}}
td.n{{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}}
td{{border-bottom:1px solid #f0f2f4}}.s{{font-weight:600}}
</style></head><body>
{svg}
<table><tr><th>job</th><th>id</th><th>status</th><th>waited</th><th>ran</th><th></th></tr>
{rows}
</table></body></html>
"""


def page(drawn: Timeline) -> str:
    """Put a timeline into an HTML page, with its figures as a table below."""
    return _PAGE.format(
        title=escape(_title(drawn)), svg=svg(drawn), rows="\n".join(map(_figures, drawn.bars))
    )


def _figures(bar: Bar) -> str:
    ran = times.span(bar.ran) if bar.ran is not None else ""
    waited = times.span(bar.waited) if bar.waited >= 0.01 else ""
    colour = _COLOURS.get(bar.status, "#6b7580")
    return (
        f'<tr><td style="padding-left:{_depth(bar) * 18}px">{escape(bar.name)}</td><td>{bar.job}</td>'
        f'<td class="s" style="color:{colour}">{bar.status}</td><td class="n">{waited}</td>'
        f'<td class="n">{ran}</td><td>{escape(bar.detail)}</td></tr>'
    )
