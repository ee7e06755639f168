// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IIssuerRegistry, IssuerId} from "../interfaces/IIssuerRegistry.sol";

/// @title The one question that an instant suspension asks the registry, without memory of its own.
library RegistryCall {
    /// @dev `registry` is code of ours and fixed at deployment; a failing call answers no.
    function isOperatorNow(IIssuerRegistry registry, bytes32 signer, IssuerId issuer)
        internal
        view
        returns (bool yes)
    {
        bytes4 selector = IIssuerRegistry.isOperatorNow.selector;
        bytes18 text = IssuerId.unwrap(issuer);
        // Assembly: arguments beyond the free-memory pointer, which stays; the answer in scratch space.
        assembly ("memory-safe") {
            let place := mload(0x40)
            mstore(place, selector)
            mstore(add(place, 0x04), signer)
            mstore(add(place, 0x24), text)
            mstore(0x00, 0)
            let done := staticcall(gas(), registry, place, 0x44, 0x00, 0x20)
            yes := and(done, eq(mload(0x00), 1))
        }
    }
}
