// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IIssuerRegistry, IssuerId} from "../interfaces/IIssuerRegistry.sol";
import {SaltedDomain} from "../libraries/SaltedDomain.sol";

/// @title All that IssuerRegistry keeps, and the questions it asks itself.
/// @dev Slots (a test reads them raw):
///
/// | slot | holds |
/// |---|---|
/// | 0 | governance |
/// | 1 | pending governance, number of types, number of proposals |
/// | 2 | issuer → parent, level, epoch, admitted, dissolved: one slot |
/// | 3 | issuer → successor |
/// | 4 | issuer → directory hash |
/// | 5 | type id → code, version, single use; then the file hash |
/// | 6 | keccak256(code, version) → type id |
/// | 7 | issuer → type id → current grant: one slot |
/// | 8 | issuer → type id → earlier grants, oldest first |
/// | 9 | issuer → number of keys |
/// | 10 | issuer → key → interval, compromise, purpose: one slot; then the thumbprint |
/// | 11 | thumbprint → issuer and key |
/// | 12 | role scope → signer → interval: one slot |
/// | 13 | issuer → its operators |
/// | 14 | proposal id → proposal |
/// | 15 | issuer → scheduled reset of its roles |
/// | 16 | signer → nonce words |
/// | 17 | issuer → number of its admins without an end |
abstract contract RegistryState is IIssuerRegistry, SaltedDomain {
    uint8 internal constant _MAX_LEVEL = 5;
    uint8 internal constant _PURPOSE_CREDENTIAL = 1;
    uint8 internal constant _PURPOSE_SEAL = 3;
    uint8 internal constant _PURPOSE_LAST = 6;
    uint8 internal constant _ROLE_ADMIN = 1;
    uint8 internal constant _ROLE_OPERATOR = 2;
    uint8 internal constant _ROLE_MAKER = 3;
    uint8 internal constant _ROLE_APPROVER = 4;
    uint8 internal constant _ROLE_REDEEMER = 5;
    uint8 internal constant _CAUSE_BREAKS = 0x80;
    uint40 internal constant _PROPOSAL_LIFE = 7 days;
    uint40 internal constant _RESET_DELAY = 24 hours;
    uint40 internal constant _FOREVER = type(uint40).max;
    /// Bounds the loop that removes them when roles are reset.
    uint256 internal constant _MAX_OPERATORS = 32;
    uint256 internal constant _MIN_ADMINS = 2;
    bytes32 internal constant _AUTHORISATION_TYPEHASH = keccak256(
        "Authorisation(bytes18 issuer,bytes32 callHash,bytes32 signer,uint256 nonce,uint64 deadline)"
    );

    struct KeyRef {
        IssuerId issuer;
        uint32 key;
    }

    struct Interval {
        uint40 validFrom;
        uint40 validUntil;
    }

    struct Reset {
        bytes32 admin1;
        bytes32 admin2;
        IssuerId by;
        uint40 readyAt;
    }

    IssuerId internal immutable _rootIssuer;

    address internal _governance;
    address internal _pendingGovernance;
    uint32 internal _typeCount;
    uint64 internal _proposalCount;
    mapping(IssuerId issuer => Issuer) internal _issuers;
    mapping(IssuerId issuer => IssuerId) internal _successors;
    mapping(IssuerId issuer => bytes32 hash) internal _directories;
    mapping(uint32 typeId => CredentialType) internal _types;
    mapping(bytes32 codeAndVersion => uint32 typeId) internal _typeIds;
    mapping(IssuerId issuer => mapping(uint32 typeId => Grant)) internal _grants;
    mapping(IssuerId issuer => mapping(uint32 typeId => Grant[])) internal _earlierGrants;
    mapping(IssuerId issuer => uint32 count) internal _keyCounts;
    mapping(IssuerId issuer => mapping(uint32 key => Key)) internal _keys;
    mapping(bytes32 thumbprint => KeyRef) internal _keyRefs;
    mapping(bytes32 scope => mapping(bytes32 signer => Interval)) internal _roles;
    mapping(IssuerId issuer => EnumerableSet.Bytes32Set) internal _operators;
    mapping(uint256 proposalId => Proposal) internal _proposals;
    mapping(IssuerId issuer => Reset) internal _resets;
    mapping(bytes32 signer => mapping(uint256 word => uint256 bits)) internal _nonces;
    mapping(IssuerId issuer => uint256 count) internal _lastingAdmins;

    // ---- asking ----

    function _now() internal view returns (uint40) {
        return uint40(block.timestamp);
    }

    /// Operators lie outside the epochs, and are removed one by one at a reset: an instant suspension then
    /// reads one slot less.
    function _roleEpoch(IssuerId issuer, uint8 role) internal view returns (uint24) {
        return role == _ROLE_OPERATOR ? 0 : _issuers[issuer].epoch;
    }

    /// Issuer 144 bits, zeros 48, epoch 24, role 8, type 32.
    function _scope(IssuerId issuer, uint24 epoch, uint8 role, uint32 typeId) internal pure returns (bytes32) {
        return bytes32(IssuerId.unwrap(issuer))
            | bytes32((uint256(epoch) << 40) | (uint256(role) << 32) | uint256(typeId));
    }

    function _isNow(Interval storage interval) internal view returns (bool) {
        return interval.validFrom <= block.timestamp && block.timestamp < interval.validUntil;
    }

    function _isKeyGood(Key memory key, uint40 time) internal pure returns (bool) {
        bool isHonest = key.compromisedSince == 0 || time < key.compromisedSince;
        return key.validFrom <= time && time < key.validUntil && isHonest;
    }

    function _isAncestor(IssuerId ancestor, IssuerId issuer) internal view returns (bool) {
        Issuer memory node = _issuers[issuer];
        while (node.level > 1) {
            issuer = node.parent;
            if (issuer == ancestor) return true;
            node = _issuers[issuer];
        }
        // Level 1 is its own parent: the root acts on itself. Level 0 is unknown.
        return node.level == 1 && issuer == ancestor;
    }

    /// The issuer itself, or who took over at the end of the chain of successors.
    function _heirOf(IssuerId issuer) internal view returns (IssuerId heir) {
        heir = issuer;
        while (_issuers[heir].dissolvedAt != 0) {
            IssuerId next = _successors[heir];
            if (IssuerId.unwrap(next) == 0) break;
            heir = next;
        }
    }

    function _requireRoleIn(IssuerId issuer, uint24 epoch, bytes32 signer, uint8 role) internal view {
        if (!_isNow(_roles[_scope(issuer, epoch, role, 0)][signer])) {
            revert RegistryMissingRole(issuer, signer, role);
        }
    }

    function _requireRole(IssuerId issuer, bytes32 signer, uint8 role) internal view {
        _requireRoleIn(issuer, _roleEpoch(issuer, role), signer, role);
    }

    function _requireGrant(IssuerId issuer, uint32 typeId, uint40 time) internal view {
        Grant memory grant = _grants[issuer][typeId];
        if (grant.validUntil == 0) revert RegistryGrantMissing(issuer, typeId);
        if (time < grant.validFrom || time >= grant.validUntil || grant.withdrawnAt != 0) {
            revert RegistryGrantNotGood(issuer, typeId, time);
        }
    }

    function _requireKnown(IssuerId issuer) internal view returns (Issuer memory found) {
        found = _issuers[issuer];
        if (found.level == 0) revert RegistryUnknownIssuer(issuer);
    }

    function _requireLiving(IssuerId issuer) internal view returns (Issuer memory found) {
        found = _requireKnown(issuer);
        if (found.dissolvedAt != 0) revert RegistryDissolved(issuer, found.dissolvedAt);
    }

    function _requireAncestor(IssuerId by, IssuerId issuer) internal view {
        _requireKnown(issuer);
        if (!_isAncestor(by, issuer)) revert RegistryNotAncestor(by, issuer);
    }

    function _requireOwnOrAncestor(IssuerId by, IssuerId issuer) internal view {
        if (by != issuer) _requireAncestor(by, issuer);
    }

    function _requireType(uint32 typeId) internal view returns (CredentialType memory found) {
        if (typeId == 0 || typeId > _typeCount) revert RegistryUnknownType(typeId);
        return _types[typeId];
    }

    function _requireKeyExists(IssuerId issuer, uint32 key) internal view returns (Key storage stored) {
        if (key == 0 || key > _keyCounts[issuer]) revert RegistryUnknownKey(issuer, key);
        return _keys[issuer][key];
    }

    function _requireProposal(uint256 proposalId) internal view returns (Proposal memory proposal) {
        proposal = _proposals[proposalId];
        if (proposal.expiresAt == 0) revert RegistryUnknownProposal(proposalId);
    }

    function _requireReset(IssuerId issuer) internal view returns (Reset memory scheduled) {
        scheduled = _resets[issuer];
        if (scheduled.readyAt == 0) revert RegistryNoReset(issuer);
    }

    function _requireInterval(uint40 validFrom, uint40 validUntil) internal pure {
        if (validFrom >= validUntil) revert RegistryBadInterval(validFrom, validUntil);
    }

    function _requireTwoSigners(bytes32 first, bytes32 second) internal pure {
        if (first == 0 || second == 0) revert RegistryZeroSigner();
        if (first == second) revert RegistrySameSigner(first);
    }

    /// Digits and capital letters only; the check digit is the business of who reads the directory.
    function _requireIssuerId(IssuerId issuer) internal pure {
        bytes18 text = IssuerId.unwrap(issuer);
        for (uint256 i = 0; i < 18; ++i) {
            bytes1 char = text[i];
            bool isDigit = char >= "0" && char <= "9";
            bool isLetter = char >= "A" && char <= "Z";
            if (!isDigit && !isLetter) revert RegistryBadIssuerId(issuer);
        }
    }
}
