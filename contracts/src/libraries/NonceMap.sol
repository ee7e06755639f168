// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Unordered nonces: one bit each, so that a stuck signature blocks no other.
library NonceMap {
    /// @return fresh false when the nonce was used before; then nothing changes.
    function use(mapping(uint256 word => uint256 bits) storage map, uint256 nonce) internal returns (bool fresh) {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 bits = map[nonce >> 8];
        fresh = bits & bit == 0;
        if (fresh) map[nonce >> 8] = bits | bit;
    }

    function isUsed(mapping(uint256 word => uint256 bits) storage map, uint256 nonce) internal view returns (bool) {
        return map[nonce >> 8] & (1 << (nonce & 0xff)) != 0;
    }
}
