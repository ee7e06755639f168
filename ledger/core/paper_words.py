"""The fixed words of a printed page, in Chinese and the second language of a print.

One table. Chinese always stands on the page; English or Tibetan stands beside it when the print was
ordered so. The Tibetan is unreviewed, as everywhere (docs/threat-model.md says what that means).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "full": {
        "zh": "完整件，勿交他人",
        "en": "Full copy, do not hand on",
        "bo": "ཆ་ཚང་བའི་ཡིག་ཆ། གཞན་ལ་མ་སྤྲོད།",
    },
    "purpose_copy": {
        "zh": "专用件，仅含所选内容",
        "en": "Copy for one purpose",
        "bo": "དམིགས་བསལ་གྱི་ཡིག་ཆ།",
    },
    "purpose": {"zh": "仅用于：", "en": "only for:", "bo": "སྤྱོད་སྒོ།"},
    "kept": {
        "zh": "本件只印所选内容，其余内容未随附。",
        "en": "Only the chosen fields are printed and attached.",
        "bo": "བདམས་པའི་ནང་དོན་ཁོ་ན་པར་བརྒྱབ་ཡོད།",
    },
    "proof_no": {"zh": "证明编号", "en": "proof no.", "bo": "ར་སྤྲོད་ཨང་གྲངས།"},
    "issued_on": {"zh": "签发日期", "en": "issued on", "bo": "སྤྲོད་པའི་ཚེས་གྲངས།"},
    "valid_until": {"zh": "有效期至", "en": "valid until", "bo": "ནུས་ལྡན་དུས་མཚམས།"},
    "permanent": {"zh": "长期", "en": "no end", "bo": "དུས་ཡུན་རིང་པོ།"},
    "check_code": {"zh": "校验码", "en": "check code", "bo": "ཞིབ་བཤེར་ཨང་གྲངས།"},
    "scan": {"zh": "扫码核验", "en": "scan to check", "bo": "ཞིབ་བཤེར་བྱེད་པར་བཤེར་རོགས།"},
    "qr_alt": {
        "zh": "核验用二维码，内容与本页校验码作用相同",
        "en": "QR code for checking this page",
        "bo": "ཞིབ་བཤེར་ཨང་རིས།",
    },
    "how": {"zh": "怎样核验本证明", "en": "How to check this page", "bo": "ཤོག་ངོས་འདི་ཞིབ་བཤེར་བྱེད་སྟངས།"},
    "step_scan": {
        "zh": "扫描左侧二维码，打开的页面列出本件所印内容，请与纸面逐项比对；不一致的，以页面为准。",
        "en": "Scan the code; a page opens with what is printed here. Compare item by item; the page decides.",
        "bo": "གཡོན་གྱི་ཨང་རིས་བཤེར་ནས་ཤོག་ངོས་ཀྱི་ནང་དོན་དང་རེ་རེ་བཞིན་བསྡུར་རོགས།",
    },
    "step_type": {
        "zh": "或打开 {address} ，输入证明编号和校验码，逐项核对您要采信的内容。",
        "en": "Or open {address} and type the proof number and the check code.",
        "bo": "ཡང་ན་ {address} ཁ་ཕྱེས་ནས་ར་སྤྲོད་ཨང་གྲངས་དང་ཞིབ་བཤེར་ཨང་གྲངས་འཇུག་རོགས།",
    },
    "step_file": {
        "zh": "收到 PDF 文件的，把文件拖入核验页面，即可核验印章、账本和当前状态；红色印章图形不能证明真伪。",
        "en": "A PDF file: drop it on the page; seal, ledger and status are checked. The red picture proves nothing.",
        "bo": "PDF ཡིག་ཆ་ཡིན་ཚེ་ཞིབ་བཤེར་ཤོག་ངོས་སུ་འཇུག་རོགས། དམར་པོའི་ཐེལ་རིས་རྐྱང་པས་བདེན་དཔང་མི་ཐུབ།",
    },
    "seal": {"zh": "电子证明专用", "en": "", "bo": ""},
    "demo": {"zh": "演示", "en": "", "bo": ""},
    "demo_long": {"zh": "演示数据，不具有任何效力 · DEMO", "en": "", "bo": ""},
    "print_no": {"zh": "打印件号", "en": "print", "bo": "པར་ཨང་།"},
    "printed_on": {"zh": "打印日期", "en": "printed on", "bo": "པར་སྐྲུན་ཚེས་གྲངས།"},
    "template": {"zh": "版式", "en": "template", "bo": "དཔེ་གཞི།"},
    "page_before": {"zh": "第", "en": "page", "bo": ""},
    "page_between": {"zh": "页，共", "en": "of", "bo": ""},
    "page_after": {"zh": "页", "en": "", "bo": ""},
    "yes": {"zh": "是", "en": "yes", "bo": "ཡིན།"},
    "no": {"zh": "否", "en": "no", "bo": "མིན།"},
    "yuan": {"zh": "元", "en": "yuan", "bo": "སྒོར།"},
    "attachment": {
        "zh": "电子凭证（账本可验证），由本页印章覆盖",
        "en": "",
        "bo": "",
    },
}


def word(key: str, language: str, **values: str) -> str:
    """One of the fixed words; empty where a language has none."""
    return WORDS[key][language].format(**values)
