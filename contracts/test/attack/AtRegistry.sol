// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {Crowd} from "./Crowd.sol";
import {vm} from "./Vm.sol";
import {ADMIN, FOREVER, MAKER, NOBODY, REDEEMER, START} from "./World.sol";

/// @title What a crowd does to IssuerRegistry.
abstract contract AtRegistry is Crowd {
    function admitOrDirect(uint256 seed) external {
        _shuffle(seed);
        IssuerId by = _pickOffice();
        if (_pick(3) != 0) {
            _try(by, abi.encodeCall(registry.setDirectory, (by, _offices[_pick(7)], keccak256(abi.encode(seed)))));
            return;
        }
        (bytes32 first, bytes32 second) = admins(NOBODY);
        _try(by, abi.encodeCall(registry.admitIssuer, (by, _isLucky() ? NOBODY : _pickOffice(), first, second, 0)));
    }

    function grantType(uint256 seed) external {
        _shuffle(seed);
        IssuerId issuer = _offices[_pick(7)];
        (IssuerId parent,,,,,,) = laws.offices(issuer);
        IssuerId by = _isLucky() ? laws.heirOf(parent) : _pickOffice();
        uint32 typeId = uint32(1 + _pick(2));
        // Around the parent's end, half of the time beyond it.
        uint40 end = laws.grantEnd(parent, typeId);
        uint40 until = _pick(2) == 0 || end == 0 ? _pickTime(end + 20 days, 20 days) : end - uint40(_pick(20 days));
        uint40 from = uint40(block.timestamp) - uint40(_pick(2) * _pick(1 days));
        _try(by, abi.encodeCall(registry.grantType, (by, issuer, typeId, from, until)));
    }

    function withdrawGrant(uint256 seed) external {
        _shuffle(seed);
        if (_pick(2) != 0) return;
        // Mostly from those who have others below them.
        IssuerId issuer = _offices[_pick(3) == 0 ? _pick(7) : 1 + _pick(3)];
        IssuerId by = _pickAbove(issuer);
        uint40 since = uint40(block.timestamp) - uint40(_pick(2) * _pick(3 days));
        uint8 cause = uint8(1 + _pick(_isLucky() ? 2 : 3)) | (_pick(2) == 0 ? 0x80 : 0);
        _try(by, abi.encodeCall(registry.withdrawGrant, (by, issuer, uint32(1 + _pick(2)), since, cause)));
    }

    function registerKey(uint256 seed) external {
        _shuffle(seed);
        IssuerId issuer = _offices[_pick(7)];
        IssuerId by = _pick(3) == 0 ? _pickAbove(issuer) : issuer;
        bytes32 thumbprint = keccak256(abi.encode("key", _pick(40)));
        uint40 from = _pickTime(uint40(block.timestamp), 1 days);
        uint40 until = from + uint40(_pick(60 days));
        _try(by, abi.encodeCall(registry.registerKey, (by, issuer, thumbprint, uint8(_pick(7)), from, until)));
    }

    function endKey(uint256 seed) external {
        _shuffle(seed);
        IssuerId issuer = _offices[_pick(2) == 0 ? _pick(3) : _pick(7)];
        IssuerId by = _pick(3) == 0 ? _pickAbove(issuer) : issuer;
        // The first two keys are those that batches are anchored with: they are left alone for long.
        uint32 key = uint32(_pick(10) == 0 ? 1 + _pick(2) : 3 + _pick(6) / 5);
        uint40 time = _pickTime(uint40(block.timestamp), 2 days);
        if (_pick(3) == 0) {
            _try(by, abi.encodeCall(registry.retireKey, (by, issuer, key, time)));
        } else {
            uint40 since = time > block.timestamp ? uint40(block.timestamp) - uint40(_pick(1 days)) : time;
            _try(by, abi.encodeCall(registry.compromiseKey, (by, issuer, key, since)));
        }
    }

    function setRole(uint256 seed) external {
        _shuffle(seed);
        IssuerId issuer = _offices[_pick(7)];
        IssuerId by = _isLucky() ? issuer : _pickOffice();
        uint8 role = uint8(1 + _pick(5));
        // One time in three a role for somebody who has another: maker and approver may be one person.
        bytes32 signer = signerOf(_pickKey(issuer, _pick(3) == 0 ? uint8(MAKER + _pick(2)) : role));
        uint40 from = _isLucky() ? START : _pickTime(uint40(block.timestamp), 1 days);
        uint40 until = _pick(3) == 0 ? _pickTime(uint40(block.timestamp), 5 days) : FOREVER;
        if (_pick(8) == 0) (from, until) = (0, 0);
        uint32 typeId = role == REDEEMER ? TICKET : 0;
        _try(by, abi.encodeCall(registry.setRole, (by, issuer, signer, role, typeId, from, until)));
    }

    function dissolve(uint256 seed) external {
        _shuffle(seed);
        if (_pick(12) != 0) return;
        IssuerId issuer = _offices[1 + _pick(6)];
        IssuerId by = _pickAbove(issuer);
        IssuerId successor = _pick(3) == 0 ? IssuerId.wrap(0) : _pick(2) == 0 ? by : _pickOffice();
        _try(by, abi.encodeCall(registry.dissolveIssuer, (by, issuer, successor)));
    }

    function resetRoles(uint256 seed) external {
        _shuffle(seed);
        IssuerId issuer = _offices[_pick(7)];
        IssuerId by = _pickAbove(issuer);
        (bytes32 first, bytes32 second) = admins(issuer);
        uint256 what = _pick(5);
        if (what == 0) {
            _try(by, abi.encodeCall(registry.scheduleReset, (by, issuer, first, second)));
        } else if (what == 1) {
            issuer = _due(issuer);
            _try(issuer, abi.encodeCall(registry.cancelReset, (_isLucky() ? issuer : by, issuer)));
        } else if (what == 2) {
            address sender = _isLucky() ? laws.governor() : vm.addr(_pickKey(issuer, ADMIN));
            _send(sender, address(registry), abi.encodeCall(registry.scheduleRootReset, (first, second)));
        } else {
            issuer = _due(issuer);
            if (what == 3) vm.warp(block.timestamp + 1 days);
            _send(carrier, address(registry), abi.encodeCall(registry.executeReset, (issuer)));
        }
    }

    /// Proposals that stay open, are taken back, or are accepted later by somebody.
    function propose(uint256 seed) external {
        _shuffle(seed);
        IssuerId by = _pickOffice();
        bytes memory call = abi.encodeCall(registry.setDirectory, (by, _pickOffice(), keccak256("later")));
        uint256 key = _pickKey(by, ADMIN);
        uint256 proposal = laws.proposalCount() - _pick(3);
        uint256 what = _pick(3);
        if (what == 0) {
            call = abi.encodeCall(registry.propose, (by, call, own(signerOf(key))));
        } else if (what == 1) {
            call = abi.encodeCall(registry.accept, (proposal, call, own(signerOf(key))));
        } else {
            call = abi.encodeCall(registry.cancel, (proposal, own(signerOf(key))));
        }
        bool isSent = _send(vm.addr(key), address(registry), call);
        if (!isSent || what != 0 || _pick(2) == 0) return;
        key = _pickKey(by, ADMIN);
        _send(vm.addr(key), address(registry), abi.encodeCall(registry.cancel, (laws.proposalCount(), own(signerOf(key)))));
    }

    function govern(uint256 seed) external {
        _shuffle(seed);
        address sender = _isLucky() ? laws.governor() : vm.addr(_pickKey(_pickOffice(), ADMIN));
        if (_pick(3) != 0) {
            bytes21 code = bytes21(bytes32("TYPE") | bytes32(_pick(30) << 100));
            _send(sender, address(registry), abi.encodeCall(registry.registerType, (code, 1, 0, _pick(2) == 0)));
        } else {
            address next = vm.addr(keyOf(NOBODY, 0, _pick(3)));
            _send(sender, address(registry), abi.encodeCall(registry.transferGovernance, (next)));
            _send(_isLucky() ? next : sender, address(registry), abi.encodeCall(registry.acceptGovernance, ()));
        }
    }

    /// Somebody without any role tries one thing after the other.
    function intrude(uint256 seed) external {
        _shuffle(seed);
        IssuerId issuer = _pickOffice();
        address stranger = vm.addr(keyOf(NOBODY, 0, 7));
        bytes32 signer = bytes32(uint256(uint160(stranger)));
        bytes memory call = abi.encodeCall(registry.setRole, (issuer, issuer, signer, ADMIN, 0, START, FOREVER));
        uint256 what = _pick(4);
        if (what == 1) call = abi.encodeCall(registry.propose, (issuer, call, own(signer)));
        if (what == 2) call = abi.encodeCall(registry.propose, (issuer, call, own(issuer, 0)));
        if (what == 3) call = abi.encodeCall(registry.transferGovernance, (stranger));
        _send(stranger, address(registry), call);
    }

    function wait(uint256 seed) external {
        _shuffle(seed);
        vm.warp(block.timestamp + _pick(2) * _pick(6 hours) + _pick(8) / 7 * _pick(3 days));
    }

    /// An issuer whose roles are to be reset, else the one given.
    function _due(IssuerId issuer) private view returns (IssuerId) {
        for (uint256 i = 0; i < _offices.length; ++i) {
            (,,, uint40 readyAt) = laws.resets(_offices[i]);
            if (readyAt != 0) return _offices[i];
        }
        return issuer;
    }

    function _pickAbove(IssuerId issuer) private returns (IssuerId) {
        if (!_isLucky()) return _pickOffice();
        (IssuerId parent,,,,,,) = laws.offices(issuer);
        if (_pick(2) == 0) (parent,,,,,,) = laws.offices(parent);
        return parent;
    }
}
