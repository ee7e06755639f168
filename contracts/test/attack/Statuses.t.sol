// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {StatusWord} from "../../src/libraries/StatusWord.sol";
import {vm} from "./Vm.sol";
import {APPROVER, BUREAU, LANES, MAKER, OPERATOR, REDEEMER, World} from "./World.sol";

/// @title Writes to a status word, whatever the mask, the value and what the word held.
contract Statuses is World {
    bytes32 private constant _ROOT = keccak256("statuses");
    uint32 private constant _SIZE = 100;

    function setUp() public {
        deploy();
        people();
        vm.prank(governance);
        ledger.open();
        anchor(batchOf(BUREAU, TICKET, _ROOT, _SIZE));
    }

    /// Transition table of the architecture, written out status by status.
    function allowed(uint256 from, uint256 to) internal pure returns (bool) {
        bool isEnd = to >= 8 && to <= 11;
        if (from == 0) return to == 2 || isEnd || to == 12;
        if (from == 1) return to == 0 || (isEnd && to != 9);
        if (from == 2) return to == 0 || isEnd;
        return false;
    }

    function testFuzz_any_write_is_what_the_table_says(uint256 held, uint32 word, uint256 mask, uint256 value)
        public
    {
        _tryAndCompare(_fill(held, word % 3), word % 3, mask, value & mask);
    }

    function testFuzz_whole_nibbles_are_what_the_table_says(uint256 held, uint64 lanes, uint8 goal, bool second)
        public
    {
        uint32 word = second ? 1 : 0;
        uint256 statuses = _fill(held, word);
        uint256 mask;
        // Mostly statuses of one kind, so that many writes are allowed.
        for (uint256 lane = 0; lane < (second ? 36 : 64); ++lane) {
            bool isAlike = allowed((statuses >> (4 * lane)) & 15, goal % 13) || lanes % 16 == 0;
            if (isAlike && (lanes >> lane) & 1 == 1) mask |= uint256(15) << (4 * lane);
        }
        _tryAndCompare(statuses, word, mask, mask / 15 * (goal % 13));
    }

    function testFuzz_a_final_status_never_changes(uint8 lane, uint8 end, uint8 goal) public {
        uint32 leaf = lane % _SIZE;
        uint256 shift = 4 * (leaf % 64);
        uint256 ended = 8 + end % 5;
        vm.assertTrue(_write(leaf / 64, uint256(15) << shift, ended << shift, 1), "an end is reached");
        vm.assertTrue(!_write(leaf / 64, uint256(15) << shift, uint256(goal % 16) << shift, 2), "an end was left");
        vm.assertEq(ledger.statusOf(BUREAU, _ROOT, leaf), ended, "and stays");
    }

    function testFuzz_suspending_touches_valid_ones_only(uint256 held, uint256 mask, uint256 value, bool fair) public {
        uint256 before = _fill(held, 0);
        if (fair) (mask, value) = _fairly(before, mask, 2);
        vm.prank(accountOf(BUREAU, OPERATOR));
        (bool done,) = address(ledger).call(
            abi.encodeCall(ledger.suspend, (BUREAU, _ROOT, BUREAU, 1, one(0, mask, value)))
        );
        vm.assertTrue(done || !fair || mask == 0, "a fair change was refused");
        uint256 later = ledger.statusWord(BUREAU, _ROOT, 0);
        for (uint256 lane = 0; lane < 64; ++lane) {
            uint256 from = (before >> (4 * lane)) & 15;
            uint256 to = (later >> (4 * lane)) & 15;
            vm.assertTrue(from == to || (done && from == 0 && to == 2), "suspended what was not valid");
        }
    }

    function testFuzz_redeeming_uses_valid_ones_only(uint256 held, uint256 mask, uint256 value, bool fair) public {
        uint256 before = _fill(held, 0);
        if (fair) (mask, value) = _fairly(before, mask, 12);
        vm.prank(accountOf(BUREAU, REDEEMER));
        (bool done,) = address(ledger).call(abi.encodeCall(ledger.redeem, (BUREAU, _ROOT, one(0, mask, value))));
        vm.assertTrue(done || !fair || mask == 0, "a fair change was refused");
        uint256 later = ledger.statusWord(BUREAU, _ROOT, 0);
        for (uint256 lane = 0; lane < 64; ++lane) {
            uint256 from = (before >> (4 * lane)) & 15;
            uint256 to = (later >> (4 * lane)) & 15;
            vm.assertTrue(from == to || (done && from == 0 && to == 12), "used what was not valid");
        }
    }

    /// Some of the VALID ones, to `goal`.
    function _fairly(uint256 statuses, uint256 chosen, uint256 goal) private pure returns (uint256 mask, uint256 value) {
        for (uint256 lane = 0; lane < 64; ++lane) {
            bool isChosen = (chosen >> lane) & 1 == 1 && (statuses >> (4 * lane)) & 15 == 0;
            if (isChosen) (mask, value) = (mask | (15 << (4 * lane)), value | (goal << (4 * lane)));
        }
    }

    function testFuzz_a_count_counts(uint256 lanes) public pure {
        lanes &= LANES;
        uint256 counted;
        for (uint256 lane = 0; lane < 64; ++lane) counted += (lanes >> (4 * lane)) & 1;
        vm.assertEq(StatusWord.count(lanes), counted, "another number of lanes");
    }

    // ---- the slow twin ----

    function _tryAndCompare(uint256 before, uint32 word, uint256 mask, uint256 value) private {
        bool isGood = mask != 0 && value & ~mask == 0;
        for (uint256 lane = 0; lane < 64; ++lane) {
            uint256 masked = (mask >> (4 * lane)) & 15;
            if (masked == 0) continue;
            bool isInside = uint256(word) * 64 + lane < _SIZE;
            bool isStep = allowed((before >> (4 * lane)) & 15, (value >> (4 * lane)) & 15);
            isGood = isGood && masked == 15 && isInside && isStep;
        }
        vm.assertTrue(_write(word, mask, value, 1) == isGood, "another verdict than the table's");
        uint256 expected = isGood ? (before & ~mask) | value : before;
        vm.assertEq(ledger.statusWord(BUREAU, _ROOT, word), expected, "another word than expected");
    }

    /// Brings the statuses of this word to ones drawn from `held`, as far as one step from VALID goes.
    function _fill(uint256 held, uint32 word) private returns (uint256 statuses) {
        uint8[8] memory reachable = [0, 0, 2, 2, 8, 9, 11, 12];
        for (uint256 lane = 0; lane < 64 && uint256(word) * 64 + lane < _SIZE; ++lane) {
            statuses |= uint256(reachable[(held >> (4 * lane)) & 7]) << (4 * lane);
        }
        uint256 mask;
        for (uint256 lane = 0; lane < 64; ++lane) {
            if ((statuses >> (4 * lane)) & 15 != 0) mask |= uint256(15) << (4 * lane);
        }
        if (mask != 0) vm.assertTrue(_write(word, mask, statuses, 0), "filled");
    }

    function _write(uint32 word, uint256 mask, uint256 value, uint256 nonce) private returns (bool done) {
        ICredentialLedger.WordChange[] memory changes = one(word, mask, value);
        ICredentialLedger.StatusChange memory change = changeOf(BUREAU, _ROOT, changes, nonce);
        bytes32 digest = ledger.statusChangeDigest(change);
        (done,) = address(ledger).call(
            abi.encodeCall(
                ledger.changeStatus,
                (change, changes, both(keyOf(BUREAU, MAKER, 0), keyOf(BUREAU, APPROVER, 0), digest))
            )
        );
    }
}
