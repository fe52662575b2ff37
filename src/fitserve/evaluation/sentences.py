"""What a report says, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitserve.messages import AnyMessage, Message, render
from fitserve.tasks import get_task


def served_words(learned: int, served: int, language: str = "en") -> str:
    """What the served model has learned from, in rows, and whether the scores are its own; English or Chinese ("zh").

    ``learned`` is what the model that was evaluated has learned from.
    """
    return _SERVED[language][served > learned].format(learned=f"{learned:,}", served=f"{served:,}")


_SERVED: Mapping[str, Mapping[bool, str]] = {
    "en": {
        True: (
            "The scores are those of a model that has learned from {learned} rows and not from the test part; what is "
            "served was then fitted again in the same way on all {served} rows."
        ),
        False: "What is served has learned from {served} rows.",
    },
    "zh": {
        True: (
            "以上分数属于只从 {learned} 行（不含测试集）中学习的模型；"
            "实际提供服务的模型随后以同样的方式在全部 {served} 行上重新训练。"
        ),
        False: "提供服务的模型从 {served} 行中学习。",
    },
}


def as_sentence(message: AnyMessage) -> Message:
    """A finding as a sentence of a page."""
    return Message("sentence", {"text": message})


def lead(report: Mapping[str, Any], quality: Message | None, spoken: str) -> list[Message]:
    """How good it is, compared with what, where bad, how sure: a message each.

    ``quality`` is the task's own one, of the score ``spoken``.
    """
    scores, intervals, baseline = report["scores"], report["intervals"], report["baseline"]
    sentences = [] if quality is None else [quality]
    metric = report["metric"]
    if (metric != spoken or quality is None) and scores.get(metric) is not None:
        greater = get_task(report["task"]).metrics[metric].greater_is_better
        figures = {"score": scores[metric], "ends": intervals.get(metric), "baseline": baseline.get(metric)}
        sentences.append(Message("lead.score", {"metric": metric, "greater": greater, **figures}))
    if report.get("slices"):
        worst = slice_message(report["slices"][0], report["task"])
        sentences.append(Message("lead.worst", {"slice": worst}))
    elif "slices" not in report["skipped"]:
        sentences.append(Message("lead.none_worse"))
    return [*sentences, *(as_sentence(each) for each in gap_messages(report))]


def gap_messages(report: Mapping[str, Any], most: int = 3) -> list[Message]:
    """What leaving a column out does where that is more than its importance explains, for each such column."""
    metric, gaps = report["metric"], report.get("costly_gaps", ())[:most]
    if not gaps:
        return []
    falls = get_task(report["task"]).metrics[metric].greater_is_better
    names = ("column", "score", "without", "low", "high", "explained")
    return [
        Message("costly_gap", {"metric": metric, "falls": falls, **{name: each[name] for name in names}})
        for each in gaps
    ]


def gap_sentences(report: Mapping[str, Any], most: int = 3) -> list[str]:
    """The same in sentences."""
    return [render(as_sentence(each)) for each in gap_messages(report, most)]


def error_of(task: str) -> Message:
    """What a row's error is called."""
    return Message(f"{task}.error")


def slice_message(found: Mapping[str, Any], task: str) -> Message:
    """Which rows, how bad, how bad the others, how many."""
    figures = {name: found[name] for name in ("mean", "rest", "rows")}
    return Message("slice", {"parts": found.get("codes", found["parts"]), "error": error_of(task), **figures})


def slice_sentence(found: Mapping[str, Any], task: str) -> str:
    """The same in words."""
    return render(slice_message(found, task))


def evaluated_on(report: Mapping[str, Any]) -> str:
    """On which rows, and what the intervals are."""
    groups = f" in {report['groups']:,} groups" if report.get("groups") else ""
    drawn = "groups" if groups else "rows"
    on = render(report["on"])
    return (
        f"Evaluated on {on}: {report['rows']:,} rows{groups}. In brackets: 95 % intervals, by a bootstrap over "
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
