"""Pages: what comes from data cannot become markup, and a real browser draws the charts with the network off."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitserve.charts.page import Section, bars, bullets, chart, figure, fragment, grid, page, paragraph, table, text

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SPEC = {
    "data": {"values": [{"level": "a</script><b>", "n": 3}, {"level": "b", "n": 5}]},
    "mark": "bar",
    "encoding": {"x": {"field": "level", "type": "nominal"}, "y": {"field": "n", "type": "quantitative"}},
}


@given(st.text())
def test_no_text_becomes_markup(value: str) -> None:
    built = page(value, paragraph(value), [Section(value, "a", table([value], [[value]]) + bullets([text(value)]))])
    # Without the scripts and styles of ours, every tag is one that the page wrote itself.
    outside = re.sub(r"<(script|style)>.*?</\1>", "", built, flags=re.DOTALL)
    tags = {tag.lower() for tag in re.findall(r"<\s*/?\s*([a-zA-Z!][a-zA-Z0-9]*)", outside)}
    known = "!doctype html head meta title body header h1 h2 p nav a main section div table thead tbody tr th td ul li"
    assert tags - {"!doctype", "!"} <= set(known.split())


@given(st.text())
def test_a_chart_keeps_its_data_whatever_they_say(value: str) -> None:
    built = chart({"data": {"values": [{"x": value}]}})
    found = re.search(r'<script type="application/json">(.*?)</script>', built, flags=re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["data"]["values"] == [{"x": value}]


def test_numbers_are_short_and_stand_right() -> None:
    assert [figure(x) for x in (None, float("nan"), 1234567, 0.123456, 20000.0, 1e9 + 0.5)] == [
        "–", "–", "1,234,567", "0.1235", "20,000", "1,000,000,000",
    ]  # fmt: skip
    assert '<td class="n">1.5</td>' in table(["x"], [[1.5]])


def test_tiny_bars_show_every_bin_that_has_something() -> None:
    heights = [float(height) for height in re.findall(r"v-([0-9.]+)", bars([0.0, 0.001, 1.0], "x"))]
    assert len(heights) == 2
    assert 0 < heights[0] < heights[1]


def test_a_page_without_charts_carries_no_scripts_of_others() -> None:
    assert len(page("t", "", [Section("s", "s", "<p>x</p>")])) < 20_000


def test_a_page_asks_for_nothing_from_elsewhere() -> None:
    built = page("t", "", [Section("s", "s", chart(SPEC))])
    assert not re.search(r'(?:src|href)="(?!#)', built)
    assert "@import" not in built


@pytest.mark.skipif(BROWSER is None, reason="no chromium here to open the page with")
def test_a_browser_draws_the_charts(tmp_path: Path) -> None:
    built = page("t", "", [Section("s", "s", grid([chart(SPEC, "One"), chart(SPEC, "Two")]))])
    assert drawn(built, tmp_path) == 2


@pytest.mark.skipif(BROWSER is None, reason="no chromium here to open the page with")
def test_a_notebook_shows_the_same_in_a_frame(tmp_path: Path) -> None:
    inside = re.search(r'srcdoc="(.*)"></iframe>', fragment(chart(SPEC)), flags=re.DOTALL)
    assert inside is not None
    assert drawn(html.unescape(inside[1]), tmp_path) == 1


def drawn(built: str, folder: Path) -> int:
    """How many charts a browser without a network has drawn."""
    path = folder / "page.html"
    path.write_text(built, encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--proxy-server=127.0.0.1:9",
               f"--user-data-dir={folder / 'browser'}", "--virtual-time-budget=20000", "--dump-dom", path.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert "This chart cannot be drawn" not in re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    return done.stdout.count('data-drawn="yes"')
