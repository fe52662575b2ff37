"""Units and currencies as people write them.

Spellings on one line mean the same. Units of one kind but of another size, such as g and kg, are not converted: a
column that mixes them holds no numbers of one unit.
"""

from __future__ import annotations

_CURRENCIES = """
€ EUR euro euros Euro
$ USD US$ dollar dollars
£ GBP
¥ ￥ yen JPY
CNY RMB 元 人民币 块
₹ INR Rs Rs.
₩ KRW
₽ RUB руб
R$ BRL
A$ AUD
C$ CAD
HK$ HKD
CHF Fr
kr SEK NOK DKK
zł PLN
"""
_UNITS = """
% ％ pct percent percents per\u00a0cent per\u00a0cents p.c
‰
° deg degree degrees
°C ℃ C celsius
°F ℉ F fahrenheit
km kilometer kilometers kilometre kilometres 公里 千米
m meter meters metre metres mtr mtrs 米
cm centimeter centimeters centimetre centimetres 厘米
mm millimeter millimeters millimetre millimetres 毫米
mi mile miles
ft feet foot
in inch inches "
yd yard yards
kg kgs kilo kilos kilogram kilograms kilogramme kilogrammes 公斤 千克
g gr gram grams gramme grammes 克
mg milligram milligrams 毫克
t ton tons tonne tonnes 吨
lb lbs pound pounds
oz ounce ounces
l L liter liters litre litres 升
ml mL milliliter milliliters millilitre millilitres 毫升
h hr hrs hour hours 小时
min mins minute minutes 分钟
s sec secs second seconds 秒
ms millisecond milliseconds 毫秒
d day days 天 日
week weeks wk wks 周
month months mo mos 个月
yr yrs year years y/o yo 年
岁
月
km/h kmh kph kmph
mph
m/s
m2 m² sqm sq\u00a0m 平方米 ㎡
sqft sq\u00a0ft ft2 ft²
ha hectare hectares 公顷
acre acres
W watt watts
mW milliwatt milliwatts
kW kilowatt kilowatts
MW megawatt megawatts
kWh
V volt volts
A amp amps
Hz
kHz
MHz
GHz
B byte bytes
kB KB
MB
GB
TB
hp bhp
cc
px pixel pixels
万
万元
亿
亿元
"""


def _table(lines: str) -> dict[str, str]:
    found = {}
    for line in lines.strip().splitlines():
        spellings = [each.replace("\u00a0", " ") for each in line.split(" ")]
        found.update(dict.fromkeys(spellings, spellings[0]))
    return found


CURRENCIES = frozenset(_table(_CURRENCIES))
_UNIT_OF = _table(_CURRENCIES) | _table(_UNITS)


def _without_case() -> dict[str, str]:
    """Spellings of two signs and more that are one unit whatever their case: MW and mw would be two."""
    folded: dict[str, set[str]] = {}
    for spelling, unit in _UNIT_OF.items():
        if len(spelling) > 1:
            folded.setdefault(spelling.casefold(), set()).add(unit)
    return {spelling: units.pop() for spelling, units in folded.items() if len(units) == 1}


_UNIT_OF_FOLDED = _without_case()


def unit_of(text: str) -> str | None:
    """The unit or currency that a text names, in its first spelling here; None if it names none.

    A point behind it is no part of it, and neither is case where only one unit is written so.
    """
    text = text.strip()
    plain = text.rstrip(".") or text
    return _UNIT_OF.get(text) or _UNIT_OF.get(plain) or _UNIT_OF_FOLDED.get(plain.casefold())
