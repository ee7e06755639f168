// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../interfaces/IIssuerRegistry.sol";
import {AnchorSlot} from "../libraries/AnchorSlot.sol";
import {SaltedDomain} from "../libraries/SaltedDomain.sol";
import {SignerCheck} from "../libraries/SignerCheck.sol";
import {StatusWord} from "../libraries/StatusWord.sol";

/// @title All that CredentialLedger keeps, and the questions it asks itself.
/// @dev Slots (a test reads them raw):
///
/// | slot | holds |
/// |---|---|
/// | 0 | open, number of imported anchors, number of issuers handed over |
/// | 1 | issuer → ledger it was handed over to |
/// | 2 | issuer → root → anchor (one slot); then word of the leaf index → 64 statuses |
/// | 3 | standing id → terms (one slot), approver, limits and today's use (one slot), nonce |
/// | 4 | issuer → nonce words |
abstract contract LedgerState is ICredentialLedger, SaltedDomain {
    uint8 internal constant _ROLE_ADMIN = 1;
    uint8 internal constant _ROLE_REDEEMER = 5;
    uint8 internal constant _REASON_LAST = 5;
    uint8 internal constant _REASON_HOLDER = 1;
    uint8 internal constant _ACT_ANCHOR = 1;
    uint8 internal constant _ACT_SUPERSEDE = 2;
    uint8 internal constant _ACT_USE = 4;
    uint8 internal constant _ACTS = 7;
    uint256 internal constant _LONGEST_STANDING = 31 days;
    /// Asia/Shanghai is UTC+8 without summer time.
    uint256 internal constant _ZONE = 8 hours;

    struct Switches {
        bool isOpen;
        uint64 imported;
        uint64 handovers;
    }

    struct Stored {
        AnchorSlot anchor;
        mapping(uint256 word => uint256 statuses) words;
    }

    struct Standing {
        IssuerId issuer;
        uint32 typeId;
        uint8 acts;
        bool revoked;
        uint40 validFrom;
        uint24 duration;
        bytes32 approver;
        uint32 anchorLimit;
        uint32 supersedeLimit;
        uint32 useLimit;
        uint32 day;
        uint32 anchored;
        uint32 superseded;
        uint32 used;
        uint256 nonce;
    }

    IIssuerRegistry internal immutable _registry;

    Switches internal _switches;
    mapping(IssuerId issuer => address successor) internal _handedOver;
    mapping(IssuerId issuer => mapping(bytes32 root => Stored)) internal _batches;
    mapping(bytes32 standingId => Standing) internal _standings;
    mapping(IssuerId issuer => mapping(uint256 word => uint256 bits)) internal _nonces;

    // ---- asking ----

    function _within(bytes32 standingId, uint8 act, uint32 limit, uint256 wanted) internal pure returns (uint32) {
        if (wanted > limit) revert LedgerStandingLimit(standingId, act, limit, wanted);
        return uint32(wanted);
    }

    function _today() internal view returns (uint32) {
        return uint32((block.timestamp + _ZONE) / 1 days);
    }

    /// @return act the one act of these changes, named by the first status written.
    /// @return leaves how many statuses change.
    function _actOf(WordChange[] calldata changes) internal pure returns (uint8 act, uint256 leaves) {
        if (changes.length == 0) revert LedgerNoChanges();
        bool isUse = StatusWord.usedLanes(changes[0].value, StatusWord.LANES) != 0;
        act = isUse ? _ACT_USE : _ACT_SUPERSEDE;
        leaves = _requireAll(changes, isUse ? StatusWord.USED : StatusWord.SUPERSEDED, act);
    }

    /// @return leaves how many statuses change, all of them to `status`.
    function _requireAll(WordChange[] calldata changes, uint256 status, uint8 act)
        internal
        pure
        returns (uint256 leaves)
    {
        for (uint256 i = 0; i < changes.length; ++i) {
            uint256 lanes = changes[i].mask & StatusWord.LANES;
            if (changes[i].value != lanes * status) revert LedgerNotAct(changes[i].word, act);
            leaves += StatusWord.count(lanes);
        }
    }

    /// Open, and not handed over. A suspension asks neither: see the interface.
    function _requireWritable(IssuerId issuer) internal view {
        Switches memory switches = _switches;
        if (!switches.isOpen) revert LedgerNotOpen();
        if (switches.handovers == 0) return;
        address successor = _handedOver[issuer];
        if (successor != address(0)) revert LedgerIsHandedOver(issuer, successor);
    }

    function _requireAnchor(IssuerId issuer, bytes32 root)
        internal
        view
        returns (Stored storage stored, AnchorSlot batch)
    {
        stored = _batches[issuer][root];
        batch = stored.anchor;
        if (batch.anchoredAt() == 0) revert LedgerNotAnchored(issuer, root);
    }

    /// Anchored and not withdrawn.
    function _requireAnchored(IssuerId issuer, bytes32 root)
        internal
        view
        returns (Stored storage stored, AnchorSlot batch)
    {
        (stored, batch) = _requireAnchor(issuer, root);
        if (batch.withdrawn() != 0) revert LedgerAlreadyWithdrawn(issuer, root, batch.withdrawn());
    }

    /// A batch whose credentials may change status.
    function _requireCredentials(IssuerId issuer, bytes32 root)
        internal
        view
        returns (Stored storage stored, AnchorSlot batch)
    {
        stored = _batches[issuer][root];
        batch = stored.anchor;
        // One look for the good case; what is wrong is found out afterwards.
        if (!batch.hasCredentials()) {
            _requireAnchored(issuer, root);
            revert LedgerBadDocumentBatch(0, 0, false);
        }
    }

    function _refuseSuspension(uint32 word, uint256 mask, uint256 value, uint256 statuses, uint256 allowed)
        internal
        pure
    {
        uint256 lanes = StatusWord.lanesOf(mask, value, allowed);
        if (lanes == 0) revert LedgerBadWord(word, mask, value);
        if (value != lanes * StatusWord.SUSPENDED) revert LedgerNotSuspension(word, mask, value);
        revert LedgerBadTransition(word, statuses & mask, mask, value);
    }

    function _requireStanding(bytes32 standingId) internal view returns (Standing storage standing) {
        standing = _standings[standingId];
        if (standing.approver == 0) revert LedgerUnknownStanding(standingId);
    }

    function _requireRange(uint32 typeId, uint32 size, uint32 list, uint32 firstWord) internal pure {
        if (size == 0) revert LedgerBadSize(size);
        if (typeId == 0 && (list != 0 || firstWord != 0)) revert LedgerBadDocumentBatch(list, firstWord, false);
        if (!StatusWord.fitsList(firstWord, size)) revert LedgerBadRange(list, firstWord, size);
    }

    function _requireReason(uint8 reasonClass) internal pure {
        // Unchecked: zero becomes the largest number, so that one comparison judges both ends.
        unchecked {
            if (uint256(reasonClass) - 1 >= _REASON_LAST) revert LedgerBadReason(reasonClass);
        }
    }

    function _requireInTime(uint64 deadline) internal view {
        if (block.timestamp > deadline) revert LedgerExpired(deadline, uint64(block.timestamp));
    }

    /// `requireRoles` leaves a zero signer out, so it must not pass here.
    function _requireTwoSigners(bytes32 maker, bytes32 approver) internal pure {
        if (maker == approver) revert LedgerSameSigner(maker);
        if (maker == 0 || approver == 0) revert LedgerBadSignature(0);
    }

    function _requireSigned(bytes32 signer, bytes32 digest, bytes calldata signature) internal view {
        // The registry checks the other kinds: elliptic curves in Solidity are long code to hold twice.
        bool isSigned = SignerCheck.isEcdsa(signature)
            ? SignerCheck.isSignedByAccount(signer, digest, signature)
            : _registry.checkSignature(signer, digest, signature);
        if (!isSigned) revert LedgerBadSignature(signer);
    }

    function _requireNoSignature(bytes32 signer, bytes calldata signature) internal pure {
        if (signature.length != 0) revert LedgerBadSignature(signer);
    }
}
