"""What each code says, in Chinese and English (in Tibetan: texts_bo), its national result code, and what to do next.

The only table of sentences for check results; a test demands a row for every code. `national` is
the result code 0 to 6 of the national e-licence platform that a FAILED or UNKNOWN result leads to,
None for codes that only ever pass or do not apply (docs/checks.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, Literal, NamedTuple

from ledger.core.checks import texts_bo
from ledger.core.checks.codes import Code

Language = Literal["zh", "en", "bo"]


class Advice(Enum):
    """What a clerk can do now; the value is the sentence in Chinese and in English."""

    NOTHING = ("无需处理。", "Nothing to do.")
    OTHER_FILE = (
        "请持有人重新提供原始证照文件（.ecert.json）。",
        "Ask the holder for the original certificate file (.ecert.json).",
    )
    UPDATE_SOFTWARE = ("请更新核验软件后再试。", "Update this software and try again.")
    UPDATE_TRUST = (
        "请向账本主管机构领取最新的信任文件后再试。",
        "Get the newest trust file from the body that governs the ledger and try again.",
    )
    CALL_ISSUER = (
        "不要受理；请向签发机构核实。",
        "Do not act on it; ask the issuing agency.",
    )
    GIVE_LEDGER = (
        "请指定账本数据（--ledger）后再核验。",
        "Name the copy of the ledger (--ledger) and check again.",
    )
    RETRY = ("请稍后用最新的账本数据再核验一次。", "Check again in a moment with fresh ledger data.")
    WAIT = ("请等生效或确认后再核验一次。", "Check again once it is active or confirmed.")
    NEW_ONE = ("请持有人出示现行有效的证照。", "Ask the holder for the one that is in force now.")
    REPORT = (
        "不要受理；请立即报告账本主管机构。",
        "Do not act on it; report it to the body that governs the ledger at once.",
    )
    CHECK_CLOCK = ("请校准本机时钟后再核验一次。", "Set this machine's clock and check again.")
    READ_HERE = (
        "请以本页显示的内容为准，不要照抄纸面。",
        "Read the values here, not on the paper.",
    )
    COMPARE = (
        "请把办事所依据的内容逐项与纸面比对。",
        "Compare with the sheet every value that you rely on.",
    )
    CHECK_PERSON = (
        "请另行核对来人身份。",
        "Check separately that the bearer is the person it is about.",
    )


class CodeText(NamedTuple):
    """One row: national result code or None, advice, sentence in Chinese, sentence in English."""

    national: int | None
    advice: Advice
    zh: str
    en: str


# A table, one row a line.
# fmt: off
TEXTS: Final[Mapping[Code, CodeText]] = {
    # Reading
    Code.READ: CodeText(None, Advice.NOTHING, "文件可以读取。", "The file can be read."),
    Code.BUNDLE_EMPTY: CodeText(4, Advice.OTHER_FILE, "文件是空的。", "The file is empty."),
    Code.BUNDLE_TOO_LARGE: CodeText(4, Advice.OTHER_FILE, "文件超过 1 MiB，不是证照文件。", "The file is larger than 1 MiB and no certificate file."),
    Code.BUNDLE_NOT_TEXT: CodeText(4, Advice.OTHER_FILE, "文件不是证照文件（应为 .ecert.json 或 SD-JWT 文本）。", "This is no certificate file (.ecert.json or the text of an SD-JWT)."),
    Code.BUNDLE_NOT_JSON: CodeText(4, Advice.OTHER_FILE, "文件不完整或已损坏，无法读取。", "The file is incomplete or damaged and cannot be read."),
    Code.BUNDLE_SHAPE: CodeText(4, Advice.OTHER_FILE, "文件缺少必需内容，或内容格式不对。", "A part of the file is missing or of the wrong form."),
    Code.BUNDLE_VERSION: CodeText(4, Advice.UPDATE_SOFTWARE, "文件版本不受本软件支持。", "The file is of a version that this software does not know."),
    Code.BUNDLE_CRITICAL: CodeText(4, Advice.UPDATE_SOFTWARE, "文件含有本软件不认识的关键内容。", "The file demands something that this software does not know."),
    Code.BUNDLE_DUPLICATE_KEY: CodeText(6, Advice.CALL_ISSUER, "文件中同一项内容出现两次，可能被改动。", "The file names one item twice and may have been altered."),
    Code.RECEIPT_SHAPE: CodeText(4, Advice.OTHER_FILE, "账本回执的内容缺失或格式不对。", "A part of the receipt is missing or of the wrong form."),
    Code.RECEIPT_VERSION: CodeText(4, Advice.UPDATE_SOFTWARE, "账本回执版本不受本软件支持。", "The receipt is of a version that this software does not know."),
    Code.RECEIPT_CRITICAL: CodeText(4, Advice.UPDATE_SOFTWARE, "账本回执含有本软件不认识的关键内容。", "The receipt demands something that this software does not know."),
    Code.RECEIPT_HASH_UNKNOWN: CodeText(4, Advice.UPDATE_SOFTWARE, "账本回执使用了未知的算法。", "The receipt uses an unknown algorithm."),
    Code.CREDENTIAL_EMPTY: CodeText(4, Advice.OTHER_FILE, "证照内容是空的。", "The certificate is empty."),
    Code.CREDENTIAL_TOO_LARGE: CodeText(4, Advice.OTHER_FILE, "证照内容过大。", "The certificate is too large."),
    Code.CREDENTIAL_NOT_ASCII: CodeText(4, Advice.OTHER_FILE, "证照内容含有不允许的字符。", "The certificate holds characters that may not occur."),
    Code.CREDENTIAL_SHAPE: CodeText(4, Advice.OTHER_FILE, "证照内容的结构不对。", "The certificate is not built as it must be."),
    Code.HEADER_NOT_JSON: CodeText(4, Advice.OTHER_FILE, "证照头部无法读取。", "The header of the certificate cannot be read."),
    Code.PAYLOAD_NOT_JSON: CodeText(4, Advice.OTHER_FILE, "证照正文无法读取。", "The body of the certificate cannot be read."),
    Code.KEY_BINDING_SHAPE: CodeText(4, Advice.OTHER_FILE, "持有人绑定部分无法读取。", "The holder's part of the certificate cannot be read."),
    Code.CRITICAL_UNKNOWN: CodeText(4, Advice.UPDATE_SOFTWARE, "证照含有本软件不认识的关键内容。", "The certificate demands something that this software does not know."),
    Code.CANONICAL: CodeText(None, Advice.NOTHING, "写法规范，没有多余内容。", "It is written in the one permitted way, with nothing added."),
    Code.BASE64_NOT_CANONICAL: CodeText(6, Advice.CALL_ISSUER, "内容的写法不规范，可能被改动。", "Something is not written in the one permitted way and may have been altered."),
    Code.PAYLOAD_COMPLETE: CodeText(None, Advice.NOTHING, "必需的声明齐全。", "All necessary statements are there."),
    Code.PAYLOAD_MISSING: CodeText(6, Advice.CALL_ISSUER, "证照缺少必需的声明。", "The certificate lacks a necessary statement."),
    Code.PAYLOAD_TYPE: CodeText(6, Advice.CALL_ISSUER, "证照的一项声明格式不对。", "A statement of the certificate has a wrong form."),
    Code.JSON_TOO_DEEP: CodeText(6, Advice.CALL_ISSUER, "证照内容嵌套过深。", "The certificate is nested too deeply."),
    Code.DISCLOSURES_MATCH: CodeText(None, Advice.NOTHING, "出示的各项与签发时一致。", "Every value shown is one that was signed."),
    Code.DISCLOSURE_UNKNOWN: CodeText(6, Advice.CALL_ISSUER, "出示的一项内容不是签发机构签过的。", "A value shown was not signed by the issuer."),
    Code.DISCLOSURE_NOT_JSON: CodeText(6, Advice.CALL_ISSUER, "出示的一项内容无法读取。", "A value shown cannot be read."),
    Code.DISCLOSURE_SHAPE: CodeText(6, Advice.CALL_ISSUER, "出示的一项内容格式不对。", "A value shown has a wrong form."),
    Code.DISCLOSURE_RESERVED_NAME: CodeText(6, Advice.CALL_ISSUER, "出示的一项内容使用了不允许的名称。", "A value shown has a name that it may not have."),
    Code.DISCLOSURE_NAME_TAKEN: CodeText(6, Advice.CALL_ISSUER, "出示的一项内容与已有内容重名。", "A value shown has the name of another one."),
    Code.SD_SHAPE: CodeText(6, Advice.CALL_ISSUER, "选择披露的摘要格式不对。", "The list of digests has a wrong form."),
    Code.SD_ALG_NOT_ALLOWED: CodeText(6, Advice.CALL_ISSUER, "选择披露使用了不允许的算法。", "The digests use an algorithm that is not allowed."),
    Code.NO_DUPLICATES: CodeText(None, Advice.NOTHING, "没有重复内容。", "Nothing is there twice."),
    Code.JSON_DUPLICATE_KEY: CodeText(6, Advice.CALL_ISSUER, "证照中同一项出现两次，可能被改动。", "The certificate names one item twice and may have been altered."),
    Code.DISCLOSURE_TWICE: CodeText(6, Advice.CALL_ISSUER, "同一项内容出示了两次。", "One value is shown twice."),
    Code.DIGEST_TWICE: CodeText(6, Advice.CALL_ISSUER, "同一摘要出现两次。", "One digest is there twice."),
    # Signature
    Code.ALGORITHM_ALLOWED: CodeText(None, Advice.NOTHING, "签名算法符合要求（ES256）。", "The signature algorithm is the permitted one (ES256)."),
    Code.ALG_NOT_ALLOWED: CodeText(6, Advice.CALL_ISSUER, "签名算法不允许，未作任何密码运算。", "The signature algorithm is not permitted; nothing was computed with it."),
    Code.TYP_NOT_ALLOWED: CodeText(6, Advice.CALL_ISSUER, "证照类型标记不允许。", "The kind of token is not permitted."),
    Code.SIGNATURE_GOOD: CodeText(None, Advice.NOTHING, "签名正确，内容自签发后未被改动。", "The signature holds: nothing was altered since it was issued."),
    Code.SIGNATURE_INVALID: CodeText(6, Advice.CALL_ISSUER, "签名不符，内容被改动或不是该机构签发。", "The signature does not hold: altered, or not signed by this agency."),
    Code.SIGNATURE_LENGTH: CodeText(6, Advice.CALL_ISSUER, "签名长度不对。", "The signature has a wrong length."),
    Code.SIGNATURE_DER: CodeText(6, Advice.CALL_ISSUER, "签名的写法不对。", "The signature is written in the wrong way."),
    Code.JWK_INVALID: CodeText(6, Advice.CALL_ISSUER, "签名公钥无效。", "The public key is not valid."),
    Code.SIGNER_KEY_MISSING: CodeText(4, Advice.CALL_ISSUER, "没有可用的签名证书，无法核对签名。", "Without a usable signing certificate the signature cannot be checked."),
    # Keys and entitlement
    Code.KEY_VALID: CodeText(None, Advice.NOTHING, "登记上链时签发密钥有效。", "The issuer's key was valid when the batch was anchored."),
    Code.KEY_UNKNOWN: CodeText(6, Advice.CALL_ISSUER, "链上没有登记该批次的签发密钥。", "The key of this batch is not registered on the ledger."),
    Code.KEY_PURPOSE: CodeText(6, Advice.CALL_ISSUER, "该密钥不是签发证照用的密钥。", "This key may not sign certificates."),
    Code.KEY_NOT_YET_VALID: CodeText(6, Advice.CALL_ISSUER, "登记上链时签发密钥尚未启用。", "The key was not in use yet when the batch was anchored."),
    Code.KEY_RETIRED_BEFORE: CodeText(6, Advice.CALL_ISSUER, "登记上链前签发密钥已停用。", "The key had been retired before the batch was anchored."),
    Code.KEY_HONEST: CodeText(None, Advice.NOTHING, "签发密钥没有失密记录。", "The key was never reported compromised."),
    Code.KEY_COMPROMISED_LATER: CodeText(None, Advice.NOTHING, "签发密钥在登记上链之后才失密，不影响本证照。", "The key was compromised only after this batch was anchored, which does not touch it."),
    Code.KEY_COMPROMISED: CodeText(6, Advice.CALL_ISSUER, "登记上链时签发密钥已失密，不能采信。", "The key was compromised when the batch was anchored: not to be believed."),
    Code.GRANT_GOOD: CodeText(None, Advice.NOTHING, "登记上链时该机构有权签发此类证照。", "The agency was entitled to this type when the batch was anchored."),
    Code.GRANT_MISSING: CodeText(6, Advice.CALL_ISSUER, "登记上链时该机构无权签发此类证照。", "The agency was not entitled to this type when the batch was anchored."),
    Code.GRANT_WITHDRAWN: CodeText(6, Advice.CALL_ISSUER, "登记上链前该机构的签发授权已被收回。", "The agency's entitlement had been withdrawn before the batch was anchored."),
    Code.GRANT_BROKEN: CodeText(6, Advice.CALL_ISSUER, "该机构的签发授权因违规或失密被追溯收回，覆盖本批次。", "The agency's entitlement was withdrawn for misconduct or compromise, back to before this batch."),
    Code.ISSUER_DISSOLVED_BEFORE: CodeText(6, Advice.CALL_ISSUER, "登记上链前该机构已撤销。", "The agency had been dissolved before the batch was anchored."),
    Code.ISSUER_UNKNOWN: CodeText(6, Advice.CALL_ISSUER, "账本上没有该机构。", "The ledger does not know this agency."),
    Code.GRANT_CHAIN_GOOD: CodeText(None, Advice.NOTHING, "各级上级机构当时也有此类授权。", "Every superior agency held this entitlement too at that time."),
    Code.GRANT_CHAIN_BROKEN: CodeText(6, Advice.CALL_ISSUER, "某一级上级机构当时没有此类授权。", "A superior agency did not hold this entitlement at that time."),
    Code.ROOT_ISSUER_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "授权链的顶端不是信任文件指定的机构。", "The chain of entitlements does not end at the agency that the trust file names."),
    Code.ISSUER_ACTIVE: CodeText(None, Advice.NOTHING, "签发机构目前仍在履职。", "The agency is still in office."),
    Code.ISSUER_DISSOLVED: CodeText(None, Advice.NOTHING, "签发机构后来已撤销或合并；不影响此前签发的证照。", "The agency has been dissolved or merged since; what it issued before stands."),
    Code.GRANT_ENDED: CodeText(None, Advice.NOTHING, "签发机构目前已不再签发此类证照；不影响此前签发的证照。", "The agency no longer issues this type; what it issued before stands."),
    Code.GRANT_WITHDRAWN_SINCE: CodeText(None, Advice.NOTHING, "签发授权后来被收回（不追溯）；不影响此前签发的证照。", "The entitlement was withdrawn later, without reaching back; what was issued before stands."),
    Code.ISSUER_KEY_RETIRED: CodeText(None, Advice.NOTHING, "签发密钥后来已停用；不影响此前签发的证照。", "The key has been retired since; what it signed before stands."),
    Code.BINDING_GOOD: CodeText(None, Advice.NOTHING, "签发机构身份一致：证书、密钥、网址与机构名录相符。", "The agency is who it says: certificate, key, address and directory agree."),
    Code.X5C_MISSING: CodeText(6, Advice.CALL_ISSUER, "证照没有附带签名证书。", "The certificate carries no signing certificate (X.509)."),
    Code.X5C_NOT_CERTIFICATE: CodeText(6, Advice.CALL_ISSUER, "附带的签名证书无法读取。", "The signing certificate cannot be read."),
    Code.X5C_TOO_LONG: CodeText(6, Advice.CALL_ISSUER, "签名证书链过长。", "The chain of signing certificates is too long."),
    Code.X5C_UNKNOWN_ROOT: CodeText(6, Advice.CALL_ISSUER, "签名证书不是由受信任的根证书签发。", "The signing certificate does not lead to a trusted root."),
    Code.X5C_BAD_SIGNATURE: CodeText(6, Advice.CALL_ISSUER, "签名证书链的签名不符。", "A signature in the chain of signing certificates does not hold."),
    Code.X5C_NAME_MISMATCH: CodeText(6, Advice.CALL_ISSUER, "签名证书链的名称不衔接。", "The names in the chain of signing certificates do not fit."),
    Code.X5C_NOT_CA: CodeText(6, Advice.CALL_ISSUER, "证书链中有一张证书无权签发证书。", "A certificate of the chain may not issue certificates."),
    Code.X5C_PATH_LENGTH: CodeText(6, Advice.CALL_ISSUER, "签名证书链超出允许的级数。", "The chain of signing certificates has more levels than permitted."),
    Code.X5C_KEY_USAGE: CodeText(6, Advice.CALL_ISSUER, "签名证书不允许用于签名。", "The signing certificate may not be used for signing."),
    Code.X5C_LEAF_IS_CA: CodeText(6, Advice.CALL_ISSUER, "签名证书不应是签发证书的证书。", "The signing certificate may not be a certificate authority's."),
    Code.X5C_NOT_P256: CodeText(6, Advice.CALL_ISSUER, "签名证书的密钥类型不允许。", "The key of the signing certificate is of a kind that is not permitted."),
    Code.X5C_CRITICAL_UNKNOWN: CodeText(6, Advice.CALL_ISSUER, "签名证书含有不认识的关键扩展。", "The signing certificate demands something that is not known here."),
    Code.X5C_EXPIRED_AT_ANCHOR: CodeText(6, Advice.CALL_ISSUER, "登记上链时签名证书已过期。", "The signing certificate had expired when the batch was anchored."),
    Code.X5C_NOT_YET_VALID_AT_ANCHOR: CodeText(6, Advice.CALL_ISSUER, "登记上链时签名证书尚未生效。", "The signing certificate was not valid yet when the batch was anchored."),
    Code.KID_NOT_X5C: CodeText(6, Advice.CALL_ISSUER, "密钥编号与签名证书不符。", "The key number is not that of the signing certificate."),
    Code.KEY_NOT_REGISTERED: CodeText(6, Advice.CALL_ISSUER, "签名密钥没有在账本登记。", "The signing key is not registered on the ledger."),
    Code.KEY_OF_OTHER_ISSUER: CodeText(6, Advice.CALL_ISSUER, "签名密钥属于另一机构。", "The signing key belongs to another agency."),
    Code.ANCHOR_KEY_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "签名密钥不是登记该批次所用的密钥。", "The signing key is not the one that the batch was anchored with."),
    Code.ISS_NOT_SAN: CodeText(6, Advice.CALL_ISSUER, "签发机构网址与签名证书不符。", "The agency's address is not the one of its signing certificate."),
    Code.DIRECTORY_MISSING: CodeText(4, Advice.CALL_ISSUER, "文件没有附带机构名录条目，无法确认机构名称。", "Without a directory entry the agency's name cannot be confirmed."),
    Code.DIRECTORY_SHAPE: CodeText(6, Advice.CALL_ISSUER, "机构名录条目无法读取。", "The directory entry cannot be read."),
    Code.DIRECTORY_SIGNATURE: CodeText(6, Advice.CALL_ISSUER, "机构名录条目的签名不符。", "The signature of the directory entry does not hold."),
    Code.DIRECTORY_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "机构名录条目与登记上链时账本记录的不一致。", "The directory entry is not the one that was on the ledger at that time."),
    Code.DIRECTORY_OTHER_ISSUER: CodeText(6, Advice.CALL_ISSUER, "机构名录条目属于另一机构。", "The directory entry is that of another agency."),
    Code.DIRECTORY_ISS_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "签发机构网址与机构名录不符。", "The agency's address is not the one of its directory entry."),
    # Content
    Code.SCHEMA_GOOD: CodeText(None, Advice.NOTHING, "各项内容符合证照类型的规定。", "All values are as this type of certificate demands."),
    Code.SCHEMA_INVALID: CodeText(6, Advice.CALL_ISSUER, "有内容不符合证照类型的规定。", "A value is not as this type of certificate demands."),
    Code.TYPE_UNKNOWN: CodeText(4, Advice.UPDATE_TRUST, "证照类型未知，或类型文件与账本登记的不一致，无法核对内容。", "The type of certificate is unknown here, or its definition differs from the registered one."),
    # Ledger
    Code.INCLUDED: CodeText(None, Advice.NOTHING, "证照在已登记的批次之中。", "The certificate is part of the anchored batch."),
    Code.ROOT_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "证照不在回执所说的批次之中。", "The certificate is not part of the batch that the receipt names."),
    Code.PROOF_SHAPE: CodeText(6, Advice.CALL_ISSUER, "账本证明的长度与位置、规模不符。", "The inclusion proof does not fit its place and the size of the batch."),
    Code.ANCHORED: CodeText(None, Advice.NOTHING, "批次已登记上链，未被整批作废。", "The batch is anchored and has not been withdrawn."),
    Code.NOT_ANCHORED: CodeText(5, Advice.CALL_ISSUER, "账本上查无此批次。", "The ledger does not know this batch."),
    Code.BATCH_WITHDRAWN: CodeText(3, Advice.CALL_ISSUER, "该批次已被整批作废。", "The whole batch has been withdrawn."),
    Code.ANCHOR_MISSING: CodeText(4, Advice.CALL_ISSUER, "批次未在账本上，此项无从核对。", "Without the batch on the ledger this cannot be checked."),
    Code.FINAL: CodeText(None, Advice.NOTHING, "登记已最终确认。", "The entry is final."),
    Code.WITNESSED: CodeText(None, Advice.NOTHING, "登记已由足够的见证机构共同确认。", "Enough witnesses have confirmed the entry."),
    Code.SINGLE_OPERATOR: CodeText(None, Advice.NOTHING, "登记已确认；单方账本：仅由一家机构运行，没有其他机构见证。", "The entry is final on a ledger run by one operator alone (单方账本): no other agency bears witness."),
    Code.NOT_FINAL: CodeText(4, Advice.WAIT, "批次已登记但尚未最终确认。", "The batch is anchored but not final yet."),
    Code.WITNESS_MISSING: CodeText(4, Advice.WAIT, "见证机构数量不足。", "Too few witnesses have confirmed the entry."),
    Code.CHAIN_BEHIND: CodeText(4, Advice.RETRY, "本机账本落后于回执，尚不能判断。", "The local copy of the ledger is older than the receipt; it cannot tell yet."),
    Code.CHAIN_FORKED: CodeText(6, Advice.REPORT, "账本记录与回执在同一高度不一致，账本可能被改写。", "At the same height ledger and receipt differ: the ledger may have been rewritten."),
    Code.SOURCE_FORKED: CodeText(4, Advice.REPORT, "账本运营单位给出了互相矛盾的记录，本机不再跟随，不能判断。", "The ledger's operator contradicted itself; this copy follows it no longer and cannot tell."),
    Code.CHAIN_RESTORED: CodeText(4, Advice.CALL_ISSUER, "账本曾从备份恢复，此段记录正在补登。", "The ledger was restored from a copy; this part is being entered again."),
    Code.BLOCK_UNKNOWN: CodeText(4, Advice.RETRY, "本机账本没有该区块的记录。", "The local copy of the ledger does not hold this block."),
    Code.CONTRACT_GOOD: CodeText(None, Advice.NOTHING, "账本、链与合约同信任文件一致。", "Ledger, chain and contract are those of the trust file."),
    Code.LINKED_LEDGER: CodeText(None, Advice.NOTHING, "回执来自前身账本，信任文件已说明承接关系。", "The receipt comes from a predecessor that the trust file names."),
    Code.WRONG_LEDGER: CodeText(6, Advice.CALL_ISSUER, "回执来自另一账本。", "The receipt is of another ledger."),
    Code.WRONG_CHAIN: CodeText(6, Advice.CALL_ISSUER, "回执来自另一条链。", "The receipt is of another chain."),
    Code.WRONG_CONTRACT: CodeText(6, Advice.CALL_ISSUER, "回执来自另一合约。", "The receipt is of another contract."),
    Code.CODE_HASH_DIFFERS: CodeText(6, Advice.REPORT, "合约代码与信任文件记录的不一致。", "The code of the contract is not the one of the trust file."),
    Code.TRUST_EXPIRED: CodeText(4, Advice.UPDATE_TRUST, "信任文件已过期。", "The trust file has expired."),
    Code.FACTS_AGREE: CodeText(None, Advice.NOTHING, "机构、类型、批次规模和位置与账本一致。", "Agency, type, size and range agree with the ledger."),
    Code.ANCHOR_ISSUER_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "批次属于另一机构。", "The batch belongs to another agency."),
    Code.ANCHOR_TYPE_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "批次属于另一类证照。", "The batch is of another type of certificate."),
    Code.ANCHOR_SIZE_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "批次规模与账本不符。", "The size of the batch is not the one on the ledger."),
    Code.ANCHOR_RANGE_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "状态序号不在该批次的范围之内。", "The status index lies outside the range of the batch."),
    Code.ANCHOR_BLOCK_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "回执所说的区块不是登记该批次的区块。", "The receipt names another block than the one that anchored the batch."),
    Code.DOCUMENT_BATCH: CodeText(6, Advice.CALL_ISSUER, "该批次登记的是文件而不是证照。", "This batch holds documents, not certificates."),
    Code.NO_CHAIN_VIEW: CodeText(4, Advice.GIVE_LEDGER, "没有可用的账本数据，无法核对。", "Without a copy of the ledger this cannot be checked."),
    Code.CHAIN_VIEW_EMPTY: CodeText(4, Advice.RETRY, "本机账本数据还是空的。", "The local copy of the ledger is still empty."),
    Code.CHAIN_UNAVAILABLE: CodeText(4, Advice.RETRY, "账本暂时无法访问。", "The ledger cannot be reached at the moment."),
    Code.VIEW_OTHER_LEDGER: CodeText(4, Advice.GIVE_LEDGER, "本机账本数据不是信任文件所指的账本。", "The local copy is not of the ledger that the trust file names."),
    Code.NO_RECEIPT: CodeText(4, Advice.CALL_ISSUER, "文件没有附带账本回执，无法核对。", "The file carries no receipt, so this cannot be checked."),
    Code.NOT_REACHED: CodeText(4, Advice.NOTHING, "前面的步骤未通过，此项未核对。", "Not checked, because an earlier step did not get through."),
    # Times
    Code.ISSUED_IN_TIME: CodeText(None, Advice.NOTHING, "签发日期与登记时间相符。", "The day of issue fits the time of anchoring."),
    Code.ISSUED_TOO_EARLY: CodeText(6, Advice.CALL_ISSUER, "签发日期早于登记上链 7 天以上。", "The day of issue lies more than 7 days before the anchor."),
    Code.ISSUED_AFTER_ANCHOR: CodeText(6, Advice.CALL_ISSUER, "签发日期晚于登记上链的日期。", "The day of issue lies after the anchor."),
    Code.IN_FORCE: CodeText(None, Advice.NOTHING, "已到生效时间。", "It is in force already."),
    Code.NOT_YET_VALID: CodeText(1, Advice.WAIT, "尚未到生效时间。", "It is not in force yet."),
    Code.NOT_EXPIRED: CodeText(None, Advice.NOTHING, "未过有效期。", "It has not expired."),
    Code.NO_EXPIRY: CodeText(None, Advice.NOTHING, "长期有效。", "It has no end date."),
    Code.EXPIRED: CodeText(3, Advice.NEW_ONE, "已过有效期。", "It has expired."),
    # Status
    Code.NOT_REVOKED: CodeText(None, Advice.NOTHING, "没有被吊销、注销、作废或核销。", "It was not revoked, cancelled, voided or used."),
    Code.REVOKED: CodeText(3, Advice.CALL_ISSUER, "已被吊销或撤销。", "It has been revoked."),
    Code.CANCELLED: CodeText(3, Advice.NEW_ONE, "已注销。", "It has been cancelled."),
    Code.VOID: CodeText(3, Advice.CALL_ISSUER, "因签发错误已作废。", "It was issued in error and is void."),
    Code.USED: CodeText(3, Advice.NEW_ONE, "一次性证明已核销。", "This single-use proof has been used."),
    Code.USED_NOT_SINGLE_USE: CodeText(3, Advice.CALL_ISSUER, "记录为已核销，但此类证照并非一次性使用；请向签发机构核实。", "It is recorded as used, although this type is not single-use."),
    Code.STATUS_MISSING: CodeText(4, Advice.CALL_ISSUER, "账本上没有该位置的状态。", "The ledger holds no status at this place."),
    Code.STATUS_UNDEFINED: CodeText(4, Advice.UPDATE_SOFTWARE, "账本上的状态值未知。", "The status on the ledger is not known here."),
    Code.NOT_SUSPENDED: CodeText(None, Advice.NOTHING, "没有被暂扣，已激活。", "It is neither suspended nor waiting for activation."),
    Code.SUSPENDED: CodeText(2, Advice.CALL_ISSUER, "已暂扣或挂起，暂时不能使用。", "It is suspended and cannot be used for now."),
    Code.PENDING: CodeText(1, Advice.WAIT, "尚未激活。", "It has not been activated yet."),
    Code.NOT_SUPERSEDED: CodeText(None, Advice.NOTHING, "没有被新版本替换。", "No newer version has replaced it."),
    Code.SUPERSEDED: CodeText(3, Advice.NEW_ONE, "已变更换发，被新版本替换。", "A newer version has replaced it."),
    Code.LIST_AGREES: CodeText(None, Advice.NOTHING, "状态列表编号与账本一致。", "The number of the status list agrees with the ledger."),
    Code.LIST_TOKEN_GOOD: CodeText(None, Advice.NOTHING, "状态列表编号与账本一致，状态列表真实且未过期。", "The status list is the right one, authentic and fresh."),
    Code.STATUS_URI: CodeText(6, Advice.CALL_ISSUER, "状态列表地址的格式不对。", "The address of the status list has a wrong form."),
    Code.LIST_ISSUER_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "状态列表属于另一机构。", "The status list is that of another agency."),
    Code.LIST_LEDGER_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "状态列表属于另一账本。", "The status list is that of another ledger."),
    Code.LIST_NUMBER_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "状态列表编号与账本不符。", "The number of the status list is not the one on the ledger."),
    Code.LIST_TOKEN_SHAPE: CodeText(6, Advice.RETRY, "状态列表无法读取。", "The status list cannot be read."),
    Code.LIST_TOKEN_URI: CodeText(6, Advice.RETRY, "提供的状态列表不是证照所指的列表。", "The status list given is not the one that the certificate names."),
    Code.LIST_TOKEN_SIGNATURE: CodeText(6, Advice.RETRY, "状态列表的签名不符。", "The signature of the status list does not hold."),
    Code.LIST_TOKEN_PURPOSE: CodeText(6, Advice.CALL_ISSUER, "状态列表不是用状态密钥签名的。", "The status list was not signed with a key for that purpose."),
    Code.LIST_TOKEN_EXPIRED: CodeText(4, Advice.RETRY, "状态列表已过期，请取最新的。", "The status list is out of date; get the newest one."),
    Code.STATUS_INDEX_RANGE: CodeText(6, Advice.CALL_ISSUER, "状态序号超出状态列表的范围。", "The status index lies outside the status list."),
    Code.LIST_DISAGREES: CodeText(4, Advice.RETRY, "状态列表与账本不一致，暂不能判断。", "Status list and ledger disagree at the moment."),
    Code.INDEX_OWNED: CodeText(None, Advice.NOTHING, "状态序号属于本证照。", "The status index belongs to this certificate."),
    Code.INDEX_OF_OTHER: CodeText(6, Advice.CALL_ISSUER, "状态序号属于另一张证照。", "The status index belongs to another certificate."),
    Code.VIEW_FRESH: CodeText(None, Advice.NOTHING, "账本数据是最新的。", "The copy of the ledger is fresh."),
    Code.VIEW_STALE: CodeText(4, Advice.RETRY, "账本数据已陈旧，不能据此判断。", "The copy of the ledger is too old to tell."),
    Code.VIEW_FROM_FUTURE: CodeText(4, Advice.CHECK_CLOCK, "账本数据的时间晚于本机时钟，请检查时钟。", "The copy of the ledger is from the future: check the clock."),
    # Presentation
    Code.NOT_PRESENTED: CodeText(None, Advice.CHECK_PERSON, "这是一份文件，不是持有人的出示；来人身份未核对。", "This is a file, not a presentation by its holder: who brought it was not checked."),
    Code.KEY_BINDING_NOT_CHECKED: CodeText(None, Advice.CHECK_PERSON, "文件含有持有人绑定，但此处不核对；来人身份未核对。", "The file carries a holder's proof, which is not checked here: who brought it was not checked."),
    Code.NO_DELEGATION: CodeText(None, Advice.NOTHING, "没有代办授权。", "No delegation is claimed."),
    Code.NO_PAGE: CodeText(None, Advice.NOTHING, "这不是盖章的 PDF 页面。", "This is no sealed PDF page."),
    # Page
    Code.PAGE_SEALED: CodeText(None, Advice.NOTHING, "页面由签发机构盖章，盖章后没有改动，并已登记上链。", "The page is sealed by the issuing agency, unaltered since, and on the ledger."),
    Code.PAGE_NOT_SEALED: CodeText(4, Advice.READ_HERE, "文件没有机构盖章，页面上印的内容没有核对；请以本页显示的内容为准。", "The file bears no seal, so what is printed on it was not checked: read the values here, not on the paper."),
    Code.PAGE_NOT_ANCHORED: CodeText(4, Advice.READ_HERE, "盖章完好，但这份文件的登记尚未在账本上最终确认，或回执不在本处。", "The seal holds, but this file's own entry is not final on the ledger yet, or its receipt is not held here."),
    Code.PAGE_SEAL_BROKEN: CodeText(6, Advice.CALL_ISSUER, "盖章已失效：文件在盖章后被改动，或盖章是伪造的。", "The seal is broken: the file was altered after sealing, or the seal is forged."),
    Code.PAGE_SEAL_PARTIAL: CodeText(6, Advice.CALL_ISSUER, "盖章没有覆盖整个文件。", "The seal does not cover the whole file."),
    Code.PAGE_SEAL_LOOSE: CodeText(6, Advice.CALL_ISSUER, "盖章允许以后改动页面，不能据此信任页面。", "The seal permits later changes, so the page cannot be trusted."),
    Code.PAGE_CHANGED_LATER: CodeText(6, Advice.CALL_ISSUER, "盖章之后文件又被添加或修改了内容。", "Something was added to the file or changed after it was sealed."),
    Code.PAGE_SEAL_FOREIGN: CodeText(6, Advice.CALL_ISSUER, "盖章不是签发机构登记的印章。", "The seal is not one that is registered for the issuing agency."),
    Code.PAGE_SEAL_PURPOSE: CodeText(6, Advice.CALL_ISSUER, "盖章用的密钥不是该机构登记的盖章密钥。", "The key behind the seal is not registered for sealing."),
    Code.PAGE_KEY_NOT_GOOD: CodeText(6, Advice.CALL_ISSUER, "文件登记时，盖章密钥不在有效期内。", "The sealing key was not in force when the file was anchored."),
    Code.PAGE_KEY_COMPROMISED: CodeText(6, Advice.CALL_ISSUER, "盖章密钥已报失密，无法证明盖章在失密之前。", "The sealing key was reported compromised, and nothing shows that the seal is older."),
    Code.PAGE_BATCH_WITHDRAWN: CodeText(3, Advice.NEW_ONE, "该批文件已被整批作废。", "The batch of documents was withdrawn."),
    Code.PAGE_FACTS: CodeText(6, Advice.CALL_ISSUER, "盖章文件里没有说明它对应哪张证照，或说明无法读取。", "The sealed file does not say which certificate it shows, or not in a readable way."),
    Code.PAGE_BUNDLE_SWAPPED: CodeText(6, Advice.CALL_ISSUER, "文件里附带的证照不是盖章时所指的那一张。", "The certificate attached to the file is not the one that the seal names."),
    Code.PAGE_NOT_COMPARED: CodeText(4, Advice.COMPARE, "纸面上的内容还没有与账本核对。", "What the sheet says has not been compared yet."),
    Code.PAGE_PARTLY_COMPARED: CodeText(4, Advice.COMPARE, "核对过的内容与账本一致，但纸面上还有内容没有核对。", "What was compared agrees; other values of the sheet were not compared."),
    Code.PAGE_VALUES_MATCH: CodeText(None, Advice.NOTHING, "纸面上的各项内容都核对过，与账本一致。", "Every value of the sheet was compared and agrees."),
    Code.PAGE_VALUE_DIFFERS: CodeText(6, Advice.CALL_ISSUER, "纸面上的内容与证照不一致，纸面可能被改动。", "The sheet does not say what the certificate says: it may have been altered."),
    Code.PAGE_PRINT_WITHDRAWN: CodeText(3, Advice.NEW_ONE, "签发机构已收回这份打印件，它不再有效。", "The issuing agency has withdrawn this print; it counts no more."),
    # Verdict
    Code.ACCEPTED: CodeText(0, Advice.CHECK_PERSON, "真实有效。", "Genuine and in force."),
}
# fmt: on

NATIONAL_TEXTS: Final[Mapping[int, Mapping[Language, str]]] = {
    0: {"zh": "信息正确且有效", "en": "Correct and in force"},
    1: {"zh": "信息正确且未激活", "en": "Correct, not active yet"},
    2: {"zh": "信息正确且证照暂时失效", "en": "Correct, suspended for now"},
    3: {"zh": "信息正确且证照已失效", "en": "Correct, no longer in force"},
    4: {"zh": "信息不全，无法验证", "en": "Incomplete, cannot be verified"},
    5: {"zh": "查无此信息", "en": "Not found"},
    6: {"zh": "信息错误，参数不一致", "en": "Wrong particulars"},
}

SINGLE_OPERATOR_TEXT: Final[Mapping[Language, str]] = {
    "zh": "（单方账本：账本仅由一家机构运行，没有其他机构见证。）",
    "en": " (Single-operator ledger, 单方账本: one agency runs it alone, no other bears witness.)",
}

CHECK_NAMES: Final[Mapping[str, Mapping[Language, str]]] = {
    "parse": {"zh": "读取", "en": "Reading"},
    "canonical": {"zh": "写法规范", "en": "Canonical form"},
    "payload": {"zh": "必需声明", "en": "Necessary statements"},
    "disclosures": {"zh": "出示内容", "en": "Values shown"},
    "duplicates": {"zh": "重复内容", "en": "Duplicates"},
    "algorithm": {"zh": "签名算法", "en": "Algorithm"},
    "signature": {"zh": "签名", "en": "Signature"},
    "key_valid_at_anchor": {"zh": "登记时密钥有效", "en": "Key valid at anchoring"},
    "key_compromise": {"zh": "密钥失密", "en": "Key compromise"},
    "grant_at_anchor": {"zh": "登记时授权", "en": "Entitlement at anchoring"},
    "grant_chain": {"zh": "上级授权链", "en": "Chain of entitlements"},
    "issuer_now": {"zh": "机构现状（仅供参考）", "en": "The agency today (for information)"},
    "schema": {"zh": "内容规范", "en": "Content rules"},
    "inclusion": {"zh": "在批次之中", "en": "Part of the batch"},
    "anchor": {"zh": "批次登记", "en": "Batch anchored"},
    "finality": {"zh": "最终确认", "en": "Finality"},
    "contract": {"zh": "账本与合约", "en": "Ledger and contract"},
    "anchor_facts": {"zh": "批次要素", "en": "Facts of the batch"},
    "issued_before_anchor": {"zh": "签发日期", "en": "Day of issue"},
    "not_before": {"zh": "生效时间", "en": "Start of validity"},
    "expiry": {"zh": "有效期", "en": "Expiry"},
    "revocation": {"zh": "吊销与注销", "en": "Revocation"},
    "suspension": {"zh": "暂扣与激活", "en": "Suspension"},
    "supersession": {"zh": "变更换发", "en": "Supersession"},
    "status_list": {"zh": "状态列表", "en": "Status list"},
    "status_owner": {"zh": "状态序号", "en": "Status index"},
    "status_age": {"zh": "账本数据新旧", "en": "Age of ledger data"},
    "holder_binding": {"zh": "持有人绑定", "en": "Holder binding"},
    "audience": {"zh": "出示对象", "en": "Audience"},
    "delegation": {"zh": "代办授权", "en": "Delegation"},
    "issuer_binding": {"zh": "机构身份", "en": "Identity of the agency"},
    "page": {"zh": "盖章页面", "en": "Sealed page"},
}


def text_of(code: str, language: Language) -> str:
    """Plain sentence for a code."""
    row = TEXTS[Code(code)]
    return texts_bo.SENTENCES[code] if language == "bo" else row.zh if language == "zh" else row.en


def advice_of(code: str, language: Language) -> str:
    """What to do about a code."""
    advice = TEXTS[Code(code)].advice
    return texts_bo.ADVICE[advice.name] if language == "bo" else advice.value[0 if language == "zh" else 1]


def check_name(check: str, language: Language) -> str:
    """Name of a check for people."""
    return texts_bo.NAMES[check] if language == "bo" else CHECK_NAMES[check][language]


def national_text(national: int, language: Language) -> str:
    """What a national result code, 0 to 6, says."""
    return texts_bo.NATIONAL[national] if language == "bo" else NATIONAL_TEXTS[national][language]
