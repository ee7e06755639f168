// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {RegistryViews} from "./bases/RegistryViews.sol";
import {IIssuerRegistry, IssuerId} from "./interfaces/IIssuerRegistry.sol";
import {NonceMap} from "./libraries/NonceMap.sol";
import {SaltedDomain} from "./libraries/SaltedDomain.sol";
import {SignerCheck} from "./libraries/SignerCheck.sol";

/// @title See IIssuerRegistry
/// @dev Slots, and what several calls ask: RegistryState. Views: RegistryViews.
contract IssuerRegistry is RegistryViews {
    using EnumerableSet for EnumerableSet.Bytes32Set;
    using NonceMap for mapping(uint256 => uint256);

    modifier onlySelf() {
        if (msg.sender != address(this)) revert RegistryOnlySelf(msg.sender);
        _;
    }

    modifier onlyGovernance() {
        if (msg.sender != _governance) revert RegistryOnlyGovernance(msg.sender);
        _;
    }

    constructor(
        bytes32 ledgerId_,
        address governance_,
        IssuerId rootIssuer_,
        bytes32 admin1,
        bytes32 admin2,
        bytes32 directoryHash
    ) SaltedDomain(keccak256("ecert IssuerRegistry"), ledgerId_) {
        _rootIssuer = rootIssuer_;
        _governance = governance_;
        emit GovernanceTransferred(address(0), governance_);
        _admit(rootIssuer_, rootIssuer_, 1, admin1, admin2, directoryHash);
    }

    // ---- two admins ----

    /// @inheritdoc IIssuerRegistry
    function propose(IssuerId by, bytes calldata act, Auth calldata auth) external returns (uint256 proposalId) {
        bytes32 actHash = keccak256(act);
        _requireAct(by, act);
        _authorise(by, keccak256(abi.encode(this.propose.selector, by, actHash)), auth);
        proposalId = ++_proposalCount;
        uint40 expiresAt = _now() + _PROPOSAL_LIFE;
        _proposals[proposalId] = Proposal(by, expiresAt, auth.signer, actHash);
        emit ActProposed(proposalId, by, auth.signer, actHash, expiresAt);
    }

    /// @inheritdoc IIssuerRegistry
    function accept(uint256 proposalId, bytes calldata act, Auth calldata auth) external {
        Proposal memory proposal = _requireProposal(proposalId);
        bytes32 actHash = keccak256(act);
        if (actHash != proposal.actHash) revert RegistryActMismatch(proposalId, proposal.actHash, actHash);
        if (_now() >= proposal.expiresAt) revert RegistryExpired(proposal.expiresAt, _now());
        if (auth.signer == proposal.proposer) revert RegistrySameSigner(auth.signer);
        // A proposal dies with its proposer's role, else one admin alone could use what a removed one left.
        _requireRole(proposal.by, proposal.proposer, _ROLE_ADMIN);
        _authorise(proposal.by, keccak256(abi.encode(this.accept.selector, proposalId, actHash)), auth);
        delete _proposals[proposalId];
        emit ActAccepted(proposalId, proposal.by, auth.signer);
        (bool done, bytes memory reason) = address(this).call(act);
        if (!done) {
            // Assembly: hands the act's own custom error on, bytes as they are.
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
    }

    /// @inheritdoc IIssuerRegistry
    function cancel(uint256 proposalId, Auth calldata auth) external {
        Proposal memory proposal = _requireProposal(proposalId);
        _authorise(proposal.by, keccak256(abi.encode(this.cancel.selector, proposalId)), auth);
        delete _proposals[proposalId];
        emit ActCancelled(proposalId, auth.signer);
    }

    // ---- acts ----

    /// @inheritdoc IIssuerRegistry
    function admitIssuer(IssuerId by, IssuerId issuer, bytes32 admin1, bytes32 admin2, bytes32 directoryHash)
        external
        onlySelf
    {
        uint8 level = _issuers[by].level + 1;
        if (level > _MAX_LEVEL) revert RegistryTooDeep(by, level);
        if (_issuers[issuer].level != 0) revert RegistryIssuerExists(issuer);
        _admit(by, issuer, level, admin1, admin2, directoryHash);
    }

    /// @inheritdoc IIssuerRegistry
    function setDirectory(IssuerId by, IssuerId issuer, bytes32 directoryHash) external onlySelf {
        _requireAncestor(by, issuer);
        _setDirectory(by, issuer, directoryHash);
    }

    /// @inheritdoc IIssuerRegistry
    function grantType(IssuerId by, IssuerId issuer, uint32 typeId, uint40 validFrom, uint40 validUntil)
        external
        onlySelf
    {
        _requireType(typeId);
        _requireInterval(validFrom, validUntil);
        // A dissolved issuer may still be granted a type: its own children's grants hang on it.
        IssuerId parent = _requireKnown(issuer).parent;
        if (_heirOf(parent) != by) revert RegistryNotAncestor(by, issuer);
        if (parent != issuer) {
            _requireGrant(parent, typeId, _now());
            uint40 limit = _grants[parent][typeId].validUntil;
            if (validUntil > limit) revert RegistryGrantExceedsParent(parent, typeId, limit);
        }
        Grant memory current = _grants[issuer][typeId];
        if (current.validUntil != 0) {
            // A new grant never covers what was withdrawn, and never leaves a hole in a running one.
            uint40 earliest = current.withdrawnAt != 0 ? current.withdrawnAt : current.validFrom;
            bool isRunning = current.withdrawnAt == 0 && current.validFrom <= _now() && _now() < current.validUntil;
            // Nor does it end what is over by now earlier than it ended: only a withdrawal reaches back.
            bool isCut = validUntil <= _now() && validUntil < current.validUntil;
            if (validFrom < earliest || (isRunning && validFrom > _now()) || isCut) {
                revert RegistryBadInterval(validFrom, validUntil);
            }
            _earlierGrants[issuer][typeId].push(current);
        }
        _grants[issuer][typeId] = Grant(validFrom, validUntil, 0, 0, 0);
        emit TypeGranted(issuer, typeId, by, validFrom, validUntil);
    }

    /// @inheritdoc IIssuerRegistry
    function withdrawGrant(IssuerId by, IssuerId issuer, uint32 typeId, uint40 since, uint8 cause) external onlySelf {
        _requireAncestor(by, issuer);
        Grant storage current = _grants[issuer][typeId];
        if (current.validUntil == 0) revert RegistryGrantMissing(issuer, typeId);
        if (current.withdrawnAt != 0) revert RegistryAlreadyWithdrawn(issuer, typeId, current.withdrawnAt);
        uint8 reason = cause & ~_CAUSE_BREAKS;
        if (reason == 0 || reason > 2) revert RegistryBadCause(cause);
        Grant[] storage earlier = _earlierGrants[issuer][typeId];
        uint40 earliest = earlier.length == 0 ? current.validFrom : earlier[0].validFrom;
        if (since < earliest || since > _now()) revert RegistrySinceOutOfRange(since, earliest, _now());
        current.withdrawnSince = since;
        current.withdrawnAt = _now();
        current.cause = cause;
        emit GrantWithdrawn(issuer, typeId, by, since, cause);
    }

    /// @inheritdoc IIssuerRegistry
    function registerKey(
        IssuerId by,
        IssuerId issuer,
        bytes32 thumbprint,
        uint8 purpose,
        uint40 validFrom,
        uint40 validUntil
    ) external onlySelf {
        _requireOwnOrAncestor(by, issuer);
        _requireLiving(issuer);
        _requireInterval(validFrom, validUntil);
        if (purpose == 0 || purpose > _PURPOSE_LAST) revert RegistryBadPurpose(purpose);
        KeyRef memory known = _keyRefs[thumbprint];
        if (known.key != 0) revert RegistryKeyExists(thumbprint, known.issuer, known.key);
        uint32 key = ++_keyCounts[issuer];
        _keys[issuer][key] = Key(validFrom, validUntil, 0, purpose, thumbprint);
        _keyRefs[thumbprint] = KeyRef(issuer, key);
        emit KeyRegistered(issuer, key, thumbprint, purpose, validFrom, validUntil);
    }

    /// @inheritdoc IIssuerRegistry
    function retireKey(IssuerId by, IssuerId issuer, uint32 key, uint40 validUntil) external onlySelf {
        _requireOwnOrAncestor(by, issuer);
        Key storage stored = _requireKeyExists(issuer, key);
        // A time that has passed means now: an earlier end would break what the key signed since.
        uint40 end = validUntil < _now() ? _now() : validUntil;
        if (end >= stored.validUntil) revert RegistrySinceOutOfRange(validUntil, _now(), stored.validUntil);
        stored.validUntil = end;
        emit KeyRetired(issuer, key, end, by);
    }

    /// @inheritdoc IIssuerRegistry
    function compromiseKey(IssuerId by, IssuerId issuer, uint32 key, uint40 since) external onlySelf {
        _requireOwnOrAncestor(by, issuer);
        Key storage stored = _requireKeyExists(issuer, key);
        uint40 current = stored.compromisedSince;
        if (since < stored.validFrom || since == 0 || since > _now()) {
            revert RegistrySinceOutOfRange(since, stored.validFrom, _now());
        }
        if (current != 0 && since >= current) revert RegistryKeyOnlyEarlier(current, since);
        stored.compromisedSince = since;
        emit KeyCompromised(issuer, key, since, by);
    }

    /// @inheritdoc IIssuerRegistry
    function setRole(
        IssuerId by,
        IssuerId issuer,
        bytes32 signer,
        uint8 role,
        uint32 typeId,
        uint40 validFrom,
        uint40 validUntil
    ) external onlySelf {
        if (by != issuer) revert RegistryNotOwnAct(by, issuer);
        if (signer == 0) revert RegistryZeroSigner();
        bool isRedeemer = role == _ROLE_REDEEMER;
        if (role == 0 || role > _ROLE_REDEEMER || (!isRedeemer && typeId != 0)) revert RegistryBadRole(role, typeId);
        if (isRedeemer && !_requireType(typeId).singleUse) revert RegistryBadRole(role, typeId);
        if (validFrom != 0 || validUntil != 0) _requireInterval(validFrom, validUntil);
        // An admin counts as lasting from the call that appoints it, so it must be one from then on.
        if (role == _ROLE_ADMIN && validUntil == _FOREVER && validFrom > _now()) {
            revert RegistryBadInterval(validFrom, validUntil);
        }
        _setRole(issuer, signer, role, typeId, validFrom, validUntil);
        if (role == _ROLE_ADMIN && _lastingAdmins[issuer] < _MIN_ADMINS) revert RegistryTooFewAdmins(issuer);
    }

    /// @inheritdoc IIssuerRegistry
    function dissolveIssuer(IssuerId by, IssuerId issuer, IssuerId successor) external onlySelf {
        if (by == issuer) revert RegistryNotAncestor(by, issuer);
        _requireAncestor(by, issuer);
        _requireLiving(issuer);
        _issuers[issuer].dissolvedAt = _now();
        if (IssuerId.unwrap(successor) != 0) {
            // A dissolved issuer is never a successor, so no chain of successors closes into a ring.
            _requireLiving(successor);
            if (successor != by) _requireAncestor(by, successor);
            _successors[issuer] = successor;
            _removeOperators(issuer);
        }
        emit IssuerDissolved(issuer, successor, by);
    }

    /// @inheritdoc IIssuerRegistry
    function scheduleReset(IssuerId by, IssuerId issuer, bytes32 admin1, bytes32 admin2) external onlySelf {
        _requireAncestor(by, issuer);
        _scheduleReset(by, issuer, admin1, admin2);
    }

    /// @inheritdoc IIssuerRegistry
    function cancelReset(IssuerId by, IssuerId issuer) external onlySelf {
        Reset memory scheduled = _requireReset(issuer);
        if (by != issuer && by != scheduled.by) revert RegistryNotOwnAct(by, issuer);
        delete _resets[issuer];
        emit ResetCancelled(issuer);
    }

    // ---- anybody, governance ----

    /// @inheritdoc IIssuerRegistry
    function scheduleRootReset(bytes32 admin1, bytes32 admin2) external onlyGovernance {
        _scheduleReset(IssuerId.wrap(0), _rootIssuer, admin1, admin2);
    }

    /// @inheritdoc IIssuerRegistry
    function executeReset(IssuerId issuer) external {
        Reset memory scheduled = _requireReset(issuer);
        if (_now() < scheduled.readyAt) revert RegistryResetTooEarly(issuer, scheduled.readyAt);
        delete _resets[issuer];
        uint24 epoch = ++_issuers[issuer].epoch;
        emit RolesReset(issuer, epoch, scheduled.admin1, scheduled.admin2);
        _removeOperators(issuer);
        delete _lastingAdmins[issuer];
        _setRole(issuer, scheduled.admin1, _ROLE_ADMIN, 0, _now(), _FOREVER);
        _setRole(issuer, scheduled.admin2, _ROLE_ADMIN, 0, _now(), _FOREVER);
    }

    /// @inheritdoc IIssuerRegistry
    function registerType(bytes21 code, uint16 version, bytes32 fileHash, bool singleUse)
        external
        onlyGovernance
        returns (uint32 typeId)
    {
        bytes32 name = keccak256(abi.encode(code, version));
        if (_typeIds[name] != 0) revert RegistryTypeExists(code, version);
        typeId = ++_typeCount;
        _typeIds[name] = typeId;
        _types[typeId] = CredentialType(code, version, singleUse, fileHash);
        emit TypeRegistered(typeId, code, version, fileHash, singleUse);
    }

    /// @inheritdoc IIssuerRegistry
    function transferGovernance(address to) external onlyGovernance {
        _pendingGovernance = to;
        emit GovernanceTransferStarted(_governance, to);
    }

    /// @inheritdoc IIssuerRegistry
    function acceptGovernance() external {
        if (msg.sender != _pendingGovernance) revert RegistryOnlyGovernance(msg.sender);
        emit GovernanceTransferred(_governance, msg.sender);
        _governance = msg.sender;
        _pendingGovernance = address(0);
    }

    // ---- what the ledger asks ----

    /// @inheritdoc IIssuerRegistry
    function requireAnchor(
        IssuerId issuer,
        uint32 typeId,
        uint32 key,
        bytes32 operator,
        bytes32 maker,
        bytes32 approver
    ) external view {
        uint40 time = _now();
        Issuer memory node = _requireLiving(issuer);
        _requireRoleIn(issuer, 0, operator, _ROLE_OPERATOR);
        _requireRoleIn(issuer, node.epoch, maker, _ROLE_MAKER);
        _requireRoleIn(issuer, node.epoch, approver, _ROLE_APPROVER);
        uint8 purpose = typeId == 0 ? _PURPOSE_SEAL : _PURPOSE_CREDENTIAL;
        Key storage stored = _keys[issuer][key];
        if (!_isKeyGood(stored, time) || stored.purpose != purpose) {
            revert RegistryKeyNotGood(issuer, key, purpose, time);
        }
        if (typeId == 0) return;
        _requireGrant(issuer, typeId, time);
        // A dissolved ancestor does not stop its children; a withdrawn grant of it does.
        while (node.level > 1) {
            issuer = node.parent;
            _requireGrant(issuer, typeId, time);
            node = _issuers[issuer];
        }
    }

    /// @inheritdoc IIssuerRegistry
    function isOperatorNow(bytes32 signer, IssuerId issuer) external view returns (bool) {
        return _isNow(_roles[_scope(issuer, 0, _ROLE_OPERATOR, 0)][signer]);
    }

    /// @inheritdoc IIssuerRegistry
    function requireRoles(IssuerId by, bytes32 operator, bytes32 maker, bytes32 approver) external view {
        if (operator != 0) _requireRoleIn(by, 0, operator, _ROLE_OPERATOR);
        if (maker | approver == 0) return;
        uint24 epoch = _issuers[by].epoch;
        if (maker != 0) _requireRoleIn(by, epoch, maker, _ROLE_MAKER);
        if (approver != 0) _requireRoleIn(by, epoch, approver, _ROLE_APPROVER);
    }

    /// @inheritdoc IIssuerRegistry
    function requireActing(IssuerId by, IssuerId issuer, bytes32 maker, bytes32 approver) external view {
        Issuer memory node = _requireKnown(issuer);
        if (by != issuer || node.dissolvedAt != 0) {
            if (_heirOf(issuer) != by) revert RegistryNotOwnAct(by, issuer);
            node = _issuers[by];
        }
        _requireRoleIn(by, node.epoch, maker, _ROLE_MAKER);
        _requireRoleIn(by, node.epoch, approver, _ROLE_APPROVER);
    }

    /// @inheritdoc IIssuerRegistry
    function requireActsFor(IssuerId by, IssuerId issuer) external view {
        _requireKnown(issuer);
        if (_heirOf(issuer) != by) revert RegistryNotOwnAct(by, issuer);
    }

    /// @inheritdoc IIssuerRegistry
    function heirOf(IssuerId issuer) external view returns (IssuerId) {
        return _heirOf(issuer);
    }

    /// @inheritdoc IIssuerRegistry
    function checkSignature(bytes32 signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return SignerCheck.isSigned(signer, digest, signature);
    }

    // ---- writing ----

    function _admit(
        IssuerId parent,
        IssuerId issuer,
        uint8 level,
        bytes32 admin1,
        bytes32 admin2,
        bytes32 directoryHash
    ) private {
        _requireIssuerId(issuer);
        _requireTwoSigners(admin1, admin2);
        _issuers[issuer] = Issuer(parent, level, 0, _now(), 0);
        emit IssuerAdmitted(issuer, parent, level, admin1, admin2);
        _setDirectory(parent, issuer, directoryHash);
        _setRole(issuer, admin1, _ROLE_ADMIN, 0, _now(), _FOREVER);
        _setRole(issuer, admin2, _ROLE_ADMIN, 0, _now(), _FOREVER);
    }

    function _setDirectory(IssuerId by, IssuerId issuer, bytes32 directoryHash) private {
        _directories[issuer] = directoryHash;
        emit DirectorySet(issuer, directoryHash, by);
    }

    function _setRole(
        IssuerId issuer,
        bytes32 signer,
        uint8 role,
        uint32 typeId,
        uint40 validFrom,
        uint40 validUntil
    ) private {
        uint24 epoch = _roleEpoch(issuer, role);
        if (role == _ROLE_OPERATOR) {
            EnumerableSet.Bytes32Set storage operators = _operators[issuer];
            if (validUntil == 0) {
                operators.remove(signer);
            } else if (operators.add(signer) && operators.length() > _MAX_OPERATORS) {
                revert RegistryTooManyOperators(issuer, _MAX_OPERATORS);
            }
        }
        Interval storage interval = _roles[_scope(issuer, epoch, role, typeId)][signer];
        if (role == _ROLE_ADMIN) {
            if (interval.validUntil == _FOREVER) --_lastingAdmins[issuer];
            if (validUntil == _FOREVER) ++_lastingAdmins[issuer];
        }
        (interval.validFrom, interval.validUntil) = (validFrom, validUntil);
        emit RoleSet(issuer, signer, role, typeId, validFrom, validUntil, _issuers[issuer].epoch);
    }

    function _scheduleReset(IssuerId by, IssuerId issuer, bytes32 admin1, bytes32 admin2) private {
        _requireTwoSigners(admin1, admin2);
        uint40 readyAt = _now() + _RESET_DELAY;
        _resets[issuer] = Reset(admin1, admin2, by, readyAt);
        emit ResetScheduled(issuer, by, admin1, admin2, readyAt);
    }

    function _removeOperators(IssuerId issuer) private {
        bytes32[] memory operators = _operators[issuer].values();
        for (uint256 i = 0; i < operators.length; ++i) {
            _setRole(issuer, operators[i], _ROLE_OPERATOR, 0, 0, 0);
        }
    }

    function _authorise(IssuerId by, bytes32 callHash, Auth calldata auth) private {
        _requireLiving(by);
        _requireRole(by, auth.signer, _ROLE_ADMIN);
        if (auth.signature.length == 0) {
            if (SignerCheck.ofAddress(msg.sender) != auth.signer) revert RegistryBadSignature(auth.signer);
            return;
        }
        if (block.timestamp > auth.deadline) revert RegistryExpired(auth.deadline, uint64(block.timestamp));
        if (!_nonces[auth.signer].use(auth.nonce)) revert RegistryNonceUsed(auth.signer, auth.nonce);
        bytes32 digest = authorisationDigest(by, callHash, auth.signer, auth.nonce, auth.deadline);
        if (!SignerCheck.isSigned(auth.signer, digest, auth.signature)) revert RegistryBadSignature(auth.signer);
    }

    function _requireAct(IssuerId by, bytes calldata act) private pure {
        bytes4 selector = act.length < 4 ? bytes4(0) : bytes4(act[:4]);
        bool isAct = selector == IIssuerRegistry.admitIssuer.selector || selector == IIssuerRegistry.setDirectory.selector
            || selector == IIssuerRegistry.grantType.selector || selector == IIssuerRegistry.withdrawGrant.selector
            || selector == IIssuerRegistry.registerKey.selector || selector == IIssuerRegistry.retireKey.selector
            || selector == IIssuerRegistry.compromiseKey.selector || selector == IIssuerRegistry.setRole.selector
            || selector == IIssuerRegistry.dissolveIssuer.selector || selector == IIssuerRegistry.scheduleReset.selector
            || selector == IIssuerRegistry.cancelReset.selector;
        if (!isAct || act.length < 36) revert RegistryNotAnAct(selector);
        IssuerId named = IssuerId.wrap(bytes18(act[4:36]));
        if (named != by) revert RegistryNotOwnAct(by, named);
    }
}
