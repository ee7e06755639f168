// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IIssuerRegistry} from "../interfaces/IIssuerRegistry.sol";

/// @title All grants of one (issuer, type), read at one moment.
/// @dev Verification has the same rule in ledger/core/grants.py; a test compares them on random histories.
library GrantHistory {
    uint8 internal constant CAUSE_BREAKS = 0x80;

    /// @param earlier oldest first.
    /// @return good whether it entitles at `time`.
    /// @return covering the newest grant that began by then, unless it has run out.
    function judge(IIssuerRegistry.Grant[] storage earlier, IIssuerRegistry.Grant memory current, uint40 time)
        internal
        view
        returns (bool good, IIssuerRegistry.Grant memory covering)
    {
        IIssuerRegistry.Grant memory grant = current;
        bool isFound = false;
        bool isBroken = false;
        // Newest first: a renewal takes over from the grant that it overlaps, also when it ends earlier.
        for (uint256 i = earlier.length;; --i) {
            if (!isFound && grant.validFrom <= time) {
                isFound = true;
                if (time < grant.validUntil) covering = grant;
            }
            bool isWithin = grant.withdrawnSince <= time && time < grant.withdrawnAt;
            if (isWithin && grant.cause & CAUSE_BREAKS != 0) isBroken = true;
            if (i == 0) break;
            grant = earlier[i - 1];
        }
        bool isOver = covering.withdrawnAt != 0 && time >= covering.withdrawnAt;
        good = covering.validUntil != 0 && !isBroken && !isOver;
    }
}
