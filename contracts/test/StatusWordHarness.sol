// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StatusWord} from "../src/libraries/StatusWord.sol";

/// Opens the library to tables: every status to every other, in every lane.
contract StatusWordHarness {
    /// @return table bit 16·from + to: whether that step is allowed in this lane, whatever lies in the others.
    function transitions(uint256 lane, uint256 otherFrom, uint256 otherTo) external pure returns (uint256 table) {
        uint256 shift = 4 * lane;
        uint256 rest = ~(uint256(15) << shift);
        for (uint256 from = 0; from < 16; ++from) {
            for (uint256 to = 0; to < 16; ++to) {
                uint256 before = (otherFrom & rest) | (from << shift);
                uint256 later = (otherTo & rest) | (to << shift);
                if (StatusWord.isAllowed(before, later, uint256(1) << shift)) table |= uint256(1) << (16 * from + to);
            }
        }
    }

    function isAllowed(uint256 from, uint256 to, uint256 lanes) external pure returns (bool) {
        return StatusWord.isAllowed(from, to, lanes);
    }

    function lanesBelow(uint256 word, uint256 size) external pure returns (uint256) {
        return StatusWord.lanesBelow(word, size);
    }

    function count(uint256 lanes) external pure returns (uint256) {
        return StatusWord.count(lanes);
    }

    function isDefined(uint256 word) external pure returns (bool) {
        return StatusWord.isDefined(word);
    }
}
