// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger as I} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {vm} from "./Vm.sol";
import {ADMIN, APPROVER, BUREAU, CITY, MAKER, NOBODY, OPERATOR, REDEEMER, ROOT, SIBLING, START, World} from "./World.sol";

/// @title Each refusal of CredentialLedger, once, with its values; and what is left when nothing is refused.
contract LedgerRefusals is World {
    bytes32 private constant _TICKETS = keccak256("tickets");
    bytes32 private constant _PLAIN = keccak256("plain");
    bytes32 private constant _PAPERS = keccak256("papers");

    function setUp() public {
        deploy();
        people();
        vm.prank(governance);
        ledger.open();
        anchor(batchOf(BUREAU, TICKET, _TICKETS, 100));
        anchor(batchOf(BUREAU, PLAIN, _PLAIN, 64));
        anchor(batchOf(BUREAU, 0, _PAPERS, 3));
    }

    // ---- anchoring ----

    function test_what_may_be_anchored() public {
        I.Batch memory batch = batchOf(BUREAU, PLAIN, "new", 0);
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerBadSize.selector, uint32(0)));
        (batch.size, batch.list, batch.firstWord) = (65, 7, type(uint32).max);
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerBadRange.selector, uint32(7), type(uint32).max, uint32(65)));
        batch = batchOf(BUREAU, 0, "new", 1);
        batch.list = 1;
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerBadDocumentBatch.selector, uint32(1), uint32(0), false));
        (batch.list, batch.firstWord) = (0, 1);
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerBadDocumentBatch.selector, uint32(0), uint32(1), false));
        (batch.firstWord, batch.pending) = (0, true);
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerBadDocumentBatch.selector, uint32(0), uint32(0), true));
        batch = batchOf(BUREAU, PLAIN, _PLAIN, 9);
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerRootAlreadyAnchored.selector, BUREAU, _PLAIN, START));
        batch = batchOf(BUREAU, PLAIN, "new", 1);
        batch.deadline = START - 1;
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerExpired.selector, uint64(START - 1), uint64(START)));
        batch = batchOf(BUREAU, PLAIN, "new", 1);
        batch.maker = batch.approver;
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerSameSigner.selector, batch.approver));
        batch = batchOf(BUREAU, PLAIN, "new", 1);
        batch.maker = 0;
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerBadSignature.selector, bytes32(0)));
        batch = batchOf(BUREAU, PLAIN, "new", 1);
        batch.approver = 0;
        _refusedBatch(batch, abi.encodeWithSelector(I.LedgerBadSignature.selector, bytes32(0)));
        batch = batchOf(BUREAU, PLAIN, "new", 1);
        batch.key = 9;
        bytes memory bad =
            abi.encodeWithSelector(IIssuerRegistry.RegistryKeyNotGood.selector, BUREAU, uint32(9), uint8(1), START);
        _refusedBatch(batch, bad);
        batch.key = SEAL_KEY;
        bad = abi.encodeWithSelector(IIssuerRegistry.RegistryKeyNotGood.selector, BUREAU, SEAL_KEY, uint8(1), START);
        _refusedBatch(batch, bad);
        batch = batchOf(BUREAU, PLAIN, "new", 1);
        I.Approvals memory approvals = both(BUREAU, ledger.batchDigest(batch));
        (approvals.standingId, approvals.approverSignature) = ("unknown", "x");
        bytes memory call = abi.encodeCall(ledger.anchor, (batch, approvals));
        _refused(OPERATOR, call, abi.encodeWithSelector(I.LedgerBadSignature.selector, batch.approver));
        approvals.approverSignature = "";
        call = abi.encodeCall(ledger.anchor, (batch, approvals));
        _refused(OPERATOR, call, abi.encodeWithSelector(I.LedgerUnknownStanding.selector, approvals.standingId));
    }

    function test_many_at_once() public {
        I.Batch[] memory batches = new I.Batch[](2);
        I.Approvals[] memory approvals = new I.Approvals[](2);
        for (uint256 i = 0; i < 2; ++i) {
            batches[i] = batchOf(BUREAU, PLAIN, keccak256(abi.encode(i)), 70);
            batches[i].pending = i == 1;
            approvals[i] = both(BUREAU, ledger.batchDigest(batches[i]));
        }
        bytes memory call = abi.encodeCall(ledger.anchorMany, (batches, new I.Approvals[](1)));
        _refused(OPERATOR, call, abi.encodeWithSelector(I.LedgerLengthMismatch.selector, uint256(2), uint256(1)));
        vm.prank(accountOf(BUREAU, OPERATOR));
        ledger.anchorMany(batches, approvals);
        vm.assertEq(ledger.statusOf(BUREAU, batches[0].root, 69), 0, "VALID from the start");
        vm.assertEq(ledger.statusOf(BUREAU, batches[1].root, 69), 1, "PENDING from the start");
        vm.assertTrue(ledger.isAnchored(BUREAU, batches[1].root) && !ledger.isAnchored(ROOT, _PLAIN), "here only");
    }

    function test_what_may_be_withdrawn() public {
        I.BatchWithdrawal memory one_ = I.BatchWithdrawal(
            BUREAU, _PLAIN, 5, BUREAU, signerOf(BUREAU, MAKER), signerOf(BUREAU, APPROVER), START
        );
        one_.reasonClass = 6;
        _refusedWithdrawal(one_, abi.encodeWithSelector(I.LedgerBadReason.selector, uint8(6)));
        one_.reasonClass = 0;
        _refusedWithdrawal(one_, abi.encodeWithSelector(I.LedgerBadReason.selector, uint8(0)));
        (one_.reasonClass, one_.root) = (5, "none");
        _refusedWithdrawal(one_, abi.encodeWithSelector(I.LedgerNotAnchored.selector, BUREAU, one_.root));
        (one_.root, one_.by) = (_PLAIN, SIBLING);
        bytes memory other = abi.encodeWithSelector(IIssuerRegistry.RegistryNotOwnAct.selector, SIBLING, BUREAU);
        _refusedWithdrawal(one_, other);
        (one_.by, one_.maker, one_.approver) = (ROOT, signerOf(ROOT, MAKER), signerOf(ROOT, APPROVER));
        bytes32 digest = ledger.withdrawalDigest(one_);
        bytes memory signed = signature(keyOf(ROOT, MAKER, 0), digest);
        ledger.withdrawBatch(one_, signed, signature(keyOf(ROOT, APPROVER, 0), digest));
        vm.assertEq(ledger.anchorOf(BUREAU, _PLAIN).withdrawn, 5, "by the parent");
        _refusedWithdrawal(one_, abi.encodeWithSelector(I.LedgerAlreadyWithdrawn.selector, BUREAU, _PLAIN, uint8(5)));
        bytes memory call = abi.encodeCall(ledger.suspend, (BUREAU, _PLAIN, BUREAU, 1, one(0, 15, 2)));
        _refused(OPERATOR, call, abi.encodeWithSelector(I.LedgerAlreadyWithdrawn.selector, BUREAU, _PLAIN, uint8(5)));
    }

    // ---- statuses ----

    function test_what_may_be_suspended() public {
        _refusedSuspension(BUREAU, 0, one(0, 15, 2), abi.encodeWithSelector(I.LedgerBadReason.selector, uint8(0)));
        bytes memory none = abi.encodeWithSelector(I.LedgerNoChanges.selector);
        _refusedSuspension(BUREAU, 1, new I.WordChange[](0), none);
        bytes32 operator = signerOf(BUREAU, OPERATOR);
        bytes memory role = abi.encodeWithSelector(IIssuerRegistry.RegistryNotOwnAct.selector, CITY, BUREAU);
        _refusedSuspension(CITY, 1, one(0, 15, 2), role);
        bytes memory call = abi.encodeCall(ledger.suspend, (BUREAU, _TICKETS, BUREAU, 1, one(0, 15, 2)));
        bytes32 maker = signerOf(BUREAU, MAKER);
        _refused(MAKER, call, abi.encodeWithSelector(I.LedgerMissingRole.selector, BUREAU, maker));
        vm.assertTrue(maker != operator, "two people");
        bytes memory word = abi.encodeWithSelector(I.LedgerBadWord.selector, uint32(0), uint256(7), uint256(2));
        _refusedSuspension(BUREAU, 1, one(0, 7, 2), word);
        word = abi.encodeWithSelector(I.LedgerBadWord.selector, uint32(2), uint256(15), uint256(2));
        _refusedSuspension(BUREAU, 1, one(2, 15, 2), word);
        bytes memory other = abi.encodeWithSelector(I.LedgerNotSuspension.selector, uint32(0), uint256(15), uint256(8));
        _refusedSuspension(BUREAU, 1, one(0, 15, 8), other);
        vm.prank(accountOf(BUREAU, OPERATOR));
        ledger.suspend(BUREAU, _TICKETS, BUREAU, 1, one(1, 15, 2));
        other = abi.encodeWithSelector(
            I.LedgerBadTransition.selector, uint32(1), uint256(2), uint256(15), uint256(2)
        );
        _refusedSuspension(BUREAU, 1, one(1, 15, 2), other);
        call = abi.encodeCall(ledger.suspend, (BUREAU, _PAPERS, BUREAU, 1, one(0, 15, 2)));
        bytes memory papers = abi.encodeWithSelector(I.LedgerBadDocumentBatch.selector, uint32(0), uint32(0), false);
        _refused(OPERATOR, call, papers);
    }

    function test_what_may_be_changed() public {
        bytes32 given = keccak256("another");
        I.WordChange[] memory changes = one(0, 15, 8);
        I.StatusChange memory change = changeOf(BUREAU, _PLAIN, changes, 0);
        change.changesHash = given;
        bytes memory expected =
            abi.encodeWithSelector(I.LedgerChangesMismatch.selector, keccak256(abi.encode(changes)), given);
        _refusedChange(change, changes, expected);
        changes = new I.WordChange[](0);
        _refusedChange(changeOf(BUREAU, _PLAIN, changes, 0), changes, abi.encodeWithSelector(I.LedgerNoChanges.selector));
        changes = one(0, 7, 2);
        expected = abi.encodeWithSelector(I.LedgerBadWord.selector, uint32(0), uint256(7), uint256(2));
        _refusedChange(changeOf(BUREAU, _PLAIN, changes, 0), changes, expected);
        changes = one(0, 15, 3);
        expected = abi.encodeWithSelector(
            I.LedgerBadTransition.selector, uint32(0), uint256(0), uint256(15), uint256(3)
        );
        _refusedChange(changeOf(BUREAU, _PLAIN, changes, 0), changes, expected);
        changes = one(0, 15, 12);
        expected = abi.encodeWithSelector(I.LedgerNotSingleUse.selector, PLAIN);
        _refusedChange(changeOf(BUREAU, _PLAIN, changes, 0), changes, expected);
        changes = one(0, 15, 8);
        _change(changeOf(BUREAU, _PLAIN, changes, 256), changes, 0);
        vm.assertTrue(ledger.nonceUsed(BUREAU, 256) && !ledger.nonceUsed(BUREAU, 0), "one nonce");
        expected = abi.encodeWithSelector(I.LedgerNonceUsed.selector, BUREAU, uint256(256));
        _refusedChange(changeOf(BUREAU, _PLAIN, changes, 256), changes, expected);
        change = changeOf(BUREAU, _PLAIN, changes, 1);
        I.Approvals memory approvals = both(keyOf(BUREAU, MAKER, 0), 7, ledger.statusChangeDigest(change));
        bytes memory call = abi.encodeCall(ledger.changeStatus, (change, changes, approvals));
        _refused(OPERATOR, call, abi.encodeWithSelector(I.LedgerBadSignature.selector, change.approver));
        approvals = both(7, keyOf(BUREAU, APPROVER, 0), ledger.statusChangeDigest(change));
        call = abi.encodeCall(ledger.changeStatus, (change, changes, approvals));
        _refused(OPERATOR, call, abi.encodeWithSelector(I.LedgerBadSignature.selector, change.maker));
    }

    function test_what_may_be_redeemed() public {
        bytes memory call = abi.encodeCall(ledger.redeem, (BUREAU, _TICKETS, one(0, 15, 8)));
        _refused(REDEEMER, call, abi.encodeWithSelector(I.LedgerNotAct.selector, uint32(0), uint8(4)));
        call = abi.encodeCall(ledger.redeem, (BUREAU, _TICKETS, one(0, 15, 12)));
        bytes32 maker = signerOf(BUREAU, MAKER);
        _refused(MAKER, call, abi.encodeWithSelector(I.LedgerMissingRole.selector, BUREAU, maker));
        call = abi.encodeCall(ledger.redeem, (BUREAU, "none", one(0, 15, 12)));
        bytes32 none = "none";
        _refused(REDEEMER, call, abi.encodeWithSelector(I.LedgerNotAnchored.selector, BUREAU, none));
        vm.prank(accountOf(BUREAU, REDEEMER));
        ledger.redeem(BUREAU, _TICKETS, one(1, 15 << 8, 12 << 8));
        vm.assertEq(ledger.statusOf(BUREAU, _TICKETS, 66), 12, "used");
    }

    // ---- acting ----

    function _refused(uint8 role, bytes memory call, bytes memory expected) private {
        refused(accountOf(BUREAU, role), address(ledger), call, expected);
    }

    function _refusedBatch(I.Batch memory batch, bytes memory expected) private {
        I.Approvals memory approvals = both(BUREAU, ledger.batchDigest(batch));
        _refused(OPERATOR, abi.encodeCall(ledger.anchor, (batch, approvals)), expected);
    }

    function _refusedWithdrawal(I.BatchWithdrawal memory withdrawal, bytes memory expected) private {
        bytes32 digest = ledger.withdrawalDigest(withdrawal);
        bytes memory maker = signature(keyOf(BUREAU, MAKER, 0), digest);
        bytes memory approver = signature(keyOf(BUREAU, APPROVER, 0), digest);
        _refused(OPERATOR, abi.encodeCall(ledger.withdrawBatch, (withdrawal, maker, approver)), expected);
    }

    function _refusedSuspension(IssuerId by, uint8 reason, I.WordChange[] memory changes, bytes memory expected)
        private
    {
        _refused(OPERATOR, abi.encodeCall(ledger.suspend, (BUREAU, _TICKETS, by, reason, changes)), expected);
    }

    function _refusedChange(I.StatusChange memory change, I.WordChange[] memory changes, bytes memory expected)
        private
    {
        I.Approvals memory approvals = both(BUREAU, ledger.statusChangeDigest(change));
        _refused(OPERATOR, abi.encodeCall(ledger.changeStatus, (change, changes, approvals)), expected);
    }

    function _change(I.StatusChange memory change, I.WordChange[] memory changes, bytes32 standingId) private {
        I.Approvals memory approvals = both(BUREAU, ledger.statusChangeDigest(change));
        approvals.standingId = standingId;
        ledger.changeStatus(change, changes, approvals);
    }
}
