// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IIssuerRegistry as I, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {vm} from "./Vm.sol";
import {
    ADMIN,
    APPROVER,
    BUREAU,
    CITY,
    COUNTY,
    FOREVER,
    MAKER,
    NOBODY,
    OPERATOR,
    REDEEMER,
    ROOT,
    SIBLING,
    START,
    TOWN,
    World
} from "./World.sol";

/// @title Each refusal of IssuerRegistry, once, with its values.
contract RegistryRefusals is World {
    address private _first;
    address private _second;

    function setUp() public {
        deploy();
        people();
        vm.warp(START + 10 days);
        (_first, _second) = (vm.addr(keyOf(ROOT, ADMIN, 0)), vm.addr(keyOf(ROOT, ADMIN, 1)));
    }

    // ---- two admins ----

    function test_what_is_no_act() public {
        bytes memory short = hex"010203";
        _refusedProposal(ROOT, short, abi.encodeWithSelector(I.RegistryNotAnAct.selector, bytes4(0)));
        bytes memory other = abi.encodeCall(registry.executeReset, (ROOT));
        _refusedProposal(ROOT, other, abi.encodeWithSelector(I.RegistryNotAnAct.selector, registry.executeReset.selector));
        bytes memory bare = abi.encodePacked(registry.setRole.selector);
        _refusedProposal(ROOT, bare, abi.encodeWithSelector(I.RegistryNotAnAct.selector, registry.setRole.selector));
        bytes memory foreign = abi.encodeCall(registry.setDirectory, (BUREAU, CITY, "d"));
        _refusedProposal(ROOT, foreign, abi.encodeWithSelector(I.RegistryNotOwnAct.selector, ROOT, BUREAU));
    }

    function test_who_may_propose() public {
        bytes memory call = _directory(NOBODY);
        bytes memory expected = abi.encodeWithSelector(I.RegistryUnknownIssuer.selector, NOBODY);
        refused(_first, address(registry), abi.encodeCall(registry.propose, (NOBODY, call, own(ROOT, 0))), expected);
        bytes32 maker = signerOf(ROOT, MAKER);
        expected = abi.encodeWithSelector(I.RegistryMissingRole.selector, ROOT, maker, ADMIN);
        call = abi.encodeCall(registry.propose, (ROOT, _directory(ROOT), own(maker)));
        refused(accountOf(ROOT, MAKER), address(registry), call, expected);
        call = abi.encodeCall(registry.propose, (ROOT, _directory(ROOT), own(ROOT, 0)));
        expected = abi.encodeWithSelector(I.RegistryBadSignature.selector, signerOf(keyOf(ROOT, ADMIN, 0)));
        refused(_second, address(registry), call, expected);
    }

    function test_signed_proposals() public {
        I.Auth memory auth = own(ROOT, 0);
        (auth.nonce, auth.deadline) = (300, uint64(block.timestamp));
        bytes memory call = _directory(ROOT);
        bytes32 callHash = keccak256(abi.encode(registry.propose.selector, ROOT, keccak256(call)));
        bytes32 digest = registry.authorisationDigest(ROOT, callHash, auth.signer, auth.nonce, auth.deadline);
        auth.signature = signature(keyOf(ROOT, ADMIN, 1), digest);
        bytes memory sending = abi.encodeCall(registry.propose, (ROOT, call, auth));
        refused(carrier, address(registry), sending, abi.encodeWithSelector(I.RegistryBadSignature.selector, auth.signer));
        auth.signature = signature(keyOf(ROOT, ADMIN, 0), digest);
        sending = abi.encodeCall(registry.propose, (ROOT, call, auth));
        _sent(sending);
        vm.assertTrue(registry.nonceUsed(auth.signer, 300) && !registry.nonceUsed(auth.signer, 301), "one nonce");
        bytes memory expected = abi.encodeWithSelector(I.RegistryNonceUsed.selector, auth.signer, uint256(300));
        refused(carrier, address(registry), sending, expected);
        // Written out: compiled through the IR, the time is read once and kept.
        vm.warp(START + 10 days + 1);
        expected = abi.encodeWithSelector(I.RegistryExpired.selector, auth.deadline, START + 10 days + 1);
        refused(carrier, address(registry), sending, expected);
    }

    function test_what_may_be_accepted() public {
        bytes memory call = _directory(BUREAU);
        uint256 proposal = _propose(ROOT, call);
        bytes memory other = _directory(CITY);
        bytes memory expected =
            abi.encodeWithSelector(I.RegistryActMismatch.selector, proposal, keccak256(call), keccak256(other));
        refused(_second, address(registry), abi.encodeCall(registry.accept, (proposal, other, own(ROOT, 1))), expected);
        expected = abi.encodeWithSelector(I.RegistrySameSigner.selector, signerOf(keyOf(ROOT, ADMIN, 0)));
        refused(_first, address(registry), abi.encodeCall(registry.accept, (proposal, call, own(ROOT, 0))), expected);
        expected = abi.encodeWithSelector(I.RegistryUnknownProposal.selector, proposal + 1);
        refused(_second, address(registry), abi.encodeCall(registry.accept, (proposal + 1, call, own(ROOT, 1))), expected);
        uint40 end = registry.proposalOf(proposal).expiresAt;
        vm.warp(end);
        expected = abi.encodeWithSelector(I.RegistryExpired.selector, uint64(end), uint64(end));
        refused(_second, address(registry), abi.encodeCall(registry.accept, (proposal, call, own(ROOT, 1))), expected);
        vm.prank(_second);
        registry.cancel(proposal, own(ROOT, 1));
        expected = abi.encodeWithSelector(I.RegistryUnknownProposal.selector, proposal);
        refused(_first, address(registry), abi.encodeCall(registry.cancel, (proposal, own(ROOT, 0))), expected);
    }

    function test_a_proposal_dies_with_its_proposers_role() public {
        uint256 proposal = _propose(ROOT, _directory(BUREAU));
        setRole(ROOT, signerOf(keyOf(ROOT, ADMIN, 2)), ADMIN, uint40(block.timestamp), FOREVER);
        bytes32 gone = signerOf(keyOf(ROOT, ADMIN, 0));
        setRole(ROOT, gone, ADMIN, 0, 0);
        bytes memory call = abi.encodeCall(registry.accept, (proposal, _directory(BUREAU), own(ROOT, 1)));
        refused(
            _second, address(registry), call, abi.encodeWithSelector(I.RegistryMissingRole.selector, ROOT, gone, ADMIN)
        );
    }

    function test_what_is_for_others() public {
        bytes memory call = abi.encodeCall(registry.setDirectory, (ROOT, BUREAU, "d"));
        refused(carrier, address(registry), call, abi.encodeWithSelector(I.RegistryOnlySelf.selector, carrier));
        bytes memory expected = abi.encodeWithSelector(I.RegistryOnlyGovernance.selector, carrier);
        refused(carrier, address(registry), abi.encodeCall(registry.transferGovernance, (carrier)), expected);
        refused(carrier, address(registry), abi.encodeCall(registry.acceptGovernance, ()), expected);
    }

    // ---- issuers ----

    function test_who_may_be_admitted() public {
        _refusedAct(TOWN, _admission(TOWN, NOBODY, "a", "b"), abi.encodeWithSelector(I.RegistryTooDeep.selector, TOWN, uint8(6)));
        _refusedAct(ROOT, _admission(ROOT, CITY, "a", "b"), abi.encodeWithSelector(I.RegistryIssuerExists.selector, CITY));
        _refusedAct(ROOT, _admission(ROOT, NOBODY, 0, "b"), abi.encodeWithSelector(I.RegistryZeroSigner.selector));
        _refusedAct(ROOT, _admission(ROOT, NOBODY, "a", 0), abi.encodeWithSelector(I.RegistryZeroSigner.selector));
        bytes32 same = "a";
        _refusedAct(ROOT, _admission(ROOT, NOBODY, same, same), abi.encodeWithSelector(I.RegistrySameSigner.selector, same));
        bytes18[5] memory bad =
            [bytes18("99nobody0000000000"), "99NOBODY000000000", "99NOBODY00000000/0", "99NOBODY00000000:0", "99NOBODY00000000@["];
        for (uint256 i = 0; i < bad.length; ++i) {
            IssuerId issuer = IssuerId.wrap(bad[i]);
            _refusedAct(ROOT, _admission(ROOT, issuer, "a", "b"), abi.encodeWithSelector(I.RegistryBadIssuerId.selector, issuer));
        }
    }

    function test_whose_directory_entry() public {
        _refusedAct(CITY, abi.encodeCall(registry.setDirectory, (CITY, BUREAU, "d")), _notAncestor(CITY, BUREAU));
        _refusedAct(BUREAU, abi.encodeCall(registry.setDirectory, (BUREAU, BUREAU, "d")), _notAncestor(BUREAU, BUREAU));
        bytes memory expected = abi.encodeWithSelector(I.RegistryUnknownIssuer.selector, NOBODY);
        _refusedAct(ROOT, abi.encodeCall(registry.setDirectory, (ROOT, NOBODY, "d")), expected);
        act(ROOT, abi.encodeCall(registry.setDirectory, (ROOT, TOWN, "d")));
        vm.assertEq(registry.directoryOf(TOWN), "d", "set by an ancestor");
        act(ROOT, abi.encodeCall(registry.setDirectory, (ROOT, ROOT, "own")));
        vm.assertEq(registry.directoryOf(ROOT), "own", "the root sets its own");
    }

    function test_who_may_be_dissolved() public {
        _refusedAct(ROOT, _dissolution(ROOT, ROOT, NOBODY), _notAncestor(ROOT, ROOT));
        _refusedAct(CITY, _dissolution(CITY, BUREAU, CITY), _notAncestor(CITY, BUREAU));
        act(ROOT, _dissolution(ROOT, SIBLING, IssuerId.wrap(0)));
        bytes memory dissolved = abi.encodeWithSelector(I.RegistryDissolved.selector, SIBLING, uint40(block.timestamp));
        _refusedAct(ROOT, _dissolution(ROOT, SIBLING, BUREAU), dissolved);
        _refusedAct(ROOT, _dissolution(ROOT, CITY, SIBLING), dissolved);
        _refusedAct(BUREAU, _dissolution(BUREAU, TOWN, ROOT), _notAncestor(BUREAU, ROOT));
        vm.assertTrue(registry.heirOf(SIBLING) == SIBLING, "without a successor it keeps its own lists");
        act(COUNTY, _dissolution(COUNTY, TOWN, COUNTY));
        act(BUREAU, _dissolution(BUREAU, COUNTY, CITY));
        vm.assertTrue(registry.heirOf(TOWN) == CITY, "two links");
        vm.assertTrue(registry.successorOf(TOWN) == COUNTY, "one link");
        vm.assertTrue(!registry.hasRole(TOWN, signerOf(TOWN, OPERATOR), OPERATOR, 0), "operators are out");
        bytes memory call = abi.encodeCall(registry.requireActsFor, (BUREAU, TOWN));
        refused(carrier, address(registry), call, abi.encodeWithSelector(I.RegistryNotOwnAct.selector, BUREAU, TOWN));
        registry.requireActsFor(CITY, TOWN);
        registry.requireActing(CITY, TOWN, signerOf(CITY, MAKER), signerOf(CITY, APPROVER));
        registry.requireActing(CITY, CITY, signerOf(CITY, MAKER), signerOf(CITY, APPROVER));
        call = abi.encodeCall(registry.requireActing, (TOWN, TOWN, "m", "a"));
        refused(carrier, address(registry), call, abi.encodeWithSelector(I.RegistryNotOwnAct.selector, TOWN, TOWN));
        call = abi.encodeCall(registry.propose, (TOWN, _directory(TOWN), own(TOWN, 0)));
        bytes memory over = abi.encodeWithSelector(I.RegistryDissolved.selector, TOWN, uint40(block.timestamp));
        refused(vm.addr(keyOf(TOWN, ADMIN, 0)), address(registry), call, over);
    }

    // ---- grants ----

    function test_what_may_be_granted() public {
        uint40 now_ = uint40(block.timestamp);
        bytes memory unknown = abi.encodeWithSelector(I.RegistryUnknownType.selector, uint32(9));
        _refusedAct(ROOT, abi.encodeCall(registry.grantType, (ROOT, BUREAU, 9, START, FOREVER)), unknown);
        unknown = abi.encodeWithSelector(I.RegistryUnknownType.selector, uint32(0));
        _refusedAct(ROOT, abi.encodeCall(registry.grantType, (ROOT, BUREAU, 0, START, FOREVER)), unknown);
        _refusedAct(ROOT, _granting(ROOT, BUREAU, now_, now_), _badInterval(now_, now_));
        _refusedAct(ROOT, _granting(ROOT, CITY, START, now_ + 1), _notAncestor(ROOT, CITY));
        bytes memory exceeds =
            abi.encodeWithSelector(I.RegistryGrantExceedsParent.selector, ROOT, PLAIN, START + 365 days);
        _refusedAct(ROOT, _granting(ROOT, BUREAU, START, START + 365 days + 1), exceeds);
        uint40 until = now_ + 5 days;
        _refusedAct(ROOT, _granting(ROOT, BUREAU, START - 1, until), _badInterval(START - 1, until));
        _refusedAct(ROOT, _granting(ROOT, BUREAU, now_ + 1, until), _badInterval(now_ + 1, until));
        _refusedAct(ROOT, _granting(ROOT, BUREAU, START, now_), _badInterval(START, now_));
        act(ROOT, _granting(ROOT, BUREAU, START, until));
        act(BUREAU, _withdrawal(BUREAU, CITY, now_, 1));
        bytes memory notGood = abi.encodeWithSelector(I.RegistryGrantNotGood.selector, CITY, PLAIN, now_);
        _refusedAct(CITY, _granting(CITY, COUNTY, START, until), notGood);
        _refusedAct(BUREAU, _granting(BUREAU, CITY, now_ - 1, until), _badInterval(now_ - 1, until));
        act(BUREAU, _granting(BUREAU, CITY, now_, until));
        vm.assertEq(registry.grantCount(CITY, PLAIN), 2, "one earlier");
        vm.warp(until);
        notGood = abi.encodeWithSelector(I.RegistryGrantNotGood.selector, BUREAU, PLAIN, until);
        _refusedAct(BUREAU, _granting(BUREAU, CITY, until, until + 1), notGood);
        admit(ROOT, NOBODY);
        bytes memory missing = abi.encodeWithSelector(I.RegistryGrantMissing.selector, NOBODY, PLAIN);
        _refusedAct(ROOT, _withdrawal(ROOT, NOBODY, START, 1), missing);
        IssuerId leaf = IssuerId.wrap("99LEAF000000000000");
        admit(NOBODY, leaf);
        _refusedAct(NOBODY, _granting(NOBODY, leaf, until, until + 1), missing);
        vm.assertEq(registry.grantOf(BUREAU, PLAIN).validUntil, until, "the current one");
    }

    function test_what_may_be_withdrawn() public {
        uint40 now_ = uint40(block.timestamp);
        _refusedAct(CITY, _withdrawal(CITY, BUREAU, now_, 1), _notAncestor(CITY, BUREAU));
        _refusedAct(ROOT, _withdrawal(ROOT, BUREAU, now_, 0x80), abi.encodeWithSelector(I.RegistryBadCause.selector, uint8(0x80)));
        _refusedAct(ROOT, _withdrawal(ROOT, BUREAU, now_, 3), abi.encodeWithSelector(I.RegistryBadCause.selector, uint8(3)));
        _refusedAct(ROOT, _withdrawal(ROOT, BUREAU, START - 1, 1), _outOfRange(START - 1, START, now_));
        _refusedAct(ROOT, _withdrawal(ROOT, BUREAU, now_ + 1, 1), _outOfRange(now_ + 1, START, now_));
        act(ROOT, _granting(ROOT, BUREAU, START + 1 days, now_ + 9 days));
        act(ROOT, _withdrawal(ROOT, BUREAU, START, 0x82));
        bytes memory twice = abi.encodeWithSelector(I.RegistryAlreadyWithdrawn.selector, BUREAU, PLAIN, now_);
        _refusedAct(ROOT, _withdrawal(ROOT, BUREAU, START, 1), twice);
        (bool isGood,) = registry.grantAt(BUREAU, PLAIN, START + 1);
        vm.assertTrue(!isGood, "broken from its date");
        (isGood,) = registry.grantAt(BUREAU, TICKET, now_);
        vm.assertTrue(isGood, "the other type stays");
        (isGood,) = registry.grantAt(BUREAU, PLAIN, now_ + 1);
        vm.assertTrue(!isGood, "over");
        (isGood,) = registry.grantAt(BUREAU, PLAIN, START - 1);
        vm.assertTrue(!isGood, "before it began");
        (isGood,) = registry.grantAt(BUREAU, TICKET, START + 365 days);
        vm.assertTrue(!isGood, "run out");
    }

    // ---- keys ----

    function test_which_key_may_be_registered() public {
        _refusedAct(CITY, _registration(CITY, BUREAU, "k", 1, START), _notAncestor(CITY, BUREAU));
        _refusedAct(ROOT, _registration(ROOT, BUREAU, "k", 1, FOREVER), _badInterval(FOREVER, FOREVER));
        _refusedAct(ROOT, _registration(ROOT, BUREAU, "k", 0, START), abi.encodeWithSelector(I.RegistryBadPurpose.selector, uint8(0)));
        _refusedAct(ROOT, _registration(ROOT, BUREAU, "k", 7, START), abi.encodeWithSelector(I.RegistryBadPurpose.selector, uint8(7)));
        bytes32 taken = registry.keyOf(CITY, 1).thumbprint;
        bytes memory exists = abi.encodeWithSelector(I.RegistryKeyExists.selector, taken, CITY, uint32(1));
        _refusedAct(BUREAU, _registration(BUREAU, BUREAU, taken, 1, START), exists);
        act(ROOT, _dissolution(ROOT, SIBLING, IssuerId.wrap(0)));
        bytes memory over = abi.encodeWithSelector(I.RegistryDissolved.selector, SIBLING, uint40(block.timestamp));
        _refusedAct(ROOT, _registration(ROOT, SIBLING, "k", 1, START), over);
    }

    function test_how_a_key_ends() public {
        uint40 now_ = uint40(block.timestamp);
        bytes memory unknown = abi.encodeWithSelector(I.RegistryUnknownKey.selector, BUREAU, uint32(3));
        _refusedAct(ROOT, abi.encodeCall(registry.retireKey, (ROOT, BUREAU, 3, now_)), unknown);
        unknown = abi.encodeWithSelector(I.RegistryUnknownKey.selector, BUREAU, uint32(0));
        _refusedAct(ROOT, abi.encodeCall(registry.compromiseKey, (ROOT, BUREAU, 0, now_)), unknown);
        act(BUREAU, abi.encodeCall(registry.retireKey, (BUREAU, BUREAU, 1, now_ + 5 days)));
        act(BUREAU, abi.encodeCall(registry.retireKey, (BUREAU, BUREAU, 1, START)));
        vm.assertEq(registry.keyOf(BUREAU, 1).validUntil, now_, "a time that has passed means now");
        _refusedAct(BUREAU, abi.encodeCall(registry.retireKey, (BUREAU, BUREAU, 1, now_)), _outOfRange(now_, now_, now_));
        bytes memory early = _outOfRange(START - 1, START, now_);
        _refusedAct(BUREAU, abi.encodeCall(registry.compromiseKey, (BUREAU, BUREAU, 1, START - 1)), early);
        bytes memory late = _outOfRange(now_ + 1, START, now_);
        _refusedAct(BUREAU, abi.encodeCall(registry.compromiseKey, (BUREAU, BUREAU, 1, now_ + 1)), late);
        act(BUREAU, _registration(BUREAU, BUREAU, "old", 1, 0));
        _refusedAct(BUREAU, abi.encodeCall(registry.compromiseKey, (BUREAU, BUREAU, 3, 0)), _outOfRange(0, 0, now_));
        act(BUREAU, abi.encodeCall(registry.compromiseKey, (BUREAU, BUREAU, 1, START + 5)));
        bytes memory later = abi.encodeWithSelector(I.RegistryKeyOnlyEarlier.selector, START + 5, START + 5);
        _refusedAct(BUREAU, abi.encodeCall(registry.compromiseKey, (BUREAU, BUREAU, 1, START + 5)), later);
        vm.assertEq(registry.keyCount(BUREAU), 3, "keys");
        bytes32 thumbprint = registry.keyOf(BUREAU, 1).thumbprint;
        (bool isGood, IssuerId issuer, uint32 key,) = registry.keyAt(thumbprint, START + 4);
        vm.assertTrue(isGood && issuer == BUREAU && key == 1, "honest before");
        (isGood,,,) = registry.keyAt(thumbprint, START + 5);
        vm.assertTrue(!isGood, "not since");
        (isGood,,,) = registry.keyAt(registry.keyOf(BUREAU, 2).thumbprint, START - 1);
        vm.assertTrue(!isGood, "not before it began");
        (isGood,,,) = registry.keyAt("nobody's", START);
        vm.assertTrue(!isGood, "unknown");
    }

    // ---- acting ----

    function _directory(IssuerId issuer) private view returns (bytes memory) {
        IssuerId by = issuer == NOBODY || issuer == TOWN ? issuer : ROOT;
        return abi.encodeCall(registry.setDirectory, (by, issuer, "entry"));
    }

    function _admission(IssuerId by, IssuerId issuer, bytes32 first, bytes32 second)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(registry.admitIssuer, (by, issuer, first, second, "d"));
    }

    function _dissolution(IssuerId by, IssuerId issuer, IssuerId successor) private view returns (bytes memory) {
        return abi.encodeCall(registry.dissolveIssuer, (by, issuer, successor));
    }

    function _granting(IssuerId by, IssuerId issuer, uint40 from, uint40 until) private view returns (bytes memory) {
        return abi.encodeCall(registry.grantType, (by, issuer, PLAIN, from, until));
    }

    function _withdrawal(IssuerId by, IssuerId issuer, uint40 since, uint8 cause) private view returns (bytes memory) {
        return abi.encodeCall(registry.withdrawGrant, (by, issuer, PLAIN, since, cause));
    }

    function _registration(IssuerId by, IssuerId issuer, bytes32 thumbprint, uint8 purpose, uint40 from)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(registry.registerKey, (by, issuer, thumbprint, purpose, from, FOREVER));
    }

    function _notAncestor(IssuerId by, IssuerId issuer) private pure returns (bytes memory) {
        return abi.encodeWithSelector(I.RegistryNotAncestor.selector, by, issuer);
    }

    function _badInterval(uint40 from, uint40 until) private pure returns (bytes memory) {
        return abi.encodeWithSelector(I.RegistryBadInterval.selector, from, until);
    }

    function _outOfRange(uint40 since, uint40 earliest, uint40 latest) private pure returns (bytes memory) {
        return abi.encodeWithSelector(I.RegistrySinceOutOfRange.selector, since, earliest, latest);
    }

    function _propose(IssuerId by, bytes memory call) private returns (uint256) {
        vm.prank(vm.addr(keyOf(by, ADMIN, 0)));
        return registry.propose(by, call, own(by, 0));
    }

    function _refusedProposal(IssuerId by, bytes memory call, bytes memory expected) private {
        refused(_first, address(registry), abi.encodeCall(registry.propose, (by, call, own(by, 0))), expected);
    }

    function _refusedAct(IssuerId by, bytes memory call, bytes memory expected) private {
        uint256 proposal = _propose(by, call);
        bytes memory accepting = abi.encodeCall(registry.accept, (proposal, call, own(by, 1)));
        refused(vm.addr(keyOf(by, ADMIN, 1)), address(registry), accepting, expected);
    }

    function _sent(bytes memory call) private {
        vm.prank(carrier);
        (bool done,) = address(registry).call(call);
        vm.assertTrue(done, "sent");
    }
}
