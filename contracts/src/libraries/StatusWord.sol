// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../interfaces/ICredentialLedger.sol";

/// @title Rules of 64 statuses in one word, judged side by side.
/// @notice A status is a nibble: 0 VALID, 1 PENDING, 2 SUSPENDED, 8 REVOKED, 9 SUPERSEDED, 10 CANCELLED,
/// 11 VOID, 12 USED. Bit 3 set means final. All others are undefined.
/// @dev A lane set is a word with bit 0 of each nibble of interest set. A bit plane holds one bit of every
/// status, shifted down to bit 0 of its nibble. All arithmetic is bitwise, so nothing can overflow.
library StatusWord {
    uint256 internal constant PER_WORD = 64;
    uint256 internal constant PENDING = 1;
    uint256 internal constant SUSPENDED = 2;
    uint256 internal constant SUPERSEDED = 9;
    uint256 internal constant USED = 12;

    uint256 internal constant LANES = 0x1111111111111111111111111111111111111111111111111111111111111111;
    uint256 private constant _LOW_NIBBLES = 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
    uint256 private constant _BYTE_ONES = 0x0101010101010101010101010101010101010101010101010101010101010101;

    /// Change number `i`, which is below the length, checked by the caller.
    /// @dev `word` is as wide as it came: whoever uses it compares it with the batch's size.
    function changeAt(ICredentialLedger.WordChange[] calldata changes, uint256 i)
        internal
        pure
        returns (uint256 word, uint256 mask, uint256 value)
    {
        // Assembly: the decoder has checked that the whole array lies in the calldata; three words each.
        assembly ("memory-safe") {
            let place := add(changes.offset, mul(i, 0x60))
            word := calldataload(place)
            mask := calldataload(add(place, 0x20))
            value := calldataload(add(place, 0x40))
        }
    }

    /// @return Lanes of this word that belong to leaves below `size`; 0 for a word beyond the batch.
    function lanesBelow(uint256 word, uint256 size) internal pure returns (uint256) {
        // Unchecked: no batch is empty, and a remainder by 64 is at most 63.
        unchecked {
            uint256 last = size - 1;
            if (word < last / PER_WORD) return LANES;
            return word == last / PER_WORD ? LANES >> (4 * (PER_WORD - 1 - (last % PER_WORD))) : 0;
        }
    }

    /// @return Whether a list, whose words are numbered by 32 bits, has those of `size` leaves from `firstWord` on.
    function fitsList(uint32 firstWord, uint32 size) internal pure returns (bool) {
        uint256 words = (uint256(size) + PER_WORD - 1) / PER_WORD;
        return firstWord + words <= uint256(type(uint32).max) + 1;
    }

    /// @return lanes of the mask; 0 unless it covers whole nibbles, at least one, within `allowed`, and the
    /// value lies inside it.
    function lanesOf(uint256 mask, uint256 value, uint256 allowed) internal pure returns (uint256 lanes) {
        lanes = mask & allowed;
        // Unchecked: fifteen times a lane set fits, each nibble becomes 0x0 or 0xf.
        unchecked {
            if (lanes * 15 != mask || value & ~mask != 0) lanes = 0;
        }
    }

    /// @return Whether `mask` covers whole nibbles among `allowed`, at least one, all of them VALID in
    /// `statuses`, and `value` makes exactly these SUSPENDED.
    function isSuspension(uint256 statuses, uint256 mask, uint256 value, uint256 allowed)
        internal
        pure
        returns (bool)
    {
        uint256 lanes = mask & allowed;
        // Unchecked: see lanesOf.
        unchecked {
            return lanes != 0 && ((lanes * 15) ^ mask) | ((lanes << 1) ^ value) | (statuses & mask) == 0;
        }
    }

    /// @return Whether every status under `lanes` may go from `from` to `to` (architecture section 3).
    function isAllowed(uint256 from, uint256 to, uint256 lanes) internal pure returns (bool) {
        uint256 t3 = to >> 3;
        uint256 t2 = to >> 2;
        uint256 t1 = to >> 1;
        uint256 stays = ~(from >> 3) & ~(from >> 2); // source is VALID, PENDING or SUSPENDED
        uint256 isPending = from & ~(from >> 1);
        uint256 isSuspended = (from >> 1) & ~from;
        uint256 isValid = ~from & ~(from >> 1);
        uint256 toValid = ~(t3 | t2 | t1 | to);
        uint256 toSuspended = ~t3 & ~t2 & t1 & ~to;
        uint256 toEnded = t3 & ~t2; // REVOKED, SUPERSEDED, CANCELLED, VOID
        uint256 toSuperseded = toEnded & ~t1 & to;
        uint256 toUsed = t3 & t2 & ~t1 & ~to;
        uint256 good = (isValid & (toSuspended | toEnded | toUsed)) | (isSuspended & (toValid | toEnded))
            | (isPending & (toValid | (toEnded & ~toSuperseded)));
        return stays & good & lanes == lanes;
    }

    /// @return Whether every nibble of the word is a defined status.
    function isDefined(uint256 word) internal pure returns (bool) {
        uint256 b3 = word >> 3;
        uint256 b2 = word >> 2;
        uint256 b1 = word >> 1;
        uint256 open = ~b3 & ~b2 & ~(b1 & word); // 0, 1, 2
        uint256 ended = b3 & (~b2 | (~b1 & ~word)); // 8–11 and 12
        return (open | ended) & LANES == LANES;
    }

    /// @return Lanes of `lanes` whose status in `word` is USED.
    function usedLanes(uint256 word, uint256 lanes) internal pure returns (uint256) {
        return (word >> 3) & (word >> 2) & ~(word >> 1) & ~word & lanes;
    }

    /// @return How many lanes are set, at most 64.
    function count(uint256 lanes) internal pure returns (uint256) {
        // Unchecked: pairs of lanes sum to at most 2 in a byte, 32 of them to at most 64 in the top byte.
        unchecked {
            uint256 pairs = (lanes & _LOW_NIBBLES) + ((lanes >> 4) & _LOW_NIBBLES);
            return (pairs * _BYTE_ONES) >> 248;
        }
    }

    function statusAt(uint256 word, uint256 leafIndex) internal pure returns (uint8) {
        return uint8((word >> (4 * (leafIndex % PER_WORD))) & 0xf);
    }
}
