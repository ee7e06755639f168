// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {Crowd} from "./Crowd.sol";
import {Rebuilt} from "./Rebuilt.sol";
import {vm} from "./Vm.sol";
import {ADMIN, APPROVER, LANES, MAKER, OPERATOR, REDEEMER} from "./World.sol";

/// @title What a crowd does to CredentialLedger: each action once, by people and with values picked by chance.
abstract contract AtLedger is Crowd {
    uint256 private constant _ROOTS = 15;

    function anchor(uint256 seed) external {
        _shuffle(seed);
        IssuerId issuer = _pickOffice();
        ICredentialLedger.Batch memory batch =
            batchOf(issuer, uint32(_pick(3)), keccak256(abi.encode(_pick(_ROOTS))), uint32(1 + _pick(200)));
        batch.pending = batch.typeId != 0 && _pick(4) == 0;
        if (_pick(20) == 0) batch.key = uint32(_pick(4));
        if (batch.typeId != 0) batch.firstWord = uint32(_pick(1000));
        if (_pick(30) == 0) batch.firstWord = type(uint32).max;
        if (_pick(20) == 0) batch.deadline = uint64(block.timestamp - 1);
        uint256 maker = _pickKey(issuer, MAKER);
        uint256 approver = _pickOther(issuer, maker);
        (batch.maker, batch.approver) = (signerOf(maker), signerOf(approver));
        bytes32 standingId = _pickStanding();
        if (standingId != 0) {
            if (_isLucky()) {
                Rebuilt.Standing memory standing = laws.standingOf(standingId);
                (batch.issuer, batch.typeId) = (standing.issuer, standing.typeId);
                if (batch.typeId == 0) (batch.firstWord, batch.pending) = (0, false);
                batch.key = batch.typeId == 0 ? SEAL_KEY : CREDENTIAL_KEY;
                batch.approver = standing.terms.approver;
                (maker, issuer) = (_pickKey(batch.issuer, MAKER), batch.issuer);
                batch.maker = signerOf(maker);
            }
        }
        ICredentialLedger.Approvals memory approvals =
            _approve(maker, approver, standingId, ledger.batchDigest(batch));
        address operator = vm.addr(_pickKey(issuer, OPERATOR));
        _send(operator, address(ledger), abi.encodeCall(ledger.anchor, (batch, approvals)));
    }

    function withdraw(uint256 seed) external {
        _shuffle(seed);
        if (laws.batchCount() == 0 || _pick(3) != 0) return;
        ICredentialLedger.BatchWithdrawal memory withdrawal;
        (withdrawal.issuer, withdrawal.root) = laws.batches(_pick(laws.batchCount()));
        withdrawal.reasonClass = uint8(1 + _pick(_isLucky() ? 5 : 7));
        withdrawal.by = _pick(2) == 0 ? _pickSpeaker(withdrawal.issuer) : _pickOffice();
        withdrawal.deadline = uint64(block.timestamp);
        uint256 maker = _pickKey(withdrawal.by, MAKER);
        uint256 approver = _pickOther(withdrawal.by, maker);
        (withdrawal.maker, withdrawal.approver) = (signerOf(maker), signerOf(approver));
        bytes32 digest = ledger.withdrawalDigest(withdrawal);
        bytes memory call = abi.encodeCall(
            ledger.withdrawBatch, (withdrawal, signature(maker, digest), signature(approver, digest))
        );
        _send(carrier, address(ledger), call);
    }

    function suspend(uint256 seed) external {
        _shuffle(seed);
        if (laws.batchCount() == 0) return;
        (IssuerId issuer, bytes32 root) = _pickBatch(PLAIN);
        IssuerId by = _pickSpeaker(issuer);
        ICredentialLedger.WordChange[] memory changes = _pickChanges(issuer, root, 2);
        bytes memory call = abi.encodeCall(ledger.suspend, (issuer, root, by, uint8(1 + _pick(5)), changes));
        _send(vm.addr(_pickKey(by, OPERATOR)), address(ledger), call, changes);
    }

    function changeStatus(uint256 seed) external {
        _shuffle(seed);
        if (laws.batchCount() == 0) return;
        (IssuerId issuer, bytes32 root) = _pickBatch(uint32(1 + _pick(2)));
        uint8[7] memory goals = [0, 2, 8, 9, 10, 11, 12];
        bytes32 standingId = _pickStanding(issuer, laws.anchorOf(issuer, root).typeId);
        uint8 goal = standingId != 0 && _isLucky() ? (_pick(2) == 0 ? 9 : 12) : goals[_pick(7)];
        ICredentialLedger.WordChange[] memory changes = _pickChanges(issuer, root, goal);
        ICredentialLedger.StatusChange memory change = changeOf(issuer, root, changes, _pick(300));
        change.by = _pickSpeaker(issuer);
        uint256 maker = _pickKey(change.by, MAKER);
        uint256 approver = _pickOther(change.by, maker);
        (change.maker, change.approver) = (signerOf(maker), signerOf(approver));
        if (standingId != 0 && _isLucky()) change.approver = laws.standingOf(standingId).terms.approver;
        ICredentialLedger.Approvals memory approvals =
            _approve(maker, approver, standingId, ledger.statusChangeDigest(change));
        bytes memory call = abi.encodeCall(ledger.changeStatus, (change, changes, approvals));
        _send(carrier, address(ledger), call, changes);
    }

    function redeem(uint256 seed) external {
        _shuffle(seed);
        if (laws.batchCount() == 0) return;
        (IssuerId issuer, bytes32 root) = _pickBatch(TICKET);
        ICredentialLedger.WordChange[] memory changes = _pickChanges(issuer, root, _isLucky() ? 12 : 8);
        address redeemer = vm.addr(_pickKey(_pickSpeaker(issuer), REDEEMER));
        _send(redeemer, address(ledger), abi.encodeCall(ledger.redeem, (issuer, root, changes)), changes);
    }

    function registerStanding(uint256 seed) external {
        _shuffle(seed);
        ICredentialLedger.StandingApproval memory standing;
        standing.issuer = _pickOffice();
        standing.typeId = uint32(_pick(3));
        standing.acts = uint8(_isLucky() ? 1 + _pick(7) : _pick(10));
        standing.anchorLimit = uint32(_pick(500));
        standing.supersedeLimit = uint32(_pick(20));
        standing.useLimit = uint32(_pick(20));
        standing.validFrom = uint64(block.timestamp - _pick(2 days));
        standing.validUntil = standing.validFrom + uint64(_isLucky() ? 2 days + _pick(29 days) : _pick(40 days));
        standing.nonce = _pick(1000);
        uint256 approver = _pickKey(standing.issuer, APPROVER);
        standing.approver = signerOf(approver);
        bytes memory signed = signature(_isLucky() ? approver : 1, ledger.standingDigest(standing));
        _send(carrier, address(ledger), abi.encodeCall(ledger.registerStanding, (standing, signed)));
    }

    function revokeStanding(uint256 seed) external {
        _shuffle(seed);
        if (laws.standingCount() == 0 || _pick(3) != 0) return;
        bytes32 standingId = laws.standingIds(_pick(laws.standingCount()));
        IssuerId issuer = laws.standingOf(standingId).issuer;
        IssuerId by = _pick(2) == 0 ? issuer : _pickOffice();
        uint256 key = _pickKey(by, _pick(2) == 0 ? ADMIN : APPROVER);
        bytes memory call = abi.encodeCall(ledger.revokeStanding, (standingId, by, own(signerOf(key))));
        _send(vm.addr(key), address(ledger), call);
    }

    function handOver(uint256 seed) external {
        _shuffle(seed);
        address sender = _pick(2) == 0 ? laws.governor() : vm.addr(_pickKey(_pickOffice(), ADMIN));
        if (_pick(6) != 0) return;
        _send(sender, address(ledger), abi.encodeCall(ledger.handover, (_pickOffice(), address(0xbeef))));
        if (_pick(2) == 0) _send(sender, address(ledger), abi.encodeCall(ledger.open, ()));
    }

    // ---- picking ----

    function _pickStanding() private returns (bytes32) {
        uint256 count = laws.standingCount();
        return count == 0 || _pick(2) == 0 ? bytes32(0) : laws.standingIds(_pick(count));
    }

    /// An approver, now and then the maker again, who sometimes has both roles.
    function _pickOther(IssuerId issuer, uint256 maker) private returns (uint256) {
        return _pick(8) == 0 ? maker : _pickKey(issuer, APPROVER);
    }

    /// One for this issuer and type, if a few looks find it.
    function _pickStanding(IssuerId issuer, uint32 typeId) private returns (bytes32 standingId) {
        standingId = _pickStanding();
        for (uint256 look = 0; standingId != 0 && look < 10; ++look) {
            Rebuilt.Standing memory standing = laws.standingOf(standingId);
            if (standing.issuer == issuer && standing.typeId == typeId) break;
            standingId = laws.standingIds(_pick(laws.standingCount()));
        }
    }

    /// One of this type that was not withdrawn, if a few looks find it.
    function _pickBatch(uint32 typeId) private returns (IssuerId issuer, bytes32 root) {
        for (uint256 look = 0; look < 5; ++look) {
            (issuer, root) = laws.batches(_pick(laws.batchCount()));
            ICredentialLedger.Anchor memory batch = laws.anchorOf(issuer, root);
            if (batch.typeId == typeId && batch.withdrawn == 0) break;
        }
    }

    function _approve(uint256 maker, uint256 approver, bytes32 standingId, bytes32 digest)
        private
        returns (ICredentialLedger.Approvals memory approvals)
    {
        approvals = both(_isLucky() ? maker : 1, _isLucky() ? approver : 1, digest);
        if (standingId != 0) (approvals.standingId, approvals.approverSignature) = (standingId, "");
    }

    /// One or two words of which some statuses, all alike, become `goal`; now and then with a foul mask.
    function _pickChanges(IssuerId issuer, bytes32 root, uint256 goal)
        private
        returns (ICredentialLedger.WordChange[] memory changes)
    {
        uint256 size = laws.anchorOf(issuer, root).size;
        changes = new ICredentialLedger.WordChange[](1 + _pick(2));
        for (uint256 i = 0; i < changes.length; ++i) {
            uint256 leaf = _pick(size);
            uint256 word = leaf / 64;
            uint256 statuses = laws.words(issuer, root, word);
            uint256 lanes;
            uint256 wanted = (statuses >> (4 * (leaf % 64))) & 15;
            if (wanted > 2 && _isLucky()) {
                leaf = leaf / 64 * 64;
                wanted = statuses & 15;
            }
            uint256 chosen = uint256(keccak256(abi.encode(leaf, _pick(1000)))) | uint256(1) << (leaf % 64);
            for (uint256 lane = 0; lane < 64 && word * 64 + lane < size; ++lane) {
                bool isAlike = (statuses >> (4 * lane)) & 15 == wanted;
                if (isAlike && (chosen >> lane) & 1 == 1) lanes |= 1 << (4 * lane);
            }
            changes[i] = ICredentialLedger.WordChange(uint32(word), lanes * 15, lanes * goal);
            if (!_isLucky()) changes[i].mask ^= uint256(15) << (4 * _pick(64));
            if (!_isLucky()) changes[i].value ^= uint256(1) << _pick(256);
        }
    }
}
