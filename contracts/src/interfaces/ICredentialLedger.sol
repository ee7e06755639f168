// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IssuerId, IIssuerRegistry} from "./IIssuerRegistry.sol";

/// @title Which batches exist, and each credential's status.
/// @notice EIP-712 domain: name "ecert CredentialLedger", version "1", chainId, verifyingContract,
/// salt = ledger id. Struct names and member order below are the EIP-712 types. Signature encoding:
/// see IIssuerRegistry.
/// @dev Warning: list ranges of different batches may overlap; that cannot harm a verdict, since
/// statuses are keyed by (issuer, root, word). Warning: a standing approval lets one stolen server
/// issue up to its daily limit.
interface ICredentialLedger {
    /// What maker and approver sign. `typeId` 0: document batch, then list, firstWord and pending
    /// must be zero. `pending`: every credential starts as PENDING. `root` is the RFC 9162 SHA-256
    /// tree head over `size` leaves.
    struct Batch {
        IssuerId issuer;
        uint32 typeId;
        uint32 key;
        bytes32 root;
        uint32 size;
        uint32 list;
        uint32 firstWord;
        bool pending;
        bytes32 maker;
        bytes32 approver;
        uint64 deadline;
    }

    /// `standingId` zero: both signatures. Else `approverSignature` is empty and the standing
    /// approval's approver must equal the struct's.
    struct Approvals {
        bytes makerSignature;
        bytes approverSignature;
        bytes32 standingId;
    }

    /// One word of 64 statuses of 4 bits, leaf i at bits 4·(i mod 64). Bits outside `mask` stay;
    /// `mask` covers whole nibbles of leaves below size; `value` lies inside `mask`.
    struct WordChange {
        uint32 word;
        uint256 mask;
        uint256 value;
    }

    /// `changesHash` = keccak256(abi.encode(changes)). `by`: the issuer, or its successor.
    struct StatusChange {
        IssuerId issuer;
        bytes32 root;
        bytes32 changesHash;
        uint8 reasonClass;
        IssuerId by;
        bytes32 maker;
        bytes32 approver;
        uint256 nonce;
        uint64 deadline;
    }

    /// `by`: the issuer, its successor, or an ancestor. Final, so it needs no nonce.
    struct BatchWithdrawal {
        IssuerId issuer;
        bytes32 root;
        uint8 reasonClass;
        IssuerId by;
        bytes32 maker;
        bytes32 approver;
        uint64 deadline;
    }

    /// `acts`: bit 0 anchor, bit 1 supersede, bit 2 use. Limits count leaves a day (Asia/Shanghai).
    /// Ends at most 31 days after `validFrom`. Its id is its EIP-712 digest.
    struct StandingApproval {
        IssuerId issuer;
        uint32 typeId;
        uint8 acts;
        uint32 anchorLimit;
        uint32 supersedeLimit;
        uint32 useLimit;
        uint64 validFrom;
        uint64 validUntil;
        bytes32 approver;
        uint256 nonce;
    }

    /// One storage slot. `withdrawn` 0: not withdrawn, else the reason class.
    struct Anchor {
        uint32 typeId;
        uint32 key;
        uint32 size;
        uint40 anchoredAt;
        uint32 list;
        uint32 firstWord;
        uint8 withdrawn;
    }

    struct ImportedAnchor {
        IssuerId issuer;
        bytes32 root;
        Anchor anchor;
        uint256[] words;
    }

    event BatchAnchored(
        IssuerId indexed issuer,
        bytes32 indexed root,
        uint32 indexed typeId,
        uint32 key,
        uint32 size,
        uint40 anchoredAt,
        uint32 list,
        uint32 firstWord,
        bool pending,
        bytes32 operator,
        bytes32 maker,
        bytes32 approver,
        bytes32 standingId
    );
    event BatchImported(IssuerId indexed issuer, bytes32 indexed root, uint32 indexed typeId, Anchor anchor, uint256[] words);
    event BatchWithdrawn(
        IssuerId indexed issuer, bytes32 indexed root, uint8 reasonClass, IssuerId by, bytes32 maker, bytes32 approver
    );
    /// `words[i]` now holds `values[i]`.
    event StatusChanged(
        IssuerId indexed issuer,
        bytes32 indexed root,
        uint8 reasonClass,
        IssuerId by,
        bytes32 operator,
        bytes32 maker,
        bytes32 approver,
        bytes32 standingId,
        uint32[] words,
        uint256[] values
    );
    event StandingRegistered(
        bytes32 indexed standingId,
        IssuerId indexed issuer,
        uint32 indexed typeId,
        uint8 acts,
        uint32 anchorLimit,
        uint32 supersedeLimit,
        uint32 useLimit,
        uint64 validFrom,
        uint64 validUntil,
        bytes32 approver
    );
    event StandingRevoked(bytes32 indexed standingId, IssuerId indexed issuer, bytes32 signer);
    event LedgerOpened(uint256 imported);
    event LedgerHandedOver(IssuerId indexed issuer, address indexed successor);

    error LedgerNotOpen();
    error LedgerAlreadyOpen();
    error LedgerOnlyGovernance(address caller);
    error LedgerIsHandedOver(IssuerId issuer, address successor);
    error LedgerRootAlreadyAnchored(IssuerId issuer, bytes32 root, uint40 anchoredAt);
    error LedgerNotAnchored(IssuerId issuer, bytes32 root);
    error LedgerAlreadyWithdrawn(IssuerId issuer, bytes32 root, uint8 reasonClass);
    error LedgerBadSize(uint32 size);
    error LedgerBadRange(uint32 list, uint32 firstWord, uint32 size);
    error LedgerBadDocumentBatch(uint32 list, uint32 firstWord, bool pending);
    error LedgerExpired(uint64 deadline, uint64 time);
    error LedgerSameSigner(bytes32 signer);
    error LedgerBadSignature(bytes32 signer);
    error LedgerBadReason(uint8 reasonClass);
    error LedgerBadWord(uint32 word, uint256 mask, uint256 value);
    error LedgerBadTransition(uint32 word, uint256 from, uint256 mask, uint256 to);
    error LedgerNotSuspension(uint32 word, uint256 mask, uint256 value);
    error LedgerNotAct(uint32 word, uint8 act);
    error LedgerNotSingleUse(uint32 typeId);
    error LedgerNoChanges();
    error LedgerChangesMismatch(bytes32 expected, bytes32 given);
    error LedgerNonceUsed(IssuerId by, uint256 nonce);
    error LedgerIndexOutOfRange(uint32 index, uint32 size);
    error LedgerPathLength(uint256 expected, uint256 given);
    error LedgerUnknownStanding(bytes32 standingId);
    error LedgerStandingExists(bytes32 standingId);
    error LedgerStandingNotGood(bytes32 standingId, uint64 time);
    error LedgerStandingWrongIssuer(bytes32 standingId, IssuerId issuer);
    error LedgerStandingWrongType(bytes32 standingId, uint32 typeId);
    error LedgerStandingWrongAct(bytes32 standingId, uint8 act);
    error LedgerStandingWrongApprover(bytes32 standingId, bytes32 approver);
    error LedgerStandingLimit(bytes32 standingId, uint8 act, uint32 limit, uint256 wanted);
    error LedgerStandingTooLong(uint64 validFrom, uint64 validUntil);
    error LedgerMissingRole(IssuerId by, bytes32 signer);
    error LedgerBadSuccessor(address successor);
    error LedgerLengthMismatch(uint256 batches, uint256 approvals);

    function anchor(Batch calldata batch, Approvals calldata approvals) external;
    function anchorMany(Batch[] calldata batches, Approvals[] calldata approvals) external;
    function withdrawBatch(
        BatchWithdrawal calldata withdrawal,
        bytes calldata makerSignature,
        bytes calldata approverSignature
    ) external;
    /// The operator alone, VALID → SUSPENDED only: reversible, and must be instant.
    function suspend(
        IssuerId issuer,
        bytes32 root,
        IssuerId by,
        uint8 reasonClass,
        WordChange[] calldata changes
    ) external;
    function changeStatus(StatusChange calldata change, WordChange[] calldata changes, Approvals calldata approvals)
        external;
    /// `msg.sender` holds redeemer for (issuer or, once dissolved, its successor; the batch's type): VALID →
    /// USED only. The event's `by` is whose redeemer it was.
    function redeem(IssuerId issuer, bytes32 root, WordChange[] calldata changes) external;
    /// Anybody carries it; `signature` is the approver's (empty: `msg.sender` is the approver).
    function registerStanding(StandingApproval calldata standing, bytes calldata signature)
        external
        returns (bytes32 standingId);
    /// `auth.signer`: the approver itself, or an admin of `by`, which is the issuer or an ancestor.
    function revokeStanding(bytes32 standingId, IssuerId by, IIssuerRegistry.Auth calldata auth) external;
    /// Governance, before `open`, with original times. Issuers and types are those of the registry.
    function importAnchors(ImportedAnchor[] calldata records) external;
    function open() external;
    /// Governance: no further writes for this issuer here, except suspensions: until every verifier has the new
    /// trust file, the emergency brake must work where it looks.
    function handover(IssuerId issuer, address successor) external;

    function ledgerId() external view returns (bytes32);
    function registry() external view returns (IIssuerRegistry);
    function domainSeparator() external view returns (bytes32);
    function isOpen() external view returns (bool);
    function handedOverTo(IssuerId issuer) external view returns (address);
    /// Reverts when the root is not anchored by this issuer.
    function anchorOf(IssuerId issuer, bytes32 root) external view returns (Anchor memory);
    function isAnchored(IssuerId issuer, bytes32 root) external view returns (bool);
    /// Reverts when not anchored, or the index is not below size, or the batch is a document batch.
    function statusOf(IssuerId issuer, bytes32 root, uint32 leafIndex) external view returns (uint8);
    function statusWord(IssuerId issuer, bytes32 root, uint32 word) external view returns (uint256);
    /// RFC 9162 §2.1.3.2 over SHA-256(0x00 ‖ entry); the size comes from storage.
    function isIncluded(
        IssuerId issuer,
        bytes32 root,
        bytes32 entry,
        uint32 leafIndex,
        bytes32[] calldata path
    ) external view returns (bool);
    function standingOf(bytes32 standingId) external view returns (StandingApproval memory standing, bool revoked);
    /// Leaves used today (Asia/Shanghai) per act.
    function standingUsed(bytes32 standingId)
        external
        view
        returns (uint32 anchored, uint32 superseded, uint32 used);
    function nonceUsed(IssuerId by, uint256 nonce) external view returns (bool);
    function batchDigest(Batch calldata batch) external view returns (bytes32);
    function statusChangeDigest(StatusChange calldata change) external view returns (bytes32);
    function withdrawalDigest(BatchWithdrawal calldata withdrawal) external view returns (bytes32);
    function standingDigest(StandingApproval calldata standing) external view returns (bytes32);
}
