// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title RFC 9162 inclusion proofs over SHA-256 (not OpenZeppelin's MerkleProof, which is another tree).
library InclusionProof {
    /// @return Length that the path of this leaf must have: siblings inside the smallest subtree that also
    /// holds the last leaf, then one for each perfect subtree to the left of it.
    function pathLength(uint256 index, uint256 size) internal pure returns (uint256) {
        (uint256 inner, uint256 border) = _split(index, size);
        return inner + border;
    }

    function hashLeaf(bytes32 entry) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(hex"00", entry));
    }

    /// @dev `leaf` is hashed already. `index` < `size` and `path.length` == pathLength: the caller checks both.
    /// Source: RFC 9162 §2.1.3.2.
    function rootOf(bytes32 leaf, uint256 index, uint256 size, bytes32[] calldata path)
        internal
        pure
        returns (bytes32 node)
    {
        (uint256 inner,) = _split(index, size);
        node = leaf;
        for (uint256 i = 0; i < path.length; ++i) {
            bool isRight = i >= inner || (index >> i) & 1 == 1;
            node = isRight
                ? sha256(abi.encodePacked(hex"01", path[i], node))
                : sha256(abi.encodePacked(hex"01", node, path[i]));
        }
    }

    function _split(uint256 index, uint256 size) private pure returns (uint256 inner, uint256 border) {
        for (uint256 differing = index ^ (size - 1); differing != 0; differing >>= 1) {
            ++inner;
        }
        for (uint256 rest = index >> inner; rest != 0; rest &= rest - 1) {
            ++border;
        }
    }
}
