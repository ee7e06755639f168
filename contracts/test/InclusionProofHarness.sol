// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InclusionProof} from "../src/libraries/InclusionProof.sol";

/// Opens the library to public vectors, whose sizes are their own and whose leaves come hashed.
contract InclusionProofHarness {
    function isIncluded(bytes32 leaf, uint256 index, uint256 size, bytes32[] calldata path, bytes32 root)
        external
        pure
        returns (bool)
    {
        if (index >= size || path.length != InclusionProof.pathLength(index, size)) return false;
        return InclusionProof.rootOf(leaf, index, size, path) == root;
    }
}
