"""A real browser draws every chart of a report, without a network and under the page's own policy."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fitserve.evaluation.evaluate import evaluate_model
from fitserve.evaluation.tasks.classification.charts import threshold_chart
from fitserve.prediction import Predictor

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
ALL_IN_VIEW = (
    "window.IntersectionObserver = class { constructor(tell) { this.tell = tell; } unobserve() {} "
    "observe(place) { this.tell([{ isIntersecting: true, target: place }]); } };"
)


def drawn(page: str, folder: Path) -> tuple[int, list[str]]:
    """How many charts were drawn, and what the page says of those that were not."""
    path = folder / "page.html"
    path.write_text(page.replace("<script>", f"<script>{ALL_IN_VIEW}</script><script>", 1), encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--proxy-server=127.0.0.1:9",
               f"--user-data-dir={folder / 'browser'}", "--virtual-time-budget=60000", "--dump-dom", path.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seen = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    return seen.count('data-drawn="yes"'), re.findall(r"This chart cannot be drawn[^<]*", seen)


@pytest.mark.skipif(BROWSER is None, reason="no chromium here to open the page with")
@pytest.mark.parametrize("name", ["price", "label"])
def test_every_chart_of_a_report_is_drawn(
    name: str, price: Predictor, label: Predictor, rows: pl.DataFrame, tmp_path: Path
) -> None:
    noise = pl.Series(np.random.default_rng(0).normal(size=rows.height))
    shaken = rows.with_columns(price=pl.col("price") + noise * 200 * (pl.col("town") == "Kiel"))
    evaluation = evaluate_model({"price": price, "label": label}[name], shaken)
    charts = evaluation.report["charts"]
    assert len(charts) >= 7
    assert drawn(evaluation.html(), tmp_path) == (len(charts), [])


def test_the_threshold_explorer_counts_what_it_says() -> None:
    points = [{"threshold": 0.5, "hits": 3, "false_alarms": 1, "misses": 2}]
    chart = threshold_chart({"own": 0.5, "rows": 10, "positive": 5, "points": points}, 'it\'s "odd" </script>')
    assert [each["name"] for each in chart["spec"]["params"]] == ["false_alarm_costs", "miss_costs", "at"]
    assert "odd" not in str(chart["spec"])  # what comes from data is in no expression
