"""Rows, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    # Which rows are held out
    "test_part": "测试集",
    "leave_one_out": "留一法",
    "leave_one_out_equal_together": "留一法（相同的行一起留出）",
    "leave_one_group_out": "留一组法",
    "expanding_window": "后一半行上的扩展窗口",
    "cross_validation": "{folds} 折交叉验证",
    "held_out_fifth": "训练数据中留出的五分之一",
    "last_fifth": "训练数据中时间最晚的五分之一",
    "rows_of": "{source} 的行",
    # By a model of which rows each was predicted
    "leave_one_out.predicted": "每一行都由见过其余所有行的模型预测。",
    "leave_one_out_equal_together.predicted": "每一行都由见过其余所有行（与它相同的行除外）的模型预测。",
    "leave_one_group_out.predicted": "每一组的行都由只见过其他各组的模型预测。",
    "expanding_window.predicted": "这些行中的每一行都由只见过更早各行的模型预测。",
    # The split
    "split.too_few_rows": "只有 {rows} 行，不足以留出测试集，改用{how}",
    "split.one_moment": "太多行属于同一时刻，无法公平地留出测试集，改用验证",
    "split.in_time": "时间最晚的行",
    "split.not_fair": "{named:if|同组|相同}的行太多，无法公平地留出测试集，改用交叉验证",
    "split.random": (
        "{stratified:if|按目标分层，随机种子 {seed}|随机划分，种子 {seed}}"
        "{together:if|，{groups:if|同组|相同}的行不拆开|}"
    ),
    # Parts of the rows
    "part.value": "`{column}` {length:if|的长度|}为 {value} ",
    "part.level": "`{column}` {length:if|的长度|}为“{value}”",
    "part.up_to": "`{column}` {length:if|的长度|}不超过 {value} ",
    "part.over": "`{column}` {length:if|的长度|}大于 {value} ",
    "part.between": "`{column}` {length:if|的长度|}大于 {value} 且不超过 {end} ",
    "part.missing": "`{column}` 缺失",
}
