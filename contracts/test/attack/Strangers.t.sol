// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {vm} from "./Vm.sol";
import {
    ADMIN,
    APPROVER,
    BUREAU,
    FOREVER,
    LANES,
    MAKER,
    NOBODY,
    OPERATOR,
    REDEEMER,
    ROOT,
    SIBLING,
    START,
    World
} from "./World.sol";

/// @title Every call that changes something, by whom it is not for.
contract Strangers is World {
    bytes32 private constant _ROOT = keccak256("strangers");

    function setUp() public {
        deploy();
        people();
        vm.prank(governance);
        ledger.open();
        anchor(batchOf(BUREAU, TICKET, _ROOT, 64));
    }

    function testFuzz_an_act_is_for_the_contract_itself(address stranger, uint8 which, uint256 word) public {
        if (stranger == address(registry)) return;
        bytes memory call = _act(which % 11, word);
        bytes memory expected = abi.encodeWithSelector(IIssuerRegistry.RegistryOnlySelf.selector, stranger);
        refused(stranger, address(registry), call, expected);
    }

    function testFuzz_governance_is_for_governance(address stranger, uint8 which) public {
        if (stranger == governance) return;
        bytes4 name = IIssuerRegistry.RegistryOnlyGovernance.selector;
        address target = address(registry);
        bytes memory call;
        if (which % 7 == 0) call = abi.encodeCall(registry.registerType, ("T", 1, 0, true));
        if (which % 7 == 1) call = abi.encodeCall(registry.transferGovernance, (stranger));
        if (which % 7 == 2) call = abi.encodeCall(registry.scheduleRootReset, ("a", "b"));
        if (which % 7 == 3) {
            if (stranger == address(0)) return; // nobody is pending, and zero is nobody; it cannot send
            call = abi.encodeCall(registry.acceptGovernance, ());
        }
        if (which % 7 > 3) (name, target) = (ICredentialLedger.LedgerOnlyGovernance.selector, address(ledger));
        if (which % 7 == 4) call = abi.encodeCall(ledger.open, ());
        if (which % 7 == 5) call = abi.encodeCall(ledger.handover, (BUREAU, stranger));
        if (which % 7 == 6) call = abi.encodeCall(ledger.importAnchors, (new ICredentialLedger.ImportedAnchor[](1)));
        refused(stranger, target, call, abi.encodeWithSelector(name, stranger));
    }

    /// The signer of a proposal or an acceptance is an admin of that issuer, and signs with his own key.
    function testFuzz_a_proposal_needs_an_admin(uint8 office, uint8 role, uint256 forged) public {
        bytes memory act = abi.encodeCall(registry.setDirectory, (ROOT, BUREAU, "d"));
        IssuerId issuer = office % 2 == 0 ? BUREAU : ROOT;
        uint256 key = keyOf(issuer, 1 + role % 5, 0);
        IIssuerRegistry.Auth memory auth = own(signerOf(key));
        auth.deadline = uint64(block.timestamp);
        bytes32 callHash = keccak256(abi.encode(registry.propose.selector, ROOT, keccak256(act)));
        bytes32 digest = registry.authorisationDigest(ROOT, callHash, auth.signer, 0, auth.deadline);
        bool isAdmin = issuer == ROOT && role % 5 == 0;
        uint256 other = 1 + forged % type(uint128).max;
        auth.signature = signature(other, digest);
        (bool done,) = address(registry).call(abi.encodeCall(registry.propose, (ROOT, act, auth)));
        vm.assertTrue(!done, "signed by another");
        auth.signature = signature(key, digest);
        (done,) = address(registry).call(abi.encodeCall(registry.propose, (ROOT, act, auth)));
        vm.assertTrue(done == isAdmin, "whose right it is");
        (done,) = address(registry).call(abi.encodeCall(registry.propose, (ROOT, act, auth)));
        vm.assertTrue(!done, "the same signature twice");
    }

    /// Anchoring: each of the three must be who it says, with the role, at this issuer.
    function testFuzz_anchoring_needs_three_people(uint8 first, uint8 second, uint8 third, uint8 office) public {
        IssuerId home = office % 2 == 0 ? BUREAU : SIBLING;
        ICredentialLedger.Batch memory batch = batchOf(BUREAU, TICKET, keccak256("three"), 64);
        uint256 maker = keyOf(home, 1 + first % 5, 0);
        uint256 approver = keyOf(home, 1 + second % 5, 0);
        (batch.maker, batch.approver) = (signerOf(maker), signerOf(approver));
        ICredentialLedger.Approvals memory approvals = both(maker, approver, ledger.batchDigest(batch));
        bool isRight = office % 2 == 0 && 1 + first % 5 == MAKER && 1 + second % 5 == APPROVER
            && 1 + third % 5 == OPERATOR;
        vm.prank(accountOf(home, 1 + third % 5));
        (bool done,) = address(ledger).call(abi.encodeCall(ledger.anchor, (batch, approvals)));
        vm.assertTrue(done == isRight, "anchored by others");
    }

    /// A person with both roles still is one person.
    function testFuzz_maker_is_never_approver(uint8 what) public {
        bytes32 both_ = signerOf(BUREAU, MAKER);
        setRole(BUREAU, both_, APPROVER, START, FOREVER);
        bytes memory expected = abi.encodeWithSelector(ICredentialLedger.LedgerSameSigner.selector, both_);
        uint256 key = keyOf(BUREAU, MAKER, 0);
        if (what % 3 == 0) {
            ICredentialLedger.Batch memory batch = batchOf(BUREAU, TICKET, keccak256("alone"), 64);
            batch.approver = both_;
            ICredentialLedger.Approvals memory approvals = both(key, key, ledger.batchDigest(batch));
            bytes memory call = abi.encodeCall(ledger.anchor, (batch, approvals));
            refused(accountOf(BUREAU, OPERATOR), address(ledger), call, expected);
        } else if (what % 3 == 1) {
            ICredentialLedger.WordChange[] memory changes = one(0, 15, 8);
            ICredentialLedger.StatusChange memory change = changeOf(BUREAU, _ROOT, changes, 0);
            change.approver = both_;
            ICredentialLedger.Approvals memory approvals = both(key, key, ledger.statusChangeDigest(change));
            refused(carrier, address(ledger), abi.encodeCall(ledger.changeStatus, (change, changes, approvals)), expected);
        } else {
            ICredentialLedger.BatchWithdrawal memory withdrawal = ICredentialLedger.BatchWithdrawal(
                BUREAU, _ROOT, 1, BUREAU, both_, both_, uint64(block.timestamp)
            );
            bytes memory signed = signature(key, ledger.withdrawalDigest(withdrawal));
            bytes memory call = abi.encodeCall(ledger.withdrawBatch, (withdrawal, signed, signed));
            refused(carrier, address(ledger), call, expected);
        }
    }

    function testFuzz_suspending_and_redeeming_are_for_their_roles(uint8 role, uint8 office, bool isRedeeming) public {
        IssuerId home = office % 3 == 0 ? BUREAU : office % 3 == 1 ? SIBLING : ROOT;
        uint8 held = 1 + role % 5;
        bytes memory call = isRedeeming
            ? abi.encodeCall(ledger.redeem, (BUREAU, _ROOT, one(0, 15, 12)))
            : abi.encodeCall(ledger.suspend, (BUREAU, _ROOT, BUREAU, 1, one(0, 15, 2)));
        vm.prank(accountOf(home, held));
        (bool done,) = address(ledger).call(call);
        bool isRight = home == BUREAU && held == (isRedeeming ? REDEEMER : OPERATOR);
        vm.assertTrue(done == isRight, "a status changed by another");
    }

    function testFuzz_any_bytes_from_a_stranger_change_nothing(address stranger, bytes4 selector, bytes memory rest)
        public
    {
        if (stranger == governance || stranger == address(registry)) return;
        vm.recordLogs();
        vm.prank(stranger);
        (bool done,) = address(registry).call(abi.encodePacked(selector, rest));
        vm.prank(stranger);
        (bool doneHere,) = address(ledger).call(abi.encodePacked(selector, rest));
        // Views may answer; whatever writes leaves an event.
        vm.assertTrue(vm.getRecordedLogs().length == 0, done || doneHere ? "it wrote" : "?");
    }

    function _act(uint256 which, uint256 word) private view returns (bytes memory) {
        bytes32 signer = bytes32(word);
        if (which == 0) return abi.encodeCall(registry.admitIssuer, (ROOT, NOBODY, signer, "b", "d"));
        if (which == 1) return abi.encodeCall(registry.setDirectory, (ROOT, BUREAU, signer));
        if (which == 2) return abi.encodeCall(registry.grantType, (ROOT, BUREAU, PLAIN, START, FOREVER));
        if (which == 3) return abi.encodeCall(registry.withdrawGrant, (ROOT, BUREAU, PLAIN, START, 1));
        if (which == 4) return abi.encodeCall(registry.registerKey, (ROOT, BUREAU, signer, 1, START, FOREVER));
        if (which == 5) return abi.encodeCall(registry.retireKey, (ROOT, BUREAU, 1, START));
        if (which == 6) return abi.encodeCall(registry.compromiseKey, (ROOT, BUREAU, 1, START));
        if (which == 7) return abi.encodeCall(registry.setRole, (ROOT, ROOT, signer, ADMIN, 0, START, FOREVER));
        if (which == 8) return abi.encodeCall(registry.dissolveIssuer, (ROOT, BUREAU, ROOT));
        if (which == 9) return abi.encodeCall(registry.scheduleReset, (ROOT, BUREAU, signer, "b"));
        return abi.encodeCall(registry.cancelReset, (ROOT, BUREAU));
    }
}
