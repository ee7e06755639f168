// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../interfaces/ICredentialLedger.sol";
import {IssuerId} from "../interfaces/IIssuerRegistry.sol";

/// @title The StatusChanged event, written word by word while statuses change.
/// @notice Encoding it afterwards would walk the changes twice more and copy them twice: 10,000 changes are
/// 157 words of each array.
/// @dev Memory of a log over n changes, in words: reasonClass, by, operator, maker, approver, standingId,
/// offset of words, offset of values, n, words…, n, values… The ABI encoding of the event; a test decodes it
/// with the ABI.
library StatusLog {
    uint256 private constant _HEAD = 0x100;

    /// @return log start of a log in fresh memory.
    function start(
        uint8 reasonClass,
        IssuerId by,
        bytes32 operator,
        bytes32 maker,
        bytes32 approver,
        bytes32 standingId,
        uint256 count
    ) internal pure returns (uint256 log) {
        bytes18 actor = IssuerId.unwrap(by);
        // Assembly: takes the memory of the whole log at once and fills its head.
        assembly ("memory-safe") {
            log := mload(0x40)
            let second := add(add(_HEAD, 0x20), shl(5, count))
            mstore(0x40, add(add(log, add(second, 0x20)), shl(5, count)))
            mstore(log, reasonClass)
            mstore(add(log, 0x20), actor)
            mstore(add(log, 0x40), operator)
            mstore(add(log, 0x60), maker)
            mstore(add(log, 0x80), approver)
            mstore(add(log, 0xa0), standingId)
            mstore(add(log, 0xc0), _HEAD)
            mstore(add(log, 0xe0), second)
            mstore(add(log, _HEAD), count)
            mstore(add(log, second), count)
        }
    }

    /// Change number `i` of `count`, counted from 0: `word` now holds `value`.
    function put(uint256 log, uint256 count, uint256 i, uint256 word, uint256 value) internal pure {
        // Assembly: both lie inside the memory that `start` took, since i < count.
        assembly ("memory-safe") {
            let place := add(add(log, add(_HEAD, 0x20)), shl(5, i))
            mstore(place, word)
            mstore(add(add(place, 0x20), shl(5, count)), value)
        }
    }

    function write(uint256 log, uint256 count, IssuerId issuer, bytes32 root) internal {
        bytes32 topic = ICredentialLedger.StatusChanged.selector;
        bytes18 indexed_ = IssuerId.unwrap(issuer);
        // Assembly: emits the memory as it is.
        assembly ("memory-safe") {
            log3(log, add(add(_HEAD, 0x40), shl(6, count)), topic, indexed_, root)
        }
    }
}
