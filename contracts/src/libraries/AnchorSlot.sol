// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../interfaces/ICredentialLedger.sol";

/// ICredentialLedger.Anchor in one word, lowest bits first: type 32, key 32, size 32, time 40, list 32,
/// first word 32, withdrawn 8. Zero: nothing anchored.
type AnchorSlot is uint256;

using AnchorSlots for AnchorSlot global;

/// @title Reading and writing an anchor without taking its whole struct apart each time.
library AnchorSlots {
    function pack(ICredentialLedger.Anchor memory anchor) internal pure returns (AnchorSlot) {
        return AnchorSlot.wrap(
            uint256(anchor.typeId) | (uint256(anchor.key) << 32) | (uint256(anchor.size) << 64)
                | (uint256(anchor.anchoredAt) << 96) | (uint256(anchor.list) << 136)
                | (uint256(anchor.firstWord) << 168) | (uint256(anchor.withdrawn) << 200)
        );
    }

    function unpack(AnchorSlot slot) internal pure returns (ICredentialLedger.Anchor memory anchor) {
        uint256 bits = AnchorSlot.unwrap(slot);
        anchor.typeId = slot.typeId();
        anchor.key = uint32(bits >> 32);
        anchor.size = slot.size();
        anchor.anchoredAt = slot.anchoredAt();
        anchor.list = uint32(bits >> 136);
        anchor.firstWord = uint32(bits >> 168);
        anchor.withdrawn = slot.withdrawn();
    }

    function withReason(AnchorSlot slot, uint8 reasonClass) internal pure returns (AnchorSlot) {
        return AnchorSlot.wrap(AnchorSlot.unwrap(slot) | (uint256(reasonClass) << 200));
    }

    /// Neither empty (an anchor has a type, unless it is of documents) nor of documents nor withdrawn.
    function hasCredentials(AnchorSlot slot) internal pure returns (bool) {
        uint256 bits = AnchorSlot.unwrap(slot);
        return uint32(bits) != 0 && bits >> 200 == 0;
    }

    function typeId(AnchorSlot slot) internal pure returns (uint32) {
        return uint32(AnchorSlot.unwrap(slot));
    }

    function size(AnchorSlot slot) internal pure returns (uint32) {
        return uint32(AnchorSlot.unwrap(slot) >> 64);
    }

    function anchoredAt(AnchorSlot slot) internal pure returns (uint40) {
        return uint40(AnchorSlot.unwrap(slot) >> 96);
    }

    function withdrawn(AnchorSlot slot) internal pure returns (uint8) {
        return uint8(AnchorSlot.unwrap(slot) >> 200);
    }
}
