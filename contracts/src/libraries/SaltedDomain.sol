// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title EIP-712 domain with a salt, which OpenZeppelin's has not.
/// @notice The salt is the ledger id, so that two installations that share a chain id and addresses still
/// differ. The separator is kept and recomputed when the chain id is another one (a fork of the chain).
abstract contract SaltedDomain {
    bytes32 private constant _DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    );
    bytes32 private constant _VERSION_HASH = keccak256("1");

    bytes32 private immutable _nameHash;
    bytes32 private immutable _salt;
    uint256 private immutable _cachedChainId;
    bytes32 private immutable _cachedSeparator;

    constructor(bytes32 nameHash, bytes32 salt) {
        _nameHash = nameHash;
        _salt = salt;
        _cachedChainId = block.chainid;
        _cachedSeparator = _computeSeparator(nameHash, salt);
    }

    function _separator() internal view returns (bytes32) {
        return block.chainid == _cachedChainId ? _cachedSeparator : _computeSeparator(_nameHash, _salt);
    }

    function _domainSalt() internal view returns (bytes32) {
        return _salt;
    }

    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", _separator(), structHash));
    }

    function _computeSeparator(bytes32 nameHash, bytes32 salt) private view returns (bytes32) {
        return keccak256(abi.encode(_DOMAIN_TYPEHASH, nameHash, _VERSION_HASH, block.chainid, address(this), salt));
    }
}
