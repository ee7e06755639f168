// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {AnchorSlot, AnchorSlots} from "../../src/libraries/AnchorSlot.sol";
import {StatusWord} from "../../src/libraries/StatusWord.sol";

/// @title The range that a batch takes in its list, and the slot that keeps it, for every number.
contract RangeProofs {
    /// The last index of a batch that fits is a number of the list: 64 · 2^32 of them.
    function check_a_range_that_fits_ends_inside(uint32 firstWord, uint32 size, uint32 leaf) external pure {
        require(leaf < size && StatusWord.fitsList(firstWord, size));
        uint256 index = (uint256(firstWord) << 6) + leaf;
        assert(index >> 6 <= type(uint32).max);
    }

    function check_a_range_that_does_not_fit_ends_outside(uint32 firstWord, uint32 size) external pure {
        require(size > 0 && !StatusWord.fitsList(firstWord, size));
        uint256 last = (uint256(firstWord) << 6) + size - 1;
        assert(last >> 6 > type(uint32).max);
    }

    /// Every leaf of a batch lies in one of its words, and no word of it is empty.
    function check_words_are_as_many_as_needed(uint32 size, uint32 word) external pure {
        require(size > 0);
        bool isPart = StatusWord.lanesBelow(word, size) != 0;
        assert(isPart == (uint256(word) << 6 < size));
    }

    function check_a_slot_gives_back_what_it_took(ICredentialLedger.Anchor memory batch) external pure {
        ICredentialLedger.Anchor memory found = AnchorSlots.pack(batch).unpack();
        assert(found.typeId == batch.typeId && found.key == batch.key && found.size == batch.size);
        assert(found.anchoredAt == batch.anchoredAt && found.list == batch.list);
        assert(found.firstWord == batch.firstWord && found.withdrawn == batch.withdrawn);
    }

    function check_a_withdrawal_changes_nothing_else(ICredentialLedger.Anchor memory batch, uint8 reason) external pure {
        require(batch.withdrawn == 0);
        AnchorSlot earlier = AnchorSlots.pack(batch);
        AnchorSlot later = earlier.withReason(reason);
        assert(later.withdrawn() == reason);
        assert(uint200(AnchorSlot.unwrap(later)) == uint200(AnchorSlot.unwrap(earlier)));
    }

    function check_who_has_credentials(ICredentialLedger.Anchor memory batch) external pure {
        bool hasThem = batch.typeId != 0 && batch.withdrawn == 0;
        assert(AnchorSlots.pack(batch).hasCredentials() == hasThem);
    }
}
