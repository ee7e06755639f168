"""Every sentence of the page, in Chinese and English. Check names, texts and advice come from core."""

from __future__ import annotations

from web.language import Language

TEXTS: dict[str, tuple[str, str]] = {
    "site": ("电子证照核验", "Certificate check"),
    "seal": ("证", "证"),
    "skip": ("跳到正文", "Skip to content"),
    "other_language": ("English", "中文"),
    "demo": (
        "演示环境：所有机构、人员和证照均为虚构，核验结果没有法律效力。",
        "Demonstration: every agency, person and certificate here is invented; results have no legal effect.",
    ),
    "home_title": ("核验一张电子证照", "Check an electronic certificate"),
    "home_lead": (
        "选择或拖入证照文件（.ecert.json），几秒内得到逐项核验结果。无需登录，也不必致电签发机构。",
        "Choose or drop a certificate file (.ecert.json) and get a point-by-point result in seconds. No log-in, no phone call to the issuer.",
    ),
    "file_label": ("证照文件", "Certificate file"),
    "file_hint": (
        "扩展名通常为 .ecert.json，最大 1 MiB。",
        "Usually ends in .ecert.json; at most 1 MiB.",
    ),
    "drop_here": ("拖到此处，或点击选择文件", "Drop it here, or choose a file"),
    "paste_summary": ("没有文件？粘贴证照内容", "No file? Paste the certificate"),
    "paste_label": ("证照内容", "Certificate text"),
    "paste_hint": (
        "粘贴文件全部内容，或以“~”分隔的证照文本。",
        "Paste the whole file, or the certificate text with its “~” signs.",
    ),
    "submit": ("开始核验", "Check it"),
    "error_title": ("请更正以下问题", "There is a problem"),
    "error_nothing": (
        "请选择一个证照文件，或粘贴证照内容。",
        "Choose a certificate file or paste its text.",
    ),
    "error_both": (
        "文件和粘贴内容只能选一种，请清空其中一种。",
        "Give either a file or text, not both; clear one of them.",
    ),
    "outcomes_title": ("结果有四种", "Four possible results"),
    "privacy_title": ("您的文件如何被处理", "What happens to your file"),
    "privacy_memory": (
        "只在内存中核验，不保存、不记入日志。",
        "It is checked in memory, never stored and never logged.",
    ),
    "privacy_trace": (
        "核验手中的文件不留痕迹，持证人也看不到这次核验。",
        "Checking a file in hand leaves no trace; the holder does not see it either.",
    ),
    "privacy_query": (
        "核验只读取本机的账本视图，不向任何一方发送证照内容。",
        "Only this machine's view of the ledger is read; nothing about the certificate is sent to anyone.",
    ),
    "good": ("证照真实有效", "Genuine and in force"),
    "good_hint": (
        "内容未被改动，签发机构有权，目前有效。",
        "Unaltered, issued by an entitled agency, in force now.",
    ),
    "bad": ("证照无效", "Not valid"),
    "bad_hint": ("内容被改动、无权签发或已被吊销、作废。", "Altered, not entitled, revoked or void."),
    "paused": ("已过期·已暂停", "Expired or suspended"),
    "paused_hint": ("证照是真的，但此刻不能使用。", "Genuine, but not usable at this moment."),
    "unknown": ("暂时无法核验", "Cannot be checked now"),
    "unknown_hint": (
        "缺少信息或联网失败。不代表是假的，也不能当作有效。",
        "Something is missing or unreachable. It does not mean forged, and must not count as valid.",
    ),
    "result_title": ("核验结果", "Result"),
    "checked_at": ("核验时间", "Checked at"),
    "ledger_as_of": ("账本数据截至", "Ledger as of"),
    "beijing": ("北京时间", "Beijing time"),
    "national": ("国家核验结论代码", "National verdict code"),
    "reason": ("原因", "Reason"),
    "what_to_do": ("怎么办", "What to do"),
    "presenter_title": ("来人身份", "Presenter"),
    "presenter_not_checked": ("来人身份未核对", "Presenter not checked"),
    "presenter_not_checked_hint": (
        "文件可以复制。请另行核对来人证件是否与证照上的持证人一致。",
        "A file can be copied. Compare the person's identity document with the holder named here.",
    ),
    "presenter_bound": ("来人身份已核对", "Presenter confirmed"),
    "presenter_bound_hint": (
        "出示者证明了自己持有证照绑定的密钥。",
        "The presenter proved possession of the key bound to the certificate.",
    ),
    "presenter_refused": ("来人身份核对未通过", "Presenter refused"),
    "presenter_refused_hint": (
        "出示者未能证明自己是持证人，请勿受理。",
        "The presenter could not prove to be the holder; do not proceed.",
    ),
    "single_title": ("账本", "Ledger"),
    "single": ("单方账本", "One operator's ledger"),
    "single_hint": (
        "此账本由一方单独运行，没有其他机构见证；结论以该运行方的诚信为前提。",
        "One operator runs this ledger without witnesses; the result rests on that operator's honesty.",
    ),
    "witnessed": ("已由其他机构见证", "Witnessed by other agencies"),
    "witnessed_hint": ("见证机构数达到信任文件的要求。", "As many witnesses as the trust file demands."),
    "finality_unknown": ("最终性未知", "Finality unknown"),
    "finality_unknown_hint": (
        "未能确认账本记录是否最终。",
        "Whether the record is final could not be established.",
    ),
    "credential_title": ("证照内容", "Certificate"),
    "type": ("证照类型", "Type"),
    "issuer": ("签发机构", "Issuer"),
    "issuer_code": ("统一社会信用代码", "Unified social credit code"),
    "identifier": ("证照标识", "Identifier"),
    "proof_no": ("证明编号", "Proof number"),
    "name_unknown": ("名称未能确认", "Name not confirmed"),
    "withheld": (
        "持证人未出示的内容不在此列。",
        "What the holder chose not to show is not listed.",
    ),
    "unverified_values": (
        "证照未通过核验，以下内容仅供查找问题，不得作为办事依据。",
        "The certificate was not accepted: use these values only to find out why.",
    ),
    "checks_title": ("逐项核验", "Checks, one by one"),
    "checks_count": (
        "通过 {passed} 项，未通过 {failed} 项，不确定 {unknown} 项，不适用 {skipped} 项。",
        "{passed} passed, {failed} failed, {unknown} undecided, {skipped} not applicable.",
    ),
    "outcome_passed": ("通过", "Passed"),
    "outcome_failed": ("未通过", "Failed"),
    "outcome_unknown": ("不确定", "Undecided"),
    "outcome_skipped": ("不适用", "Not applicable"),
    "colon": ("：", ": "),
    "again": ("再验一张", "Check another"),
    "print": ("打印结果", "Print"),
    "yes": ("是", "Yes"),
    "no": ("否", "No"),
    "yuan": ("元", "yuan"),
    "group_file": ("文件完整、格式正确", "File is complete and well formed"),
    "group_signature": ("签名真实，出自签发机构", "Signature is genuine and the issuer's"),
    "group_right": ("签发机构有权签发", "Issuer was entitled to issue"),
    "group_anchor": ("已登记在账本上", "Recorded on the ledger"),
    "group_term": ("在有效期内", "Within its term"),
    "group_status": ("未被吊销、暂停或换发", "Not revoked, suspended or replaced"),
    "group_presenter": ("来人与用途", "Presenter and purpose"),
    "footer": (
        "本页只核验证照。密码算法通过测试不等于取得商用密码产品认证。",
        "This page checks electronic certificates only. Tested algorithms are not a product certification.",
    ),
}

# code -> language -> (title, what to do)
PROBLEMS: dict[str, dict[Language, tuple[str, str]]] = {
    "BUNDLE_TOO_LARGE": {
        "zh": ("文件超过 1 MiB", "证照文件通常只有几十 KB。请确认选对了文件（不是照片或 PDF），再试一次。"),
        "en": (
            "The file is over 1 MiB",
            "A certificate is a few dozen KB. Make sure it is the right file, not a photo or PDF.",
        ),
    },
    "FORM_FOREIGN": {
        "zh": (
            "这次提交不是从本页发出的",
            "请回到核验首页重新选择文件提交。若仍出现此提示，请允许本站使用 Cookie。",
        ),
        "en": (
            "This form was not sent from our page",
            "Go back to the start page and submit again. If it recurs, allow cookies for this site.",
        ),
    },
    "RATE_LIMITED": {
        "zh": ("核验太频繁", "请稍候片刻再试。批量核验请使用命令行 ecert verify。"),
        "en": (
            "Too many checks",
            "Wait a moment and try again. For many files use the command line: ecert verify.",
        ),
    },
    "HTTP_400": {
        "zh": ("请求无法识别", "请回到首页重新提交。"),
        "en": ("The request could not be read", "Go back to the start page and submit again."),
    },
    "HTTP_403": {
        "zh": ("不允许此操作", "请回到首页重新开始。"),
        "en": ("Not permitted", "Go back to the start page."),
    },
    "HTTP_404": {
        "zh": ("没有这个页面", "请检查地址，或回到首页。"),
        "en": ("No such page", "Check the address or go to the start page."),
    },
    "HTTP_405": {
        "zh": ("此地址不支持这种请求", "请从首页提交证照。"),
        "en": ("This address does not take such a request", "Submit the certificate from the start page."),
    },
    "HTTP_415": {
        "zh": ("不支持的内容类型", "请以表单提交文件，或以 application/vnd.ecert+json 发送证照。"),
        "en": (
            "Content type not supported",
            "Send a form with a file, or the certificate as application/vnd.ecert+json.",
        ),
    },
    "HTTP_503": {
        "zh": ("暂时无法核验", "服务或账本暂时没有响应。这不代表证照是假的。请稍后再试。"),
        "en": (
            "Cannot be checked now",
            "The service or the ledger does not answer. This does not mean forged. Try again later.",
        ),
    },
    "HTTP_500": {
        "zh": ("系统出错", "这是系统的问题，与证照真伪无关。请稍后再试；若一直如此，请告知运行机构。"),
        "en": (
            "Something went wrong here",
            "The fault is ours and says nothing about the certificate. Try again later, then tell the operator.",
        ),
    },
}


def text(key: str, language: Language, **values: object) -> str:
    """The sentence `key` in `language`. Raises KeyError for an unknown key: a page never shows a key."""
    sentence = TEXTS[key][0 if language == "zh" else 1]
    return sentence.format(**values) if values else sentence
