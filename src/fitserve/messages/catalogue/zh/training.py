"""What a training tells, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    "sentence": "{told}。",
    "chosen_by_user": "由用户指定",
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
    "no_time_to_judge": "{of} 个候选中有 {n} 个没有时间评估；更大的预算可能有帮助",
    "learner_failed": "学习器 {learner:quoted} {tried:if|的 {n} 个候选|}失败，未参加（{reason}）",
    "no_learner_worked": "除不学习的基线外，没有学习器可用",
    # The choice
    "no_time_for_second_fit": (
        "没有时间在全部 {rows:,} 行上重新训练（约需 {needed:.0f} 秒，只剩 {left:.0f} 秒）："
        "提供服务的模型没有从测试集中学习；更大的预算可能有帮助"
    ),
    # The judgement
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
    "untold.few_rows": "只有 {rows} 行，数据太少",
    "untold.too_few_to_ask": "可供询问模型的行太少",
    "untold.no_test_part": "没有可用于评判的测试集",
    "untold.few_training_rows": "{rows} 个训练行太少，无法再取部分",
    "untold.budget_over": "预算已用完",
}
