"""A page of figures: one file, no script, nothing fetched, Chinese before English."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
"""A page that was tampered with in transit still can't fetch or run anything."""

STYLE: Final = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
  margin: 0 auto; max-width: 68rem; padding: 1rem; color: #1c1f24; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
small, .en { color: #59616d; font-weight: normal; } .en { font-size: .85em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d9dde3; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.pairs td:last-child { overflow-wrap: anywhere; min-width: 8rem; }
.sizes td:nth-child(2), .figures td:not(:first-child) { white-space: nowrap; }
.figures :is(th, td):first-child { position: sticky; left: 0; background: #fff; }
@media (max-width: 30rem) { th, td { padding: .25rem .3rem; } }
th .en { display: block; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
figure { margin: 0; break-inside: avoid; } figcaption { overflow-wrap: anywhere; font-size: .85em; }
svg { width: 100%; height: auto; } img { max-width: 100%; height: auto; }
.none { background: #eef0f3; padding: 2rem 1rem; }
@media print { body { max-width: none; } h2 { break-after: avoid; } }
"""


def both(chinese: str, english: str) -> str:
    """Return a phrase in both languages."""
    return f'{escape(chinese)} <span class="en" lang="en">{escape(english)}</span>'


def section(chinese: str, english: str, *parts: str) -> str:
    """Return a part of the page under its heading."""
    return f"<section><h2>{both(chinese, english)}</h2>{''.join(parts)}</section>"


def paragraph(chinese: str, english: str) -> str:
    """Return a paragraph in both languages."""
    return f'<p>{escape(chinese)}<br><span class="en" lang="en">{escape(english)}</span></p>'


def table(
    heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[object]], kind: str = "wide"
) -> str:
    """Return a table; a cell that holds None is a dash. Cells are escaped."""
    head = "".join(f'<th scope="col">{both(*one)}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(one)}</td>' for one in row)}</tr>" for row in rows)
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="{escape(kind)}"><table>{inside}</table></div>'


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def figure(content: str, caption: str) -> str:
    """Return a picture or plot with its caption; ``content`` is markup, ``caption`` is escaped."""
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>"


def grid(figures: Iterable[str]) -> str:
    """Return figures side by side as far as there is room."""
    return f'<div class="grid">{"".join(figures)}</div>'


def page(chinese: str, english: str, *sections: str) -> str:
    """Return the whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(chinese)} {escape(english)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{both(chinese, english)}</h1>{''.join(sections)}</body></html>\n"
    )
