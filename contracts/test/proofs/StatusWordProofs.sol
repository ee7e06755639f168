// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {StatusWord} from "../../src/libraries/StatusWord.sol";

/// @title What holds for every word, mask and value, proved by halmos over all of them at once.
/// @notice `count` multiplies, which is beyond the solvers: Statuses.t.sol tries it by chance instead.
/// @dev A proof is a function whose name begins with `check_` and which never panics. `require` is an assumption.
contract StatusWordProofs {
    uint256 private constant _LANES = StatusWord.LANES;

    /// The transition table of the architecture, written out status by status.
    function _table(uint256 from, uint256 to) private pure returns (bool) {
        bool isEnd = to >= 8 && to <= 11;
        if (from == 0) return to == 2 || isEnd || to == 12;
        if (from == 1) return to == 0 || (isEnd && to != 9);
        if (from == 2) return to == 0 || isEnd;
        return false;
    }

    function _statusAt(uint256 word, uint256 shift) private pure returns (uint256) {
        return (word >> shift) & 15;
    }

    /// One lane is judged by the table, whatever lies in the other 63.
    function check_a_step_is_one_of_the_table(uint256 from, uint256 to, uint8 lane) external pure {
        require(lane < 64);
        uint256 shift = uint256(lane) << 2;
        bool isGood = StatusWord.isAllowed(from, to, uint256(1) << shift);
        assert(isGood == _table(_statusAt(from, shift), _statusAt(to, shift)));
    }

    /// Many lanes are allowed when each of them is.
    function check_lanes_are_judged_apart(uint256 from, uint256 to, uint256 some, uint256 others) external pure {
        bool isSome = StatusWord.isAllowed(from, to, some & _LANES);
        bool isOthers = StatusWord.isAllowed(from, to, others & _LANES);
        assert(StatusWord.isAllowed(from, to, (some | others) & _LANES) == (isSome && isOthers));
    }

    function check_no_final_status_is_left(uint256 from, uint256 to, uint8 lane) external pure {
        require(lane < 64);
        uint256 shift = uint256(lane) << 2;
        require(_statusAt(from, shift) >= 8);
        assert(!StatusWord.isAllowed(from, to, uint256(1) << shift));
    }

    /// The lanes of a mask that passes are exactly the mask, inside what is allowed, around the value.
    function check_a_mask_is_whole_statuses(uint256 mask, uint256 value, uint256 allowed) external pure {
        allowed &= _LANES;
        uint256 lanes = StatusWord.lanesOf(mask, value, allowed);
        uint256 spread = lanes | (lanes << 1) | (lanes << 2) | (lanes << 3);
        assert(lanes == 0 || (spread == mask && lanes & ~allowed == 0 && value & ~mask == 0));
        uint256 whole = mask & _LANES;
        bool isWhole = (whole | (whole << 1) | (whole << 2) | (whole << 3)) == mask;
        assert(lanes != 0 || mask == 0 || !isWhole || whole & ~allowed != 0 || value & ~mask != 0);
    }

    /// What is written: inside the mask the value, outside of it what was there.
    function check_a_write_keeps_to_its_mask(uint256 statuses, uint256 mask, uint256 value, uint256 allowed)
        external
        pure
    {
        require(StatusWord.lanesOf(mask, value, allowed & _LANES) != 0);
        uint256 later = (statuses & ~mask) | value;
        assert((later ^ statuses) & ~mask == 0);
        assert(later & mask == value);
    }

    /// The quick look of a suspension says what the slow one says.
    function check_a_suspension_is_an_allowed_change(
        uint256 statuses,
        uint256 mask,
        uint256 value,
        uint256 allowed
    ) external pure {
        allowed &= _LANES;
        uint256 lanes = StatusWord.lanesOf(mask, value, allowed);
        bool isSlow = lanes != 0 && value == lanes << 1 && statuses & mask == 0;
        assert(StatusWord.isSuspension(statuses, mask, value, allowed) == isSlow);
    }

    /// A suspension that passes writes no bit but bit 1 of statuses that were VALID, and the step is allowed.
    function check_a_suspension_is_a_step(uint256 statuses, uint256 mask, uint256 value, uint256 allowed)
        external
        pure
    {
        allowed &= _LANES;
        require(StatusWord.isSuspension(statuses, mask, value, allowed));
        assert(StatusWord.isAllowed(statuses, value, mask & _LANES));
        assert(statuses | value == (statuses & ~mask) | value);
    }

    function check_lanes_of_a_word_are_its_leaves(uint32 word, uint32 size, uint8 lane) external pure {
        require(size > 0 && lane < 64);
        uint256 lanes = StatusWord.lanesBelow(word, size);
        assert(lanes & ~_LANES == 0);
        bool isLeaf = (uint256(word) << 6) + lane < size;
        assert((lanes >> (uint256(lane) << 2)) & 1 == (isLeaf ? 1 : 0));
    }

    /// A word number as wide as calldata can carry it, of which no batch has leaves.
    function check_no_word_lies_beyond_a_batch(uint256 word, uint32 size) external pure {
        require(size > 0 && word > type(uint32).max);
        assert(StatusWord.lanesBelow(word, size) == 0);
    }

    function check_defined_words_have_defined_statuses(uint256 word, uint8 lane) external pure {
        require(lane < 64);
        require(StatusWord.isDefined(word));
        uint256 status = _statusAt(word, uint256(lane) << 2);
        assert(status <= 2 || (status >= 8 && status <= 12));
    }

    function check_undefined_words_have_an_undefined_status(uint256 word) external pure {
        require(!StatusWord.isDefined(word));
        bool isFound;
        for (uint256 shift = 0; shift < 256; shift += 4) {
            uint256 status = _statusAt(word, shift);
            // Bitwise, so that there is one path through all lanes.
            isFound = _or(isFound, _or(_and(status > 2, status < 8), status > 12));
        }
        assert(isFound);
    }

    function check_used_lanes_are_the_used(uint256 word, uint256 lanes, uint8 lane) external pure {
        require(lane < 64);
        uint256 shift = uint256(lane) << 2;
        uint256 used = StatusWord.usedLanes(word, lanes & _LANES);
        assert(used & ~(lanes & _LANES) == 0);
        bool isUsed = (lanes >> shift) & 1 == 1 && _statusAt(word, shift) == 12;
        assert((used >> shift) & 1 == (isUsed ? 1 : 0));
    }

    function check_a_status_is_its_nibble(uint256 word, uint32 leaf) external pure {
        assert(StatusWord.statusAt(word, leaf) == _statusAt(word, (uint256(leaf) & 63) << 2));
    }

    function _or(bool left, bool right) private pure returns (bool either) {
        assembly ("memory-safe") {
            either := or(left, right)
        }
    }

    function _and(bool left, bool right) private pure returns (bool both) {
        assembly ("memory-safe") {
            both := and(left, right)
        }
    }
}
