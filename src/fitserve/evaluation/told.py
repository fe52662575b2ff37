"""What a report says, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitserve.formatting import number, with_interval
from fitserve.tasks import get_task


def served_words(judged: int, served: int, language: str = "en") -> str:
    """What the served model has learned from, in rows, and whether the scores are its own; English or Chinese ("zh").

    ``judged`` is what the model that was judged has learned from.
    """
    return _SERVED[language][served > judged].format(judged=f"{judged:,}", served=f"{served:,}")


_SERVED: Mapping[str, Mapping[bool, str]] = {
    "en": {
        True: (
            "The scores are those of a model that has learned from {judged} rows and not from the test part; what is "
            "served was then fitted again in the same way on all {served} rows."
        ),
        False: "What is served has learned from {served} rows.",
    },
    "zh": {
        True: (
            "以上分数属于只从 {judged} 行（不含测试集）中学习的模型；"
            "实际提供服务的模型随后以同样的方式在全部 {served} 行上重新训练。"
        ),
        False: "提供服务的模型从 {served} 行中学习。",
    },
}


def as_sentence(told: str) -> str:
    """A finding as a sentence of a page."""
    return f"{told[0].upper()}{told[1:]}."


def lead(report: Mapping[str, Any], quality: str, spoken: str) -> list[str]:
    """How good it is, compared with what, where bad, how sure: a sentence each.

    ``quality`` is the task's own one, of the score ``spoken``.
    """
    scores, intervals, baseline = report["scores"], report["intervals"], report["baseline"]
    told = [quality] if quality else []
    metric = report["metric"]
    if (metric != spoken or not quality) and scores.get(metric) is not None:
        within = with_interval(scores[metric], intervals.get(metric))
        way = get_task(report["task"]).metrics[metric].better
        told.append(f"Its {metric} is {within}; without learning, {number(baseline.get(metric))} ({way} is better).")
    if report.get("slices"):
        told.append(f"Worst on {slice_sentence(report['slices'][0], report['task'])}.")
    elif "slices" not in report["skipped"]:
        told.append("No part of the rows was found that is worse than chance explains.")
    return told + gap_sentences(report)


def gap_sentences(report: Mapping[str, Any], most: int = 3) -> list[str]:
    """What leaving a column out does where that is more than its importance explains, a sentence for each column."""
    metric, gaps = report["metric"], report.get("costly_gaps", ())[:most]
    if not gaps:
        return []
    way = "falls" if get_task(report["task"]).metrics[metric].greater_is_better else "grows"
    return [
        f"Without `{each['column']}` {metric} {way} from {number(each['score'])} to {number(each['without'])} "
        f"({number(each['low'])} to {number(each['high'])}), far more than its importance explains "
        f"({number(each['explained'])} when its values are shuffled): always send it, and look at its gaps and "
        "outliers."
        for each in gaps
    ]


def slice_sentence(found: Mapping[str, Any], task: str) -> str:
    """Which rows, how bad, how bad the others, how many."""
    error = get_task(task).error["en"]
    return (
        f"rows with {found['where']}: {error} {number(found['mean'])}, elsewhere {number(found['rest'])}, "
        f"{found['rows']:,} rows"
    )


def judged_on(report: Mapping[str, Any]) -> str:
    """On which rows, and what the intervals are."""
    groups = f" in {report['groups']:,} groups" if report.get("groups") else ""
    drawn = "groups" if groups else "rows"
    return (
        f"Judged on {report['on']}: {report['rows']:,} rows{groups}. In brackets: 95 % intervals, by a bootstrap over "
        f"{drawn}. “Without learning” is the same answer for every row."
    )


def learners_sentence(learners: Sequence[Mapping[str, Any]]) -> str:
    """Which learners are as good as the best one within chance."""
    if not learners:
        return ""
    best, *others = learners
    alike = [each["learner"] for each in others if each["within_chance"]]
    if not others:
        return ""
    if not alike:
        return f"{best['learner']} is better than every other learner by more than chance."
    return f"As good as {best['learner']} within chance: {', '.join(alike)}."
