// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {Laws} from "./Laws.sol";
import {vm} from "./Vm.sol";
import {ADMIN, BUREAU, CITY, COUNTY, NOBODY, REDEEMER, ROOT, SIBLING, TOWN, World} from "./World.sol";

/// @title An installation whose every event is read and judged, and people picked by chance.
/// @dev A pick is mostly right, so that most calls go far before they are refused.
abstract contract Crowd is World {
    Laws public laws;
    uint256 public done;
    uint256 public refusals;
    mapping(bytes32 action => uint256) public successes;

    IssuerId[7] internal _offices = [ROOT, BUREAU, CITY, COUNTY, TOWN, SIBLING, NOBODY];
    uint256 internal _salt;
    uint256 private _luck;
    ICredentialLedger.WordChange[] private _none;

    function _shuffle(uint256 seed) internal {
        _luck = uint256(keccak256(abi.encode(seed, _salt)));
    }

    /// A number below `limit`.
    function _pick(uint256 limit) internal returns (uint256) {
        _luck = uint256(keccak256(abi.encode(_luck)));
        return _luck % limit;
    }

    function _isLucky() internal returns (bool) {
        return _pick(20) != 0;
    }

    function _pickOffice() internal returns (IssuerId) {
        return _offices[_pick(6)];
    }

    /// A key of `issuer` for `role`, or of anybody for anything.
    function _pickKey(IssuerId issuer, uint8 role) internal returns (uint256) {
        if (_isLucky()) return keyOf(issuer, role, role == ADMIN ? _pick(2) : 0);
        return keyOf(_offices[_pick(7)], uint8(1 + _pick(5)), _pick(2));
    }

    /// Who may speak for `issuer`: mostly its heir as the events have it.
    function _pickSpeaker(IssuerId issuer) internal returns (IssuerId) {
        return _isLucky() ? laws.heirOf(issuer) : _pickOffice();
    }

    function _pickTime(uint40 around, uint40 spread) internal returns (uint40) {
        return around + uint40(_pick(2 * uint256(spread))) - spread;
    }

    function _send(address sender, address target, bytes memory call) internal returns (bool) {
        return _send(sender, target, call, _none);
    }

    /// Sends, and lets the laws read what was logged. `changes`: status bits that the call may touch.
    function _send(address sender, address target, bytes memory call, ICredentialLedger.WordChange[] memory changes)
        internal
        returns (bool sent)
    {
        vm.recordLogs();
        vm.prank(sender);
        (sent,) = target.call(call);
        if (sent) {
            ++done;
            ++successes[bytes4(call)];
            laws.absorb(vm.getRecordedLogs(), sender, changes);
        } else {
            ++refusals;
        }
    }

    /// A proposal, and its acceptance by whoever was picked.
    function _try(IssuerId by, bytes memory call) internal {
        uint256 first = _pickKey(by, ADMIN);
        uint256 second = _isLucky() && first == keyOf(by, ADMIN, 0) ? keyOf(by, ADMIN, 1) : _pickKey(by, ADMIN);
        bytes memory proposing = abi.encodeCall(registry.propose, (by, call, own(signerOf(first))));
        if (!_send(vm.addr(first), address(registry), proposing)) return;
        uint256 proposal = laws.proposalCount();
        bytes memory accepting = abi.encodeCall(registry.accept, (proposal, call, own(signerOf(second))));
        if (_send(vm.addr(second), address(registry), accepting)) ++successes[bytes4(call)];
    }

    /// Everything since the deployment, the deployment itself included.
    function _listen() internal {
        laws = new Laws();
        vm.recordLogs();
    }

    function _caughtUp() internal {
        laws.absorb(vm.getRecordedLogs(), governance, _none);
    }
}
