// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {Laws} from "./Laws.sol";
import {Rebuilt} from "./Rebuilt.sol";
import {vm} from "./Vm.sol";

/// @title What the contracts answer, against what their events alone say.
abstract contract Compared {
    function _compare(Laws laws, IIssuerRegistry registry, ICredentialLedger ledger) internal view {
        vm.assertTrue(registry.governance() == laws.governor(), "governance");
        vm.assertTrue(ledger.isOpen() == laws.isOpen(), "open");
        for (uint256 i = 0; i < laws.issuerCount(); ++i) {
            _compareIssuer(laws.issuers(i), laws, registry);
            vm.assertTrue(
                ledger.handedOverTo(laws.issuers(i)) == laws.handedOver(laws.issuers(i)), "handed over"
            );
        }
        _compareRoles(laws, registry);
        for (uint256 i = 1; i <= registry.typeCount(); ++i) _compareType(i, laws, registry);
        for (uint256 i = 1; i <= laws.proposalCount(); ++i) {
            bytes32 stored = keccak256(abi.encode(registry.proposalOf(i)));
            vm.assertEq(stored, keccak256(abi.encode(laws.proposalOf(i))), "proposal");
        }
        for (uint256 i = 0; i < laws.batchCount(); ++i) {
            (IssuerId issuer, bytes32 root) = laws.batches(i);
            _compareBatch(issuer, root, laws, ledger);
        }
        for (uint256 i = 0; i < laws.standingCount(); ++i) _compareStanding(laws.standingIds(i), laws, ledger);
    }

    function _compareIssuer(IssuerId issuer, Laws laws, IIssuerRegistry registry) private view {
        Rebuilt.Office memory office;
        (
            office.parent,
            office.level,
            office.epoch,
            office.admittedAt,
            office.dissolvedAt,
            office.successor,
            office.directory
        ) = laws.offices(issuer);
        IIssuerRegistry.Issuer memory said =
            IIssuerRegistry.Issuer(office.parent, office.level, office.epoch, office.admittedAt, office.dissolvedAt);
        vm.assertEq(_hash(abi.encode(registry.issuerOf(issuer))), _hash(abi.encode(said)), "issuer");
        vm.assertTrue(registry.successorOf(issuer) == office.successor, "successor");
        vm.assertEq(registry.directoryOf(issuer), office.directory, "directory");
        _compareReset(issuer, laws, registry);
        IIssuerRegistry.Key[] memory keys = laws.keysOf(issuer);
        vm.assertEq(registry.keyCount(issuer), keys.length, "number of keys");
        for (uint32 i = 0; i < keys.length; ++i) {
            vm.assertEq(_hash(abi.encode(registry.keyOf(issuer, i + 1))), _hash(abi.encode(keys[i])), "key");
        }
        for (uint32 typeId = 1; typeId <= 2; ++typeId) _compareGrants(issuer, typeId, laws, registry);
    }

    function _compareReset(IssuerId issuer, Laws laws, IIssuerRegistry registry) private view {
        (bytes32 first, bytes32 second, IssuerId by, uint40 ready) = laws.resets(issuer);
        (bytes32 storedFirst, bytes32 storedSecond, uint40 storedReady, IssuerId storedBy) = registry.resetOf(issuer);
        vm.assertTrue(first == storedFirst && second == storedSecond, "reset: admins");
        vm.assertTrue(ready == storedReady && by == storedBy, "reset");
    }

    function _compareGrants(IssuerId issuer, uint32 typeId, Laws laws, IIssuerRegistry registry) private view {
        IIssuerRegistry.Grant[] memory all = laws.grantsOf(issuer, typeId);
        vm.assertEq(registry.grantCount(issuer, typeId), all.length, "number of grants");
        IIssuerRegistry.Grant memory last;
        if (all.length > 0) last = all[all.length - 1];
        vm.assertEq(_hash(abi.encode(registry.grantOf(issuer, typeId))), _hash(abi.encode(last)), "grant");
        (bool isGood,) = registry.grantAt(issuer, typeId, uint40(block.timestamp));
        // A grant in force is good at this moment, unless an earlier one was withdrawn for a later time.
        vm.assertTrue(isGood || !laws.isGranted(issuer, typeId), "grant in force");
    }

    function _compareRoles(Laws laws, IIssuerRegistry registry) private view {
        for (uint256 i = 0; i < laws.roleCount(); ++i) {
            Rebuilt.RoleRef memory ref = laws.roleAt(i);
            (,, uint24 epoch,,,,) = laws.offices(ref.issuer);
            bytes32 key = laws.refOf(ref.issuer, ref.signer, ref.role, ref.typeId, epoch);
            (uint40 from, uint40 until) = laws.roles(key);
            (uint40 storedFrom, uint40 storedUntil) =
                registry.roleOf(ref.issuer, ref.signer, ref.role, ref.typeId);
            vm.assertTrue(from == storedFrom && until == storedUntil, "role");
            bool isNow = registry.hasRole(ref.issuer, ref.signer, ref.role, ref.typeId);
            vm.assertTrue(isNow == laws.holds(ref.issuer, ref.signer, ref.role, ref.typeId), "role now");
        }
    }

    function _compareType(uint256 typeId, Laws laws, IIssuerRegistry registry) private view {
        IIssuerRegistry.CredentialType memory said;
        (said.code, said.version, said.singleUse, said.fileHash) = laws.types(typeId - 1);
        vm.assertEq(_hash(abi.encode(registry.typeOf(uint32(typeId)))), _hash(abi.encode(said)), "type");
    }

    function _compareBatch(IssuerId issuer, bytes32 root, Laws laws, ICredentialLedger ledger) private view {
        ICredentialLedger.Anchor memory said = laws.anchorOf(issuer, root);
        vm.assertEq(_hash(abi.encode(ledger.anchorOf(issuer, root))), _hash(abi.encode(said)), "anchor");
        for (uint32 word = 0; word * 64 < said.size + 64; ++word) {
            vm.assertEq(ledger.statusWord(issuer, root, word), laws.words(issuer, root, word), "statuses");
        }
    }

    function _compareStanding(bytes32 standingId, Laws laws, ICredentialLedger ledger) private view {
        Rebuilt.Standing memory said = laws.standingOf(standingId);
        (ICredentialLedger.StandingApproval memory stored, bool isRevoked) = ledger.standingOf(standingId);
        vm.assertTrue(isRevoked == said.revoked && stored.issuer == said.issuer, "standing approval");
        Rebuilt.StandingData memory terms = Rebuilt.StandingData(
            stored.acts,
            stored.anchorLimit,
            stored.supersedeLimit,
            stored.useLimit,
            stored.validFrom,
            stored.validUntil,
            stored.approver
        );
        vm.assertEq(_hash(abi.encode(terms)), _hash(abi.encode(said.terms)), "its terms");
        (uint32 anchored, uint32 superseded, uint32 used) = ledger.standingUsed(standingId);
        uint256 day = laws.today();
        vm.assertEq(anchored, laws.spent(standingId, day, 1), "anchored today");
        vm.assertEq(superseded, laws.spent(standingId, day, 2), "superseded today");
        vm.assertEq(used, laws.spent(standingId, day, 4), "used today");
    }

    function _hash(bytes memory encoded) private pure returns (bytes32) {
        return keccak256(encoded);
    }
}
