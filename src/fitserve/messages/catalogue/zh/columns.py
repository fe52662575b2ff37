"""Why a column is of a kind, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    "chosen_by_user": "由用户指定",
    "column.reasons": "{parts:each|{item}|}",
    # Kinds
    "column.empty": "没有任何值",
    "column.one_value": "只有一个值",
    "column.true_and_false": "真与假",
    "column.yes_and_no": "表示是与否的两个词",
    "column.typed": "类型为 {type} 的值",
    "column.dates": "{n} 个不同的日期",
    "column.numbers": "{n} 个不同的数值",
    "column.counts_up": "{n} 个随行递增的数值，如同流水号",
    "column.each_once": "{n} 个整数，各出现一次，如同流水号",
    "column.long_numbers": "{n} 个整数，位数超出数值所能保留，因此视为代码",
    "column.single_words": "{n} 个单词，各出现一次{counted:if|，其中的数字随行计数|}",
    "column.categorical": "类别列",
    "column.levels": "{n} 个类别，平均各出现 {often:.1f} 次{codes:if|；{codes}|}",
    "column.texts": "{n} 个不同的文本，平均 {words:.1f} 个词",
    "column.items": "以 {sign!r} 分隔的列表，共 {n} 个不同的项",
    "column.lists": "列表",
    "codes.padded": "有前导零，因此不是数值",
    "codes.plus": "每个前面都有加号，因此不是数值",
    "codes.long": "位数超出数值所能保留，因此视为代码",
    # Spellings
    "column.spelled": "，写法{like:if|如 |为 }{spelling}",
    "column.around": "，写作“{prefix:if|{prefix} |}数值{suffix:if| {suffix}|}”",
    "column.variants": "（也写作 {variants:each|“{item}”|、}）",
    "column.prefix": "，前面都有“{prefix}”",
    "column.date_order": "，{day_first:if|日|月}在前",
    "column.time_zones": "，带时区",
    "column.utc": "，时间按 UTC 处理",
    "column.others_missing": "；另有 {n} 种写法视为缺失",
    "column.in_doubt": "；存疑：{doubt}",
    "doubt.long": "有些值的位数超出数值所能保留",
    "doubt.read_like": "“{text}”与“{like}”读作相同",
    "doubt.thousand": "1,234 按一千多处理",
    "doubt.without_unit": "{of} 个不同文本中有 {n} 个没有“{unit}”，按有此单位处理",
    "doubt.units": "带有 {units:each|“{item}”|、} 的数值按文本处理；请在表中统一单位",
    "doubt.date_order": "没有日期能表明 1/2 是一月还是二月",
    # Used or not
    "column.excluded": "由用户排除",
    "column.group": "标明划分的组",
    "column.weight": "为各行的权重",
    "column.kind_uses": "；--kind {column!r}={kind} 可使用它",
    "column.only_one": "；因是唯一的列而保留",
    "column.signal": "；快速训练在其中发现信号，因此保留",
    "column.no_signal": "，快速训练未发现信号",
}
