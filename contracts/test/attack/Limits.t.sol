// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {vm} from "./Vm.sol";
import {APPROVER, BUREAU, CITY, COUNTY, FOREVER, MAKER, OPERATOR, ROOT, START, TOWN, World} from "./World.sol";

/// @title Limits of standing approvals, of grants, and of dates, with whatever numbers.
contract Limits is World {
    bytes32 private constant _ROOT = keccak256("limits");

    function setUp() public {
        deploy();
        people();
        vm.prank(governance);
        ledger.open();
        anchor(batchOf(BUREAU, TICKET, _ROOT, 64));
    }

    // ---- standing approvals ----

    function testFuzz_a_day_takes_what_its_limit_allows(uint16[6] memory sizes, uint16 limit, uint32[6] memory waits)
        public
    {
        bytes32 standingId = _register(1, limit);
        uint256 day = _today();
        uint256 taken;
        for (uint256 i = 0; i < sizes.length; ++i) {
            vm.warp(block.timestamp + waits[i] % 8 hours);
            if (_today() != day) (day, taken) = (_today(), 0);
            uint256 size = 1 + sizes[i] % 1000;
            bool done = _anchorUnder(standingId, keccak256(abi.encode(i)), uint32(size));
            vm.assertTrue(done == (taken + size <= limit % 2000), "another sum than the day's");
            if (done) taken += size;
            (uint32 anchored,,) = ledger.standingUsed(standingId);
            vm.assertEq(anchored, taken, "what it says was used");
        }
    }

    function testFuzz_an_act_that_is_not_named_is_refused(uint8 acts, uint8 goal) public {
        acts = 1 + acts % 7;
        bytes32 standingId = _register(acts, 1000);
        bool isUse = goal % 2 == 0;
        bool isNamed = acts & (isUse ? 4 : 2) != 0;
        vm.assertTrue(_changeUnder(standingId, isUse ? 12 : 9) == isNamed, "another act than the named");
        vm.assertTrue(_anchorUnder(standingId, "anchored", 1) == (acts & 1 != 0), "anchored");
        vm.assertTrue(!_changeUnder(standingId, goal % 13 == 9 || goal % 13 == 12 ? 8 : goal % 13), "never under one");
    }

    function testFuzz_it_works_within_its_time_and_until_revoked(uint32 wait, bool revoked) public {
        bytes32 standingId = _register(1, 1000);
        if (revoked) {
            vm.prank(accountOf(BUREAU, APPROVER));
            ledger.revokeStanding(standingId, BUREAU, own(signerOf(BUREAU, APPROVER)));
        }
        vm.warp(block.timestamp + wait % 40 days);
        bool isGood = !revoked && wait % 40 days < 31 days;
        vm.assertTrue(_anchorUnder(standingId, "within", 1) == isGood, "out of its time");
    }

    // ---- grants and keys ----

    function testFuzz_a_grant_stays_within_its_parents(uint40 from, uint40 until, uint8 office) public {
        IssuerId[4] memory parents = [ROOT, BUREAU, CITY, COUNTY];
        IssuerId[4] memory issuers = [BUREAU, CITY, COUNTY, TOWN];
        vm.warp(START + 10 days);
        (from, until) = (START + from % 20 days, START + until % 800 days);
        (IssuerId parent, IssuerId issuer) = (parents[office % 4], issuers[office % 4]);
        bytes memory call = abi.encodeCall(registry.grantType, (parent, issuer, PLAIN, from, until));
        bool isGood = from < until && until <= START + 365 days && from <= block.timestamp && until > block.timestamp;
        vm.assertTrue(_isDone(parent, call) == isGood, "a grant beyond its parent's, or one cut short");
    }

    function testFuzz_no_anchor_without_every_ancestors_grant(uint8 which, uint40 wait) public {
        IssuerId[5] memory line = [ROOT, BUREAU, CITY, COUNTY, TOWN];
        IssuerId issuer = line[which % 5];
        IssuerId by = which % 5 == 0 ? ROOT : line[which % 5 - 1];
        act(by, abi.encodeCall(registry.withdrawGrant, (by, issuer, PLAIN, uint40(block.timestamp), 1)));
        vm.warp(block.timestamp + wait % 300 days);
        for (uint256 i = 0; i < 5; ++i) {
            ICredentialLedger.Batch memory batch = batchOf(line[i], PLAIN, keccak256("line"), 1);
            ICredentialLedger.Approvals memory approvals = both(line[i], ledger.batchDigest(batch));
            vm.prank(accountOf(line[i], OPERATOR));
            (bool done,) = address(ledger).call(abi.encodeCall(ledger.anchor, (batch, approvals)));
            vm.assertTrue(done == (i < which % 5), "at and below a withdrawal nobody issues");
        }
    }

    function testFuzz_a_compromise_only_moves_earlier(uint40[5] memory dates) public {
        vm.warp(START + 100 days);
        uint40 current;
        for (uint256 i = 0; i < dates.length; ++i) {
            uint40 since = START - 5 days + dates[i] % 110 days;
            bytes memory call = abi.encodeCall(registry.compromiseKey, (BUREAU, BUREAU, CREDENTIAL_KEY, since));
            bool isGood = since >= START && since <= block.timestamp && (current == 0 || since < current);
            vm.assertTrue(_isDone(BUREAU, call) == isGood, "moved later, or out of range");
            if (isGood) current = since;
            vm.assertEq(registry.keyOf(BUREAU, CREDENTIAL_KEY).compromisedSince, current, "the earliest");
        }
    }

    // ---- acting ----

    function _isDone(IssuerId by, bytes memory call) private returns (bool done) {
        vm.prank(vm.addr(keyOf(by, 1, 0)));
        uint256 proposal = registry.propose(by, call, own(by, 0));
        vm.prank(vm.addr(keyOf(by, 1, 1)));
        (done,) = address(registry).call(abi.encodeCall(registry.accept, (proposal, call, own(by, 1))));
    }

    function _register(uint8 acts, uint16 limit) private returns (bytes32) {
        ICredentialLedger.StandingApproval memory standing;
        (standing.issuer, standing.typeId, standing.acts) = (BUREAU, TICKET, acts);
        standing.anchorLimit = limit % 2000;
        standing.supersedeLimit = limit % 2000;
        standing.useLimit = limit % 2000;
        standing.validFrom = uint64(block.timestamp);
        standing.validUntil = uint64(block.timestamp + 31 days);
        standing.approver = signerOf(BUREAU, APPROVER);
        return ledger.registerStanding(
            standing, signature(keyOf(BUREAU, APPROVER, 0), ledger.standingDigest(standing))
        );
    }

    function _anchorUnder(bytes32 standingId, bytes32 root, uint32 size) private returns (bool done) {
        ICredentialLedger.Batch memory batch = batchOf(BUREAU, TICKET, root, size);
        ICredentialLedger.Approvals memory approvals = both(BUREAU, ledger.batchDigest(batch));
        (approvals.standingId, approvals.approverSignature) = (standingId, "");
        vm.prank(accountOf(BUREAU, OPERATOR));
        (done,) = address(ledger).call(abi.encodeCall(ledger.anchor, (batch, approvals)));
    }

    function _changeUnder(bytes32 standingId, uint256 goal) private returns (bool done) {
        ICredentialLedger.WordChange[] memory changes = one(0, 15 << (4 * goal), goal << (4 * goal));
        ICredentialLedger.StatusChange memory change = changeOf(BUREAU, _ROOT, changes, goal);
        ICredentialLedger.Approvals memory approvals = both(BUREAU, ledger.statusChangeDigest(change));
        (approvals.standingId, approvals.approverSignature) = (standingId, "");
        (done,) = address(ledger).call(abi.encodeCall(ledger.changeStatus, (change, changes, approvals)));
    }

    function _today() private view returns (uint256) {
        return (block.timestamp + 8 hours) / 1 days;
    }
}
