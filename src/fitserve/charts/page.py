"""A self-contained HTML page: text, tables and Vega-Lite charts.

Everything that comes from data is escaped here and nowhere else: build with `text`, `table` and `chart`, and put
only what they return into a `Section`.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from fitserve import formatting

Html = str
"""Markup that is safe to put into a page."""
Spec = Mapping[str, Any]
"""A Vega-Lite specification; the page adds schema, size and colours where it names none."""

_SCRIPTS = ("vega.min.js", "vega-lite.min.js")
# A page may show what came in a stranger's bundle: whatever that says, it can fetch nothing and send nothing.
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with a heading; ``anchor`` is its name in links."""

    title: str
    anchor: str
    body: Html


def text(value: object) -> Html:
    """A value as text."""
    return html.escape(str(value))


def paragraph(value: object) -> Html:
    """A paragraph of text."""
    return f"<p>{text(value)}</p>"


def bullets(items: Sequence[Html]) -> Html:
    """A list of what is already markup."""
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""


def table(heads: Sequence[object], rows: Sequence[Sequence[object]], *, marked: bool = False) -> Html:
    """A table; numbers stand to the right. ``marked`` says that cells are markup already."""
    shown: list[str] = []
    for row in rows:
        cells = []
        for cell in row:
            number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
            body = cell if marked and isinstance(cell, str) else text(figure(cell) if number or cell is None else cell)
            cells.append(f'<td class="n">{body}</td>' if number or cell is None else f"<td>{body}</td>")
        shown.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>{text(each)}</th>" for each in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(shown)}</tbody></table></div>'


def figure(value: object) -> str:
    """A number in four digits; "–" for none."""
    if value is None or isinstance(value, float):
        return formatting.number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def chart(spec: Spec, title: str = "", note: str = "", height: int = 240) -> Html:
    """A chart that is drawn when it comes into view, as wide as its place, with a caption below."""
    whole = {"width": "container", "height": height, **spec}
    if "hconcat" in spec or "vconcat" in spec or "facet" in spec:
        whole = dict(spec)
    data = orjson.dumps(whole, option=orjson.OPT_SERIALIZE_NUMPY).decode().replace("<", "\\u003c")
    head = f"<h3>{text(title)}</h3>" if title else ""
    caption = f"<figcaption>{text(note)}</figcaption>" if note else ""
    # The place has its height before it is drawn, so that the page does not jump while it is read.
    place = f'<div class="chart" style="min-height:{height + 40}px"></div>'
    script = f'<script type="application/json">{data}</script>'
    return f"<figure>{head}{place}{script}{caption}</figure>"


def grid(parts: Sequence[Html]) -> Html:
    """Parts beside each other where the window is wide enough."""
    return f'<div class="grid">{"".join(parts)}</div>'


def bars(shares: Sequence[float], label: str) -> Html:
    """A histogram as small as a word: heights from 0 to 1, of any number of bins."""
    n = max(len(shares), 1)
    width = 96 / n
    drawn = "".join(
        f"M{i * width:.4g} 20v{-max(20 * share, 1):.3g}h{max(width - 0.8, 0.6):.3g}V20z"
        for i, share in enumerate(shares)
        if share > 0
    )
    return f'<svg class="bars" viewBox="0 0 96 20" role="img" aria-label="{text(label)}"><path d="{drawn}"/></svg>'


def page(title: str, lead: Html, sections: Sequence[Section], language: str = "en") -> str:
    """The whole document. ``lead`` stands below the title, before the list of sections."""
    links = "".join(f'<a href="#{text(section.anchor)}">{text(section.title)}</a>' for section in sections)
    body = "".join(
        f'<section id="{text(section.anchor)}"><h2>{text(section.title)}</h2>{section.body}</section>'
        for section in sections
    )
    scripts = "".join(f"<script>{_script(name)}</script>" for name in _SCRIPTS) if 'class="chart"' in body else ""
    return (
        f'<!doctype html><html lang="{text(language)}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{text(title)}</title>'
        f"<style>{_asset('page.css')}</style></head><body><header><h1>{text(title)}</h1>{lead}<nav>{links}</nav>"
        f"</header><main>{body}</main>{scripts}<script>{_asset('page.js')}</script></body></html>"
    )


def fragment(body: Html) -> str:
    """A part of a page for a notebook, in a frame of its own so that neither changes the other."""
    document = page("", "", [Section("", "view", body)])
    return f'<iframe style="width:100%;height:640px;border:0" srcdoc="{html.escape(document)}"></iframe>'


@cache
def _script(name: str) -> str:
    source = files("fitserve.charts").joinpath("vega", name).read_text(encoding="utf-8")
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")


@cache
def _asset(name: str) -> str:
    return files("fitserve.charts").joinpath(name).read_text(encoding="utf-8")
