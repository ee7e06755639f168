// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerState} from "./bases/LedgerState.sol";
import {ICredentialLedger} from "./interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "./interfaces/IIssuerRegistry.sol";
import {AnchorSlot, AnchorSlots} from "./libraries/AnchorSlot.sol";
import {InclusionProof} from "./libraries/InclusionProof.sol";
import {LedgerTypes} from "./libraries/LedgerTypes.sol";
import {NonceMap} from "./libraries/NonceMap.sol";
import {RegistryCall} from "./libraries/RegistryCall.sol";
import {SaltedDomain} from "./libraries/SaltedDomain.sol";
import {SignerCheck} from "./libraries/SignerCheck.sol";
import {StatusLog} from "./libraries/StatusLog.sol";
import {StatusWord} from "./libraries/StatusWord.sol";

/// @title See ICredentialLedger
/// @dev Slots, and what several calls ask: LedgerState.
contract CredentialLedger is LedgerState {
    using NonceMap for mapping(uint256 => uint256);

    /// What BatchAnchored carries beside its topics, in its order.
    struct AnchoredLog {
        uint32 key;
        uint32 size;
        uint40 anchoredAt;
        uint32 list;
        uint32 firstWord;
        bool pending;
        bytes32 operator;
        bytes32 maker;
        bytes32 approver;
        bytes32 standingId;
    }

    modifier onlyGovernance() {
        if (msg.sender != _registry.governance()) revert LedgerOnlyGovernance(msg.sender);
        _;
    }

    constructor(bytes32 ledgerId_, address registry_) SaltedDomain(keccak256("ecert CredentialLedger"), ledgerId_) {
        _registry = IIssuerRegistry(registry_);
    }

    // ---- batches ----

    /// @inheritdoc ICredentialLedger
    function anchor(Batch calldata batch, Approvals calldata approvals) external {
        _anchor(batch, approvals);
    }

    /// @inheritdoc ICredentialLedger
    function anchorMany(Batch[] calldata batches, Approvals[] calldata approvals) external {
        if (batches.length != approvals.length) revert LedgerLengthMismatch(batches.length, approvals.length);
        for (uint256 i = 0; i < batches.length; ++i) {
            _anchor(batches[i], approvals[i]);
        }
    }

    /// @inheritdoc ICredentialLedger
    function withdrawBatch(
        BatchWithdrawal calldata withdrawal,
        bytes calldata makerSignature,
        bytes calldata approverSignature
    ) external {
        IssuerId issuer = withdrawal.issuer;
        IssuerId by = withdrawal.by;
        _requireWritable(issuer);
        _requireReason(withdrawal.reasonClass);
        _requireInTime(withdrawal.deadline);
        (Stored storage stored, AnchorSlot batch) = _requireAnchored(issuer, withdrawal.root);
        _requireTwoSigners(withdrawal.maker, withdrawal.approver);
        // An ancestor speaks for itself; anybody else must act for the issuer.
        IssuerId acted = _registry.isAncestor(by, issuer) ? by : issuer;
        _registry.requireActing(by, acted, withdrawal.maker, withdrawal.approver);
        bytes32 digest = _digest(LedgerTypes.hash(withdrawal));
        _requireSigned(withdrawal.maker, digest, makerSignature);
        _requireSigned(withdrawal.approver, digest, approverSignature);
        stored.anchor = batch.withReason(withdrawal.reasonClass);
        emit BatchWithdrawn(
            issuer, withdrawal.root, withdrawal.reasonClass, by, withdrawal.maker, withdrawal.approver
        );
    }

    // ---- statuses ----

    /// @inheritdoc ICredentialLedger
    function suspend(
        IssuerId issuer,
        bytes32 root,
        IssuerId by,
        uint8 reasonClass,
        WordChange[] calldata changes
    ) external {
        _requireReason(reasonClass);
        (Stored storage stored, AnchorSlot batch) = _requireCredentials(issuer, root);
        // Dissolving into a successor removes the operators, so that the issuer's own need no look at it.
        if (by != issuer) _registry.requireActsFor(by, issuer);
        bytes32 operator = SignerCheck.ofAddress(msg.sender);
        if (!RegistryCall.isOperatorNow(_registry, operator, by)) revert LedgerMissingRole(by, operator);
        uint256 count = changes.length;
        if (count == 0) revert LedgerNoChanges();
        uint256 size = batch.size();
        uint256 log = StatusLog.start(reasonClass, by, operator, 0, 0, 0, count);
        for (uint256 i = 0; i < count; ++i) {
            (uint256 word, uint256 mask, uint256 value) = StatusWord.changeAt(changes, i);
            uint256 statuses = stored.words[word];
            // One look for the good case; what is wrong is found out afterwards.
            if (!StatusWord.isSuspension(statuses, mask, value, StatusWord.lanesBelow(word, size))) {
                _refuseSuspension(uint32(word), mask, value, statuses, StatusWord.lanesBelow(word, size));
            }
            stored.words[word] = statuses | value;
            StatusLog.put(log, count, i, word, statuses | value);
        }
        StatusLog.write(log, count, issuer, root);
    }

    /// @inheritdoc ICredentialLedger
    function changeStatus(StatusChange calldata change, WordChange[] calldata changes, Approvals calldata approvals)
        external
    {
        IssuerId by = change.by;
        _requireWritable(change.issuer);
        _requireReason(change.reasonClass);
        _requireInTime(change.deadline);
        (Stored storage stored, AnchorSlot batch) = _requireCredentials(change.issuer, change.root);
        bytes32 changesHash = keccak256(abi.encode(changes));
        if (changesHash != change.changesHash) revert LedgerChangesMismatch(changesHash, change.changesHash);
        _requireTwoSigners(change.maker, change.approver);
        _registry.requireActing(by, change.issuer, change.maker, change.approver);
        if (!_nonces[by].use(change.nonce)) revert LedgerNonceUsed(by, change.nonce);
        bytes32 digest = _digest(LedgerTypes.hash(change));
        _requireSigned(change.maker, digest, approvals.makerSignature);
        if (approvals.standingId == 0) {
            _requireSigned(change.approver, digest, approvals.approverSignature);
        } else {
            _requireNoSignature(change.approver, approvals.approverSignature);
            (uint8 act, uint256 leaves) = _actOf(changes);
            _spend(approvals.standingId, by, batch.typeId(), act, change.approver, leaves);
        }
        uint256 log = StatusLog.start(
            change.reasonClass,
            by,
            SignerCheck.ofAddress(msg.sender),
            change.maker,
            change.approver,
            approvals.standingId,
            changes.length
        );
        _apply(stored, batch, changes, log);
        StatusLog.write(log, changes.length, change.issuer, change.root);
    }

    /// @inheritdoc ICredentialLedger
    function redeem(IssuerId issuer, bytes32 root, WordChange[] calldata changes) external {
        _requireWritable(issuer);
        (Stored storage stored, AnchorSlot batch) = _requireCredentials(issuer, root);
        bytes32 redeemer = SignerCheck.ofAddress(msg.sender);
        // After a dissolution into a successor its redeemers count, and the issuer's own no more.
        IssuerId by = _registry.heirOf(issuer);
        if (!_registry.hasRole(by, redeemer, _ROLE_REDEEMER, batch.typeId())) revert LedgerMissingRole(by, redeemer);
        _requireAll(changes, StatusWord.USED, _ACT_USE);
        uint256 log = StatusLog.start(_REASON_HOLDER, by, redeemer, 0, 0, 0, changes.length);
        _apply(stored, batch, changes, log);
        StatusLog.write(log, changes.length, issuer, root);
    }

    // ---- standing approvals ----

    /// @inheritdoc ICredentialLedger
    function registerStanding(StandingApproval calldata standing, bytes calldata signature)
        external
        returns (bytes32 standingId)
    {
        standingId = standingDigest(standing);
        if (_standings[standingId].approver != 0) revert LedgerStandingExists(standingId);
        if (standing.acts == 0 || standing.acts > _ACTS) revert LedgerStandingWrongAct(standingId, standing.acts);
        if (standing.validUntil <= standing.validFrom || standing.validUntil - standing.validFrom > _LONGEST_STANDING) {
            revert LedgerStandingTooLong(standing.validFrom, standing.validUntil);
        }
        if (block.timestamp >= standing.validUntil || standing.validUntil > type(uint40).max) {
            revert LedgerStandingNotGood(standingId, uint64(block.timestamp));
        }
        if (standing.typeId != 0) _registry.typeOf(standing.typeId);
        if (standing.approver == 0) revert LedgerMissingRole(standing.issuer, 0);
        _registry.requireRoles(standing.issuer, 0, 0, standing.approver);
        if (signature.length != 0 || SignerCheck.ofAddress(msg.sender) != standing.approver) {
            _requireSigned(standing.approver, standingId, signature);
        }
        _store(standingId, standing);
        emit StandingRegistered(
            standingId,
            standing.issuer,
            standing.typeId,
            standing.acts,
            standing.anchorLimit,
            standing.supersedeLimit,
            standing.useLimit,
            standing.validFrom,
            standing.validUntil,
            standing.approver
        );
    }

    /// @inheritdoc ICredentialLedger
    function revokeStanding(bytes32 standingId, IssuerId by, IIssuerRegistry.Auth calldata auth) external {
        Standing storage standing = _requireStanding(standingId);
        if (standing.revoked) revert LedgerStandingNotGood(standingId, uint64(block.timestamp));
        IssuerId issuer = standing.issuer;
        if (auth.signer != standing.approver) {
            if (by != issuer && !_registry.isAncestor(by, issuer)) revert LedgerMissingRole(by, auth.signer);
            if (!_registry.hasRole(by, auth.signer, _ROLE_ADMIN, 0)) revert LedgerMissingRole(by, auth.signer);
        }
        if (auth.signature.length != 0) {
            _requireInTime(auth.deadline);
            bytes32 callHash = keccak256(abi.encode(this.revokeStanding.selector, standingId, by));
            // No mark for the nonce: a revocation is final, a second one is refused above.
            _requireSigned(auth.signer, _digest(LedgerTypes.authorisation(by, callHash, auth)), auth.signature);
        } else if (SignerCheck.ofAddress(msg.sender) != auth.signer) {
            revert LedgerBadSignature(auth.signer);
        }
        standing.revoked = true;
        emit StandingRevoked(standingId, issuer, auth.signer);
    }

    // ---- governance ----

    /// @inheritdoc ICredentialLedger
    function importAnchors(ImportedAnchor[] calldata records) external onlyGovernance {
        if (_switches.isOpen) revert LedgerAlreadyOpen();
        for (uint256 i = 0; i < records.length; ++i) {
            _import(records[i]);
        }
        _switches.imported += uint64(records.length);
    }

    /// @inheritdoc ICredentialLedger
    function open() external onlyGovernance {
        if (_switches.isOpen) revert LedgerAlreadyOpen();
        _switches.isOpen = true;
        emit LedgerOpened(_switches.imported);
    }

    /// @inheritdoc ICredentialLedger
    function handover(IssuerId issuer, address successor) external onlyGovernance {
        if (successor == address(0) || successor == address(this)) revert LedgerBadSuccessor(successor);
        if (_handedOver[issuer] != address(0)) revert LedgerIsHandedOver(issuer, _handedOver[issuer]);
        _handedOver[issuer] = successor;
        ++_switches.handovers;
        emit LedgerHandedOver(issuer, successor);
    }

    // ---- views ----

    /// @inheritdoc ICredentialLedger
    function ledgerId() external view returns (bytes32) {
        return _domainSalt();
    }

    /// @inheritdoc ICredentialLedger
    function registry() external view returns (IIssuerRegistry) {
        return _registry;
    }

    /// @inheritdoc ICredentialLedger
    function domainSeparator() external view returns (bytes32) {
        return _separator();
    }

    /// @inheritdoc ICredentialLedger
    function isOpen() external view returns (bool) {
        return _switches.isOpen;
    }

    /// @inheritdoc ICredentialLedger
    function handedOverTo(IssuerId issuer) external view returns (address) {
        return _handedOver[issuer];
    }

    /// @inheritdoc ICredentialLedger
    function anchorOf(IssuerId issuer, bytes32 root) external view returns (Anchor memory) {
        (, AnchorSlot batch) = _requireAnchor(issuer, root);
        return batch.unpack();
    }

    /// @inheritdoc ICredentialLedger
    function isAnchored(IssuerId issuer, bytes32 root) external view returns (bool) {
        return _batches[issuer][root].anchor.anchoredAt() != 0;
    }

    /// @inheritdoc ICredentialLedger
    function statusOf(IssuerId issuer, bytes32 root, uint32 leafIndex) external view returns (uint8) {
        (Stored storage stored, AnchorSlot batch) = _requireAnchor(issuer, root);
        if (batch.typeId() == 0) revert LedgerBadDocumentBatch(0, 0, false);
        if (leafIndex >= batch.size()) revert LedgerIndexOutOfRange(leafIndex, batch.size());
        return StatusWord.statusAt(stored.words[leafIndex / StatusWord.PER_WORD], leafIndex);
    }

    /// @inheritdoc ICredentialLedger
    function statusWord(IssuerId issuer, bytes32 root, uint32 word) external view returns (uint256) {
        return _batches[issuer][root].words[word];
    }

    /// @inheritdoc ICredentialLedger
    function isIncluded(IssuerId issuer, bytes32 root, bytes32 entry, uint32 leafIndex, bytes32[] calldata path)
        external
        view
        returns (bool)
    {
        (, AnchorSlot batch) = _requireAnchor(issuer, root);
        uint32 size = batch.size();
        if (leafIndex >= size) revert LedgerIndexOutOfRange(leafIndex, size);
        uint256 expected = InclusionProof.pathLength(leafIndex, size);
        if (path.length != expected) revert LedgerPathLength(expected, path.length);
        return InclusionProof.rootOf(InclusionProof.hashLeaf(entry), leafIndex, size, path) == root;
    }

    /// @inheritdoc ICredentialLedger
    function standingOf(bytes32 standingId) external view returns (StandingApproval memory standing, bool revoked) {
        Standing storage stored = _requireStanding(standingId);
        standing = StandingApproval(
            stored.issuer,
            stored.typeId,
            stored.acts,
            stored.anchorLimit,
            stored.supersedeLimit,
            stored.useLimit,
            stored.validFrom,
            uint64(stored.validFrom) + stored.duration,
            stored.approver,
            stored.nonce
        );
        revoked = stored.revoked;
    }

    /// @inheritdoc ICredentialLedger
    function standingUsed(bytes32 standingId)
        external
        view
        returns (uint32 anchored, uint32 superseded, uint32 used)
    {
        Standing storage stored = _requireStanding(standingId);
        if (stored.day != _today()) return (0, 0, 0);
        return (stored.anchored, stored.superseded, stored.used);
    }

    /// @inheritdoc ICredentialLedger
    function nonceUsed(IssuerId by, uint256 nonce) external view returns (bool) {
        return _nonces[by].isUsed(nonce);
    }

    /// @inheritdoc ICredentialLedger
    function batchDigest(Batch calldata batch) public view returns (bytes32) {
        return _digest(LedgerTypes.hash(batch));
    }

    /// @inheritdoc ICredentialLedger
    function statusChangeDigest(StatusChange calldata change) external view returns (bytes32) {
        return _digest(LedgerTypes.hash(change));
    }

    /// @inheritdoc ICredentialLedger
    function withdrawalDigest(BatchWithdrawal calldata withdrawal) external view returns (bytes32) {
        return _digest(LedgerTypes.hash(withdrawal));
    }

    /// @inheritdoc ICredentialLedger
    function standingDigest(StandingApproval calldata standing) public view returns (bytes32) {
        return _digest(LedgerTypes.hash(standing));
    }

    // ---- writing ----

    function _anchor(Batch calldata batch, Approvals calldata approvals) private {
        IssuerId issuer = batch.issuer;
        _requireWritable(issuer);
        _requireInTime(batch.deadline);
        _requireRange(batch.typeId, batch.size, batch.list, batch.firstWord);
        if (batch.typeId == 0 && batch.pending) revert LedgerBadDocumentBatch(0, 0, true);
        Stored storage stored = _batches[issuer][batch.root];
        uint40 earlier = stored.anchor.anchoredAt();
        if (earlier != 0) revert LedgerRootAlreadyAnchored(issuer, batch.root, earlier);
        _requireTwoSigners(batch.maker, batch.approver);
        bytes32 operator = SignerCheck.ofAddress(msg.sender);
        _registry.requireAnchor(issuer, batch.typeId, batch.key, operator, batch.maker, batch.approver);
        bytes32 digest = batchDigest(batch);
        _requireSigned(batch.maker, digest, approvals.makerSignature);
        if (approvals.standingId == 0) {
            _requireSigned(batch.approver, digest, approvals.approverSignature);
        } else {
            _requireNoSignature(batch.approver, approvals.approverSignature);
            _spend(approvals.standingId, issuer, batch.typeId, _ACT_ANCHOR, batch.approver, batch.size);
        }
        uint40 time = uint40(block.timestamp);
        stored.anchor = AnchorSlots.pack(
            Anchor(batch.typeId, batch.key, batch.size, time, batch.list, batch.firstWord, 0)
        );
        if (batch.pending) _fill(stored, batch.size);
        _logAnchored(batch, time, operator, approvals.standingId);
    }

    /// Thirteen arguments are too many for the stack: the event is written from memory.
    function _logAnchored(Batch calldata batch, uint40 time, bytes32 operator, bytes32 standingId) private {
        AnchoredLog memory log;
        log.key = batch.key;
        log.size = batch.size;
        log.anchoredAt = time;
        log.list = batch.list;
        log.firstWord = batch.firstWord;
        log.pending = batch.pending;
        log.operator = operator;
        log.maker = batch.maker;
        log.approver = batch.approver;
        log.standingId = standingId;
        bytes32 topic = BatchAnchored.selector;
        (bytes18 issuer, bytes32 root, uint32 typeId) = (IssuerId.unwrap(batch.issuer), batch.root, batch.typeId);
        // Assembly: ten members of one word each lie in memory as the ABI encodes them.
        assembly ("memory-safe") {
            log4(log, 0x140, topic, issuer, root, typeId)
        }
    }

    function _fill(Stored storage stored, uint256 size) private {
        for (uint256 word = 0; word * StatusWord.PER_WORD < size; ++word) {
            stored.words[word] = StatusWord.lanesBelow(word, size) * StatusWord.PENDING;
        }
    }

    function _import(ImportedAnchor calldata record) private {
        IssuerId issuer = record.issuer;
        Anchor calldata batch = record.anchor;
        Stored storage stored = _batches[issuer][record.root];
        uint40 earlier = stored.anchor.anchoredAt();
        if (earlier != 0) revert LedgerRootAlreadyAnchored(issuer, record.root, earlier);
        if (batch.anchoredAt == 0 || batch.anchoredAt > block.timestamp) {
            revert LedgerExpired(batch.anchoredAt, uint64(block.timestamp));
        }
        _requireRange(batch.typeId, batch.size, batch.list, batch.firstWord);
        if (batch.withdrawn > _REASON_LAST) revert LedgerBadReason(batch.withdrawn);
        if (batch.typeId == 0 && record.words.length != 0) revert LedgerBadDocumentBatch(0, 0, false);
        _registry.issuerOf(issuer);
        bool isSingleUse = batch.typeId != 0 && _registry.typeOf(batch.typeId).singleUse;
        stored.anchor = AnchorSlots.pack(batch);
        for (uint256 i = 0; i < record.words.length; ++i) {
            uint256 statuses = record.words[i];
            uint256 allowed = StatusWord.lanesBelow(i, batch.size) * 15;
            if (statuses & ~allowed != 0 || allowed == 0 || !StatusWord.isDefined(statuses)) {
                revert LedgerBadWord(uint32(i), allowed, statuses);
            }
            if (!isSingleUse && StatusWord.usedLanes(statuses, StatusWord.LANES) != 0) {
                revert LedgerNotSingleUse(batch.typeId);
            }
            if (statuses != 0) stored.words[i] = statuses;
        }
        emit BatchImported(issuer, record.root, batch.typeId, batch, record.words);
    }

    function _apply(Stored storage stored, AnchorSlot batch, WordChange[] calldata changes, uint256 log) private {
        uint256 count = changes.length;
        if (count == 0) revert LedgerNoChanges();
        uint256 size = batch.size();
        uint256 used = 0;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 word, uint256 mask, uint256 value) = StatusWord.changeAt(changes, i);
            uint256 lanes = StatusWord.lanesOf(mask, value, StatusWord.lanesBelow(word, size));
            if (lanes == 0) revert LedgerBadWord(uint32(word), mask, value);
            uint256 statuses = stored.words[word];
            if (!StatusWord.isAllowed(statuses, value, lanes)) {
                revert LedgerBadTransition(uint32(word), statuses & mask, mask, value);
            }
            used |= StatusWord.usedLanes(value, lanes);
            statuses = (statuses & ~mask) | value;
            stored.words[word] = statuses;
            StatusLog.put(log, count, i, word, statuses);
        }
        if (used != 0 && !_registry.typeOf(batch.typeId()).singleUse) revert LedgerNotSingleUse(batch.typeId());
    }

    function _store(bytes32 standingId, StandingApproval calldata standing) private {
        Standing storage stored = _standings[standingId];
        stored.issuer = standing.issuer;
        stored.typeId = standing.typeId;
        stored.acts = standing.acts;
        stored.validFrom = uint40(standing.validFrom);
        stored.duration = uint24(standing.validUntil - standing.validFrom);
        stored.approver = standing.approver;
        stored.anchorLimit = standing.anchorLimit;
        stored.supersedeLimit = standing.supersedeLimit;
        stored.useLimit = standing.useLimit;
        stored.nonce = standing.nonce;
    }

    /// Judges a standing approval and counts its leaves of today.
    function _spend(bytes32 standingId, IssuerId by, uint32 typeId, uint8 act, bytes32 approver, uint256 leaves)
        private
    {
        Standing storage standing = _requireStanding(standingId);
        if (standing.issuer != by) revert LedgerStandingWrongIssuer(standingId, by);
        if (standing.typeId != typeId) revert LedgerStandingWrongType(standingId, typeId);
        if (standing.acts & act == 0) revert LedgerStandingWrongAct(standingId, act);
        if (standing.approver != approver) revert LedgerStandingWrongApprover(standingId, approver);
        uint256 end = uint256(standing.validFrom) + standing.duration;
        if (standing.revoked || block.timestamp < standing.validFrom || block.timestamp >= end) {
            revert LedgerStandingNotGood(standingId, uint64(block.timestamp));
        }
        uint32 today = _today();
        if (standing.day != today) {
            (standing.day, standing.anchored, standing.superseded, standing.used) = (today, 0, 0, 0);
        }
        if (act == _ACT_ANCHOR) {
            standing.anchored = _within(standingId, act, standing.anchorLimit, leaves + standing.anchored);
        } else if (act == _ACT_SUPERSEDE) {
            standing.superseded = _within(standingId, act, standing.supersedeLimit, leaves + standing.superseded);
        } else {
            standing.used = _within(standingId, act, standing.useLimit, leaves + standing.used);
        }
    }
}
