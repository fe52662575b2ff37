"""What a look at a table finds, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

_EXCLUDE = "训练时使用 {columns:flags --exclude}；若确实事先可知，则使用 --force"
_SPELLINGS = "{groups:each|“{canonical}”又写作{variants:names 3}|；}{more:if|；另有 {more} 组|}"
_TEXTS = "{texts:each|{column:quoted} 列中的{texts:each|“{text}”（{rows:,} 行）|、}|；}{more:if|；另有 {more} 列|}"

TEMPLATES: Mapping[str, str] = {
    "finding": "{text}{advice:if|；{advice}|}",
    "reading": "{text}",
    "reading.advice": "",
    "left_out": "{part} 未能说明（{reason}）",
    "check_failed": "检查“{check}”未能完成（{reason}）",
    "check_failed.advice": "{grave:if|请自行确认没有哪一列泄露目标|}",
    # Cells
    "wrong_cells": "{cells:share} 个单元格很可能有误，位于{columns:names}",
    "wrong_cells.advice": "--json 列出全部可疑单元格及应有的值",
    "spellings": f"{{column:quoted}} 列中同一个类别有几种写法：{_SPELLINGS}",
    "spellings.advice": "若本是一个类别，请在表中统一写法",
    # Columns
    "mostly_missing": "{column:quoted} 列大部分为空：{rows:share} 个值缺失",
    "mostly_missing.advice": "请弄清这些空缺是否有含义",
    "missing_values": "{count} 列有空缺：{gaps:names 5|{column}（{share:percent .3g}）}",
    "missing_values.advice": "空缺会原样交给学习器，空缺本身也可能包含信息",
    "missing_together": "{columns:length} 列在相同的行上空缺：{columns:names}",
    "missing_together.advice": "请看看这些行有何共同点，它们可能来自另一个来源",
    "constant": "{count} 列只有一个值或没有值：{columns:names}",
    "constant.advice": "只有在其空缺包含信息时才会使用",
    "nearly_constant": "{column:quoted} 列只有 {rows:share} 行是别的值",
    "nearly_constant.advice": "除非这些行很重要，否则可以不用",
    "identifier": "{count} 列是各行的名称：{columns:names}",
    "identifier.advice": "名称对其他行没有帮助；除非快速拟合发现其中有信号，否则不使用",
    # Order
    "log": "各行按 {column:quoted} 的顺序排列",
    "log.advice": "训练时以最后的行来评估；--shuffle 改用随机的行",
    "dates": "{column:quoted} 列是日期，而随机划分的测试集与训练集时间相同",
    "dates.advice": "若要预测的是以后的行，请在训练时使用 --time {column!r}",
    "sorted_by_target": "各行按目标 {column:quoted} 的顺序排列",
    "running_number": "{count} 列是行号：{columns:names}",
    # Rows
    "few_rows": "只有 {count} 行，数据很少",
    "few_rows.advice": "分数只能作粗略参考，请收集更多数据",
    "more_columns_than_rows": "列数（{count:,}）多于行数（{rows:,}）：其中不少列只是碰巧与目标相符",
    "combinations": "只有 {n} 种输入组合",
    "duplicate_rows": "{rows:share} 行与前面的某一行相同{why:if|，因为{why}|}",
    "conflicting_targets": "{rows:share} 行与另一行的各列都相同，目标却不同",
    "conflicting_targets.advice": "没有模型能在这些行上全对；请检查是否有错误的标签或缺少某一列",
    # The target
    "target_copy": "{count} 列就是换了名称的目标 {target:quoted}：{columns:names}",
    "target_copy.advice": _EXCLUDE,
    "telling_gaps": "{column:quoted} 列是否有值，能说明目标 {target:quoted} 的 {share:percent}：它很可能是事后才知道的",
    "telling_gaps.advice": _EXCLUDE,
    "known_after": (
        "仅 {column:quoted} 列就能说明目标 {target:quoted} 的 {share:percent}{later:if|，其名称也像是事后才知道的|}"
    ),
    "known_after.advice": f"若它是事后才知道的，{_EXCLUDE}",
    "label_spellings": f"目标 {{column:quoted}} 的同一个标签有几种写法：{_SPELLINGS}",
    "rare_classes": "{count} 个标签不足 {fewest} 行：{labels:names 5|{label}（{rows}）}",
    "rare_classes.advice": "请收集更多数据，或将它们并入一个标签",
    "imbalance": "标签“{label}”很少见：{rows:share} 行；“{most}”有 {most_rows:,} 行",
    "imbalance.advice": "准确率在这里说明不了什么；请看各标签的分数和阈值",
    # Values
    "infinite": "{column:quoted} 列有 {rows:share} 行为无穷大",
    "infinite.advice": "这些单元格按缺失处理，以后也是如此",
    "texts_for_gaps": f"以下文本被当作缺失值：{_TEXTS}",
    "levels_like_gaps": f"以下文本看似缺失值，但被当作普通类别：{_TEXTS}",
}
