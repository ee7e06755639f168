"""Sentences for everything that can be wrong with an import file, in Chinese and English.

One table: a code is here exactly once and in both languages (a test compares it with the code).
Rules of a type file bring their own sentences. No sentence repeats a value of the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ROW_MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    # Faults of a cell.
    "REQUIRED": ("必填项为空", "A required value is missing"),
    "FORMULA": (
        "单元格是公式或以 = + - @ 开头，请粘贴为数值或文本",
        "The cell is a formula or starts like one (= + - @); paste it as a value",
    ),
    "CELL_ERROR": ("单元格是错误值(如 #N/A)", "The cell holds an error value such as #N/A"),
    "CELL_KIND": ("单元格类型不适用于此列", "A cell of this kind does not fit the column"),
    "NUMBER_LOST_DIGITS": (
        "长号码被存成了数字或科学计数法，末位已丢失；请将该列设为文本格式后从原系统重新导出",
        "A long number was stored as a number and has lost digits; format the column as text and export again",
    ),
    "TEXT_HIDDEN_CHARACTER": (
        "文字中有不可见字符、控制字符或方向控制字符",
        "The text holds an invisible, control or direction character",
    ),
    "GLYPH_MISSING": (
        "有一个字不在打印字库中，证明上无法印出；请核对是否录入有误，确需使用的请联系管理员增补字库",
        "A character is in none of the fonts for printing; check it, or ask the administrator for the font",
    ),
    "TEXT_TOO_LONG": ("文字过长", "The text is too long"),
    "IDENTIFIER_CHARACTER": ("号码含有不允许的字符或长度不符", "The number has a wrong character or length"),
    "CODE_UNKNOWN": ("代码不在代码表中", "The code is not in the table of codes"),
    "DATE_FORMAT": ("日期格式应为 YYYY-MM-DD", "A date is written YYYY-MM-DD"),
    "DATE_NOT_REAL": ("日期不存在", "This date does not exist"),
    "DATE_IMPLAUSIBLE": (
        "日期超出 1850 至 2199 年；长期有效请留空",
        "The date lies outside 1850 to 2199; leave it empty for a long term",
    ),
    "MONTH_FORMAT": ("年月格式应为 YYYYMM", "A month is written YYYYMM"),
    "MONTH_NOT_REAL": ("年月不存在", "This month does not exist"),
    "AMOUNT_FORMAT": (
        "金额只能是数字，不带千分位和单位",
        "An amount has digits only, no separators or units",
    ),
    "AMOUNT_DECIMALS": ("金额最多两位小数", "An amount has at most two decimals"),
    "AMOUNT_NEGATIVE": ("金额不能为负", "An amount is not negative"),
    "AMOUNT_ZERO": ("金额必须大于零", "The amount must be more than zero"),
    "RATIO_FORMAT": ("比例应为小数，如 0.12", "A ratio is a decimal such as 0.12"),
    "RATIO_DECIMALS": ("比例最多两位小数", "A ratio has at most two decimals"),
    "RATIO_RANGE": ("比例超出允许范围", "The ratio lies outside the allowed range"),
    "COUNT_FORMAT": ("应为整数", "A whole number is wanted"),
    "COUNT_RANGE": ("数值超出允许范围", "The number lies outside the allowed range"),
    "VALUE_NOT_ALLOWED": ("数据不符合证照类型的规定", "The credential type does not allow this value"),
    "ID_LENGTH": ("身份证号码应为18位", "A resident ID has 18 characters"),
    "ID_CHARACTER": ("身份证号码含有不允许的字符", "The resident ID has a wrong character"),
    "ID_DIVISION": ("身份证号码的地区不存在", "The resident ID names no known province"),
    "ID_DATE": ("身份证号码中的出生日期不合理", "The birth date in the resident ID is not plausible"),
    "ID_CHECK": ("身份证号码校验位错误", "The check character of the resident ID is wrong"),
    "USCC_LENGTH": ("统一社会信用代码应为18位", "A unified social credit code has 18 characters"),
    "USCC_CHARACTER": (
        "统一社会信用代码含有不允许的字符",
        "The unified social credit code has a wrong character",
    ),
    "USCC_ORGANISATION_CHECK": (
        "统一社会信用代码中的组织机构代码校验位错误",
        "The organisation code inside the unified social credit code is wrong",
    ),
    "USCC_CHECK": ("统一社会信用代码校验位错误", "The check character of the credit code is wrong"),
    "DEMO_DIVISION_ONLY": (
        "演示模式只接受 99 开头的虚构行政区划",
        "Demo mode accepts only the fictional divisions 99xxxx",
    ),
    "DEMO_DIVISION_REFUSED": (
        "99 开头的虚构行政区划只用于演示",
        "The fictional divisions 99xxxx are for demonstrations only",
    ),
    "DEMO_DOCUMENT_KIND": (
        "演示模式只接受虚构的居民身份证",
        "Demo mode accepts only fictional resident IDs, no other document",
    ),
    # Faults of a row.
    "ROW_CHANGED": (
        "此记录已签发过但内容不同；如要换发，请待其上链后加 --supersede 再运行",
        "This record was issued before with other values; to replace it, run again with --supersede once it is on chain",
    ),
    "ROW_TWICE": (
        "文件中前面已有同一记录但内容不同；请只保留正确的一行",
        "The file has this record before, with other values; keep only the right row",
    ),
    "ROW_TOO_LONG": ("该行的列数多于表头", "The row has more columns than the header"),
    "ROW_TOO_SHORT": ("该行的列数少于表头", "The row has fewer columns than the header"),
    # Faults of the header.
    "HEADER_NOT_RECOGNISED": (
        "第一行不是此证照类型的表头",
        "The first row is not a header of this credential type",
    ),
    "COLUMN_UNKNOWN": ("未知的列", "Unknown column"),
    "COLUMN_TWICE": ("同一内容的列出现两次", "Two columns hold the same field"),
    "COLUMN_MISSING": ("缺少必需的列", "A required column is missing"),
    "COLUMN_UNNAMED": ("有一列没有列名", "A column has no name"),
    # Warnings: what was normalised.
    "APOSTROPHE_REMOVED": ("已去掉开头的撇号", "A leading apostrophe was removed"),
    "SPACES_REMOVED": ("已去掉空格", "Spaces were removed"),
    "FULL_WIDTH_REPLACED": ("全角字符已换成半角", "Full-width characters were replaced"),
    "LOWER_CASE_REPLACED": ("小写字母已换成大写", "Lower-case letters were replaced"),
    "TEXT_RECOMPOSED": ("组合字符已合成(NFC)", "Combining characters were composed (NFC)"),
    "TEXT_PRIVATE_USE": (
        "文字含有私用区字符，其他系统可能无法显示",
        "The text has a private-use character that other systems may not show",
    ),
    "NUMBER_AS_TEXT": (
        "号码被存成数字，开头的零可能已丢失",
        "A number was stored as a number; leading zeros may be lost",
    ),
    "CODE_PADDED": ("代码已补零", "Zeros were put before the code"),
    "CODE_FROM_LABEL": ("已将名称换成代码", "The name was replaced by its code"),
    "DATE_REWRITTEN": ("日期已改写为 YYYY-MM-DD", "The date was rewritten as YYYY-MM-DD"),
    "MONTH_REWRITTEN": ("年月已改写为 YYYYMM", "The month was rewritten as YYYYMM"),
    # Faults of the file.
    "FILE_EMPTY": ("文件是空的", "The file is empty"),
    "FILE_TOO_LARGE": ("文件过大", "The file is too large"),
    "FILE_KIND": (
        "只接受 CSV、XLSX 和每行一个对象的 JSON",
        "Only CSV, XLSX and JSON lines are read",
    ),
    "FILE_ENCODING": (
        "编码既不是 UTF-8 也不是 GB18030",
        "The encoding is neither UTF-8 nor GB18030",
    ),
    "FILE_BROKEN": ("文件已损坏或不完整", "The file is damaged or incomplete"),
    "FILE_MISSING": ("文件打不开", "The file cannot be opened"),
    "FILE_FORMULAS": (
        "表头含公式，或公式过多；请粘贴为数值",
        "A formula in the header, or too many formulas; paste values",
    ),
    "FILE_TOO_MANY_ROWS": ("行数过多", "The file has too many rows"),
    "FILE_TOO_MANY_COLUMNS": ("列数过多", "The file has too many columns"),
    "FILE_LINE_TOO_LONG": ("有一行过长", "A line is too long"),
    "FILE_JSON_LINE": ("该行不是有效的 JSON 对象", "The line is not a valid JSON object"),
    "FILE_CHANGED": ("文件在读取过程中被修改", "The file was changed while it was read"),
}


def row_message(code: str) -> Mapping[str, str]:
    """The sentence of a code in both languages. Raises: KeyError for a code that is not ours."""
    zh, en = ROW_MESSAGES[code]
    return {"zh": zh, "en": en}


def glyph_message(characters: str) -> Mapping[str, str]:
    """The sentence of GLYPH_MISSING with the characters themselves: they are what has to be looked at."""
    told = "、".join(f"{one}（U+{ord(one):04X}）" for one in characters)
    return {
        "zh": f"{told} 不在打印字库中，证明上无法印出；请核对是否录入有误，确需使用的请联系管理员增补字库",
        "en": f"{told} is in none of the fonts for printing; check it, or ask the administrator for the font",
    }
