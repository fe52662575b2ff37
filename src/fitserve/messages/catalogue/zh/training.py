"""What a training tells, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    "sentence": "{text}。",
    # The table
    "no_target": "没有目标 {column:quoted}",
    "nothing_to_learn": "无法从中学习",
    "lost_rows": "{count} 行{what}，已略去；{advice}",
    "rows_in_order": "各行按 {column:quoted} 的顺序排列，因此以最后的行来评估；--shuffle 改用随机的行",
    "equal_rows": "{rows} 行与前面的某一行相同{why:if|，因为{why}；按普通行划分|；全部保留，且只在划分的一侧}",
    "in_doubt": "{column:quoted} 列：{reason}",
    "unused_columns": "{count} 列未使用：{reason}（{columns:each|{item}|、}{more:if|，另有 {more} 列|}）",
    "dates_and_random": (
        "{column:quoted} 列是日期，而测试集是随机的：若要预测的是以后的行，请在训练时使用 --time {column!r}"
    ),
    "groups_and_random": (
        "{column:quoted} 列的每个值平均出现 {often:.1f} 次：若同值的行属于一组，请在训练时使用 --group {column!r}"
    ),
    # The search
    "next_to_perfect": "分数近乎完美：请检查是否有某一列或几列之和只有与目标同时才知道，并用 --exclude 排除",
    "no_time_to_try": (
        "{of} 个候选中有 {n} 个没有时间评估；更大的预算可能有帮助"
        "{reasons:if|（{reasons:each|{learner}：{reason}|；}）|}"
    ),
    "time_over": "搜索时间已用完",
    "another_took_long": "它的另一个候选用了{took:seconds}，只剩{left:seconds}",
    "shortest_fits_too_long": "最短的训练也需要{needed:seconds}，只剩{left:seconds}",
    "few_rows_take_long": "{rows} 行的训练需要{needed:seconds}，全部训练只剩{left:seconds}",
    "fits_too_long": "{of} 次训练中的 {n} 次需要{needed:seconds}，只剩{left:seconds}",
    "learner_failed": "学习器 {learner:quoted} {tried:if|的 {n} 个候选|}失败，未参加（{reason}）",
    "no_learner_worked": "除不学习的基线外，没有学习器可用",
    # The choice
    "no_time_for_second_fit": (
        "没有时间在全部 {rows:,} 行上重新训练（约需 {needed:.0f} 秒，只剩 {left:.0f} 秒）："
        "提供服务的模型没有从测试集中学习；更大的预算可能有帮助"
    ),
    # The evaluation
    "nothing_learned": "什么也没有学到：没有学习器比不学习的基线好得超出偶然，因此每一行都得到同一个回答",
    "may_be_chance": (
        "{metric} 在{on}上为 {score:number}，不学习的基线为 {baseline:number}，可能只是偶然：不能确定学到了什么"
    ),
    "lead.none_worse": "没有发现哪一部分数据的误差超出偶然所能解释的范围。",
    "slice": ("{parts:each|{item}|，且 }的行：{error} {mean:number}，其余 {rest:number}，共 {rows:,} 行"),
    # The report
    "parts_failed": "报告有 {n} 个部分未能生成：{parts:each|{item}|、}（原因见报告）",
    "parts_late": "报告有 {n} 个部分没有时间生成：{parts:each|{item}|、}（更大的预算会有）",
    "fault": "fitserve 的缺陷，请报告：{error}{place:if|（{place}，第 {line} 行）|}",
    "asked_of_seen": "没有测试集，因此用模型见过的行来询问：这说明模型依靠什么，而不说明它有多好。",
    "chart.slices": "哪些部分较差",
    "chart.slices.note": "误差超出偶然、比其余各行更大的部分，附 95 % 区间。",
    "chart.importance": "模型依靠什么",
    "chart.importance.note": (
        "在 {rows:,} 行中打乱某一列的值，{metric} 会变差多少；线段为 {repeats} 次打乱的 95 % 区间。"
        "含义相同的列分担重要性。{asked:if|{asked}|}"
    ),
    "chart.robustness": "什么会干扰模型",
    "chart.robustness.note": (
        "数据有问题时的分数：数值加上各列标准差十分之一的噪声，取自其他行的类别，相邻字符对调，整列缺失。"
    ),
    "chart.learners": "各学习器",
    "chart.learners.note": (
        "每个学习器的最佳候选，以{on}评估。即使区间重叠，差异也可能超出偶然，因为都在相同的行上评估：见表。"
    ),
    "chart.learning_curve": "更多的行有帮助吗？",
    "chart.learning_curve.note": "每个模型都在相同的行上评估，附区间。",
    "learning.flat": (
        "训练行从 {before:,} 增加到 {after:,}，{metric} 变化 {gain:number}，不超出偶然："
        "更多同类的行帮助不大，其他列或许有用。"
    ),
    "learning.better": (
        "训练行从 {before:,} 增加到 {after:,}，{metric} 变化 {gain:number}：仍在变好，更多的行可能有帮助。"
    ),
    "learning.worse": (
        "训练行从 {before:,} 增加到 {after:,}，{metric} 变化 {gain:number}：反而变差；请检查是否有不该在这里的行。"
    ),
    "unavailable.few_rows": "只有 {rows} 行，数据太少",
    "unavailable.too_few_to_ask": "可供询问模型的行太少",
    "unavailable.no_test_part": "没有可用于评判的测试集",
    "unavailable.few_training_rows": "{rows} 个训练行太少，无法再取部分",
    "unavailable.budget_over": "预算已用完",
}
