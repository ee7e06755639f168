// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IIssuerRegistry, IssuerId} from "../interfaces/IIssuerRegistry.sol";
import {GrantHistory} from "../libraries/GrantHistory.sol";
import {NonceMap} from "../libraries/NonceMap.sol";
import {RegistryState} from "./RegistryState.sol";

/// @title What anybody may ask IssuerRegistry.
abstract contract RegistryViews is RegistryState {
    using NonceMap for mapping(uint256 => uint256);

    /// @inheritdoc IIssuerRegistry
    function ledgerId() external view returns (bytes32) {
        return _domainSalt();
    }

    /// @inheritdoc IIssuerRegistry
    function domainSeparator() external view returns (bytes32) {
        return _separator();
    }

    /// @inheritdoc IIssuerRegistry
    function governance() external view returns (address) {
        return _governance;
    }

    /// @inheritdoc IIssuerRegistry
    function rootIssuer() external view returns (IssuerId) {
        return _rootIssuer;
    }

    /// @inheritdoc IIssuerRegistry
    function issuerOf(IssuerId issuer) external view returns (Issuer memory) {
        return _requireKnown(issuer);
    }

    /// @inheritdoc IIssuerRegistry
    function successorOf(IssuerId issuer) external view returns (IssuerId) {
        return _successors[issuer];
    }

    /// @inheritdoc IIssuerRegistry
    function directoryOf(IssuerId issuer) external view returns (bytes32) {
        return _directories[issuer];
    }

    /// @inheritdoc IIssuerRegistry
    function isAncestor(IssuerId ancestor, IssuerId issuer) external view returns (bool) {
        return _isAncestor(ancestor, issuer);
    }

    /// @inheritdoc IIssuerRegistry
    function typeOf(uint32 typeId) external view returns (CredentialType memory) {
        return _requireType(typeId);
    }

    /// @inheritdoc IIssuerRegistry
    function typeCount() external view returns (uint32) {
        return _typeCount;
    }

    /// @inheritdoc IIssuerRegistry
    function grantOf(IssuerId issuer, uint32 typeId) external view returns (Grant memory) {
        return _grants[issuer][typeId];
    }

    /// @inheritdoc IIssuerRegistry
    function grantCount(IssuerId issuer, uint32 typeId) external view returns (uint256) {
        return _earlierGrants[issuer][typeId].length + (_grants[issuer][typeId].validUntil == 0 ? 0 : 1);
    }

    /// @inheritdoc IIssuerRegistry
    function grantAt(IssuerId issuer, uint32 typeId, uint40 time)
        external
        view
        returns (bool good, Grant memory covering)
    {
        return GrantHistory.judge(_earlierGrants[issuer][typeId], _grants[issuer][typeId], time);
    }

    /// @inheritdoc IIssuerRegistry
    function keyCount(IssuerId issuer) external view returns (uint32) {
        return _keyCounts[issuer];
    }

    /// @inheritdoc IIssuerRegistry
    function keyOf(IssuerId issuer, uint32 key) external view returns (Key memory) {
        return _requireKeyExists(issuer, key);
    }

    /// @inheritdoc IIssuerRegistry
    function keyAt(bytes32 thumbprint, uint40 time)
        external
        view
        returns (bool good, IssuerId issuer, uint32 key, Key memory found)
    {
        KeyRef memory ref = _keyRefs[thumbprint];
        found = _keys[ref.issuer][ref.key];
        return (_isKeyGood(found, time), ref.issuer, ref.key, found);
    }

    /// @inheritdoc IIssuerRegistry
    function hasRole(IssuerId issuer, bytes32 signer, uint8 role, uint32 typeId) external view returns (bool) {
        return _isNow(_roles[_scope(issuer, _roleEpoch(issuer, role), role, typeId)][signer]);
    }

    /// @inheritdoc IIssuerRegistry
    function roleOf(IssuerId issuer, bytes32 signer, uint8 role, uint32 typeId)
        external
        view
        returns (uint40 validFrom, uint40 validUntil)
    {
        Interval memory interval = _roles[_scope(issuer, _roleEpoch(issuer, role), role, typeId)][signer];
        return (interval.validFrom, interval.validUntil);
    }

    /// @inheritdoc IIssuerRegistry
    function proposalOf(uint256 proposalId) external view returns (Proposal memory) {
        return _proposals[proposalId];
    }

    /// @inheritdoc IIssuerRegistry
    function nonceUsed(bytes32 signer, uint256 nonce) external view returns (bool) {
        return _nonces[signer].isUsed(nonce);
    }

    /// @inheritdoc IIssuerRegistry
    function authorisationDigest(IssuerId issuer, bytes32 callHash, bytes32 signer, uint256 nonce, uint64 deadline)
        public
        view
        returns (bytes32)
    {
        return _digest(keccak256(abi.encode(_AUTHORISATION_TYPEHASH, issuer, callHash, signer, nonce, deadline)));
    }

    /// @inheritdoc IIssuerRegistry
    function resetOf(IssuerId issuer)
        external
        view
        returns (bytes32 admin1, bytes32 admin2, uint40 readyAt, IssuerId by)
    {
        Reset memory scheduled = _resets[issuer];
        return (scheduled.admin1, scheduled.admin2, scheduled.readyAt, scheduled.by);
    }
}
