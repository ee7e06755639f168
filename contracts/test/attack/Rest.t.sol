// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger as I} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry as R, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {vm} from "./Vm.sol";
import {
    ADMIN,
    APPROVER,
    BUREAU,
    CITY,
    FOREVER,
    MAKER,
    NOBODY,
    OPERATOR,
    REDEEMER,
    ROOT,
    SIBLING,
    START,
    World
} from "./World.sol";

/// A wallet that accepts one digest.
contract Wallet {
    bytes32 private immutable _digest;

    constructor(bytes32 digest) {
        _digest = digest;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == _digest ? this.isValidSignature.selector : bytes4(0);
    }
}

/// @title Standing approvals, roles, resets, governance, moves and kinds of signers: each refusal and each success.
contract Rest is World {
    bytes32 private constant _ROOT = keccak256("rest");

    function setUp() public {
        deploy();
        people();
    }

    // ---- standing approvals ----

    function test_which_standing_approval_may_be_registered() public {
        I.StandingApproval memory one_ = _standing(0);
        bytes32 id = ledger.standingDigest(one_);
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerStandingWrongAct.selector, id, uint8(0)));
        one_ = _standing(8);
        id = ledger.standingDigest(one_);
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerStandingWrongAct.selector, id, uint8(8)));
        one_ = _standing(1);
        one_.validUntil = one_.validFrom;
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerStandingTooLong.selector, START, START));
        one_.validUntil = one_.validFrom + 31 days + 1;
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerStandingTooLong.selector, START, START + 31 days + 1));
        (one_.validFrom, one_.validUntil) = (START - 1 days, START);
        id = ledger.standingDigest(one_);
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerStandingNotGood.selector, id, uint64(START)));
        (one_.validFrom, one_.validUntil) = (uint64(FOREVER), uint64(FOREVER) + 1);
        id = ledger.standingDigest(one_);
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerStandingNotGood.selector, id, uint64(START)));
        one_ = _standing(1);
        one_.typeId = 9;
        _refusedStanding(one_, abi.encodeWithSelector(R.RegistryUnknownType.selector, uint32(9)));
        one_ = _standing(1);
        one_.approver = 0;
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerMissingRole.selector, BUREAU, bytes32(0)));
        one_ = _standing(1);
        one_.approver = signerOf(BUREAU, MAKER);
        _refusedStanding(one_, abi.encodeWithSelector(R.RegistryMissingRole.selector, BUREAU, one_.approver, APPROVER));
        one_ = _standing(1);
        bytes memory call = abi.encodeCall(ledger.registerStanding, (one_, ""));
        bytes memory bad = abi.encodeWithSelector(I.LedgerBadSignature.selector, one_.approver);
        refused(carrier, address(ledger), call, bad);
        vm.prank(accountOf(BUREAU, APPROVER));
        id = ledger.registerStanding(one_, "");
        _refusedStanding(one_, abi.encodeWithSelector(I.LedgerStandingExists.selector, id));
        one_.typeId = 0;
        ledger.registerStanding(one_, signature(keyOf(BUREAU, APPROVER, 0), ledger.standingDigest(one_)));
    }

    function test_how_a_standing_approval_is_used() public {
        _open();
        bytes32 id = _registered(_standing(7));
        I.Batch memory batch = batchOf(ROOT, TICKET, "new", 1);
        _refusedUnder(batch, id, abi.encodeWithSelector(I.LedgerStandingWrongIssuer.selector, id, ROOT));
        batch = batchOf(BUREAU, PLAIN, "new", 1);
        _refusedUnder(batch, id, abi.encodeWithSelector(I.LedgerStandingWrongType.selector, id, PLAIN));
        setRole(BUREAU, signerOf(BUREAU, OPERATOR), APPROVER, START, FOREVER);
        batch = batchOf(BUREAU, TICKET, "new", 1);
        batch.approver = signerOf(BUREAU, OPERATOR);
        _refusedUnder(batch, id, abi.encodeWithSelector(I.LedgerStandingWrongApprover.selector, id, batch.approver));
        batch = batchOf(BUREAU, TICKET, "new", 11);
        bytes memory limit =
            abi.encodeWithSelector(I.LedgerStandingLimit.selector, id, uint8(1), uint32(10), uint256(11));
        _refusedUnder(batch, id, limit);
        bytes32 other = _registered(_standing(2));
        batch = batchOf(BUREAU, TICKET, "new", 1);
        _refusedUnder(batch, other, abi.encodeWithSelector(I.LedgerStandingWrongAct.selector, other, uint8(1)));
        I.WordChange[] memory changes = one(0, 0xff, 0x98);
        _refusedChangeUnder(changes, id, abi.encodeWithSelector(I.LedgerNotAct.selector, uint32(0), uint8(2)));
        bytes memory none = abi.encodeWithSelector(I.LedgerNoChanges.selector);
        _refusedChangeUnder(new I.WordChange[](0), id, none);
        _used(id);
        vm.warp(START + 31 days);
        // Times are written out: compiled through the IR, the time is read once and kept.
        bytes memory over = abi.encodeWithSelector(I.LedgerStandingNotGood.selector, id, START + 31 days);
        _refusedUnder(_batchAt(START + 31 days), id, over);
        I.StandingApproval memory later = _standing(1);
        (later.validFrom, later.validUntil) = (START + 40 days, START + 41 days);
        id = _registered(later);
        _refusedUnder(_batchAt(START + 31 days), id, abi.encodeWithSelector(I.LedgerStandingNotGood.selector, id, START + 31 days));
    }

    /// One anchored, one superseded, two used, all under the same standing approval and on one day.
    function _used(bytes32 id) private {
        I.Batch memory batch = batchOf(BUREAU, TICKET, "one", 1);
        I.Approvals memory approvals = both(BUREAU, ledger.batchDigest(batch));
        (approvals.standingId, approvals.approverSignature) = (id, "");
        vm.prank(accountOf(BUREAU, OPERATOR));
        ledger.anchor(batch, approvals);
        uint256[2] memory masks = [uint256(0xf), 0xff0];
        uint256[2] memory values = [uint256(9), 0xcc0];
        for (uint256 i = 0; i < 2; ++i) {
            I.WordChange[] memory changes = one(0, masks[i], values[i]);
            I.StatusChange memory change = changeOf(BUREAU, _ROOT, changes, i);
            approvals = both(BUREAU, ledger.statusChangeDigest(change));
            (approvals.standingId, approvals.approverSignature) = (id, "");
            ledger.changeStatus(change, changes, approvals);
        }
        (uint32 anchored, uint32 superseded, uint32 used) = ledger.standingUsed(id);
        vm.assertTrue(anchored == 1 && superseded == 1 && used == 2, "counted apart");
    }

    function _batchAt(uint40 time) private view returns (I.Batch memory batch) {
        batch = batchOf(BUREAU, TICKET, "new", 1);
        batch.deadline = time;
    }

    function test_who_may_revoke_a_standing_approval() public {
        bytes32 id = _registered(_standing(7));
        bytes32 unknown = "unknown";
        _refusedRevocation(unknown, BUREAU, own(BUREAU, 0), abi.encodeWithSelector(I.LedgerUnknownStanding.selector, unknown));
        R.Auth memory auth = own(SIBLING, 0);
        _refusedRevocation(id, SIBLING, auth, abi.encodeWithSelector(I.LedgerMissingRole.selector, SIBLING, auth.signer));
        auth = own(signerOf(BUREAU, MAKER));
        _refusedRevocation(id, BUREAU, auth, abi.encodeWithSelector(I.LedgerMissingRole.selector, BUREAU, auth.signer));
        auth = own(ROOT, 0);
        _refusedRevocation(id, ROOT, auth, abi.encodeWithSelector(I.LedgerBadSignature.selector, auth.signer));
        auth.deadline = START;
        bytes32 callHash = keccak256(abi.encode(ledger.revokeStanding.selector, id, ROOT));
        bytes32 typeHash = keccak256(
            "Authorisation(bytes18 issuer,bytes32 callHash,bytes32 signer,uint256 nonce,uint64 deadline)"
        );
        bytes32 struct_ = keccak256(abi.encode(typeHash, ROOT, callHash, auth.signer, auth.nonce, auth.deadline));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", ledger.domainSeparator(), struct_));
        auth.signature = signature(7, digest);
        _refusedRevocation(id, ROOT, auth, abi.encodeWithSelector(I.LedgerBadSignature.selector, auth.signer));
        auth.signature = signature(keyOf(ROOT, ADMIN, 0), digest);
        vm.warp(START + 1);
        _refusedRevocation(id, ROOT, auth, abi.encodeWithSelector(I.LedgerExpired.selector, START, START + 1));
        vm.warp(START);
        ledger.revokeStanding(id, ROOT, auth);
        _refusedRevocation(id, ROOT, auth, abi.encodeWithSelector(I.LedgerStandingNotGood.selector, id, uint64(START)));
        (, bool isRevoked) = ledger.standingOf(id);
        vm.assertTrue(isRevoked, "by the parent's admin");
        bytes32 second = _registered(_standing(1));
        vm.prank(accountOf(BUREAU, APPROVER));
        ledger.revokeStanding(second, BUREAU, own(signerOf(BUREAU, APPROVER)));
        (uint32 anchored,,) = ledger.standingUsed(second);
        vm.assertEq(anchored, 0, "never used");
    }

    // ---- governance and moves ----

    function test_a_ledger_that_is_closed() public {
        I.Batch memory batch = batchOf(BUREAU, PLAIN, "new", 1);
        I.Approvals memory approvals = both(BUREAU, ledger.batchDigest(batch));
        bytes memory call = abi.encodeCall(ledger.anchor, (batch, approvals));
        address operator = accountOf(BUREAU, OPERATOR);
        refused(operator, address(ledger), call, abi.encodeWithSelector(I.LedgerNotOpen.selector));
        bytes memory notGovernance = abi.encodeWithSelector(I.LedgerOnlyGovernance.selector, carrier);
        refused(carrier, address(ledger), abi.encodeCall(ledger.open, ()), notGovernance);
        vm.assertTrue(!ledger.isOpen(), "closed");
        _open();
        vm.assertTrue(ledger.isOpen(), "open");
        refused(governance, address(ledger), abi.encodeCall(ledger.open, ()), abi.encodeWithSelector(I.LedgerAlreadyOpen.selector));
        I.ImportedAnchor[] memory none = new I.ImportedAnchor[](0);
        bytes memory importing = abi.encodeCall(ledger.importAnchors, (none));
        refused(governance, address(ledger), importing, abi.encodeWithSelector(I.LedgerAlreadyOpen.selector));
        _refusedHandover(address(0));
        _refusedHandover(address(ledger));
        vm.prank(governance);
        ledger.handover(SIBLING, address(9));
        vm.prank(operator);
        ledger.anchor(batch, approvals);
        vm.prank(governance);
        ledger.handover(BUREAU, address(9));
        vm.assertTrue(ledger.handedOverTo(BUREAU) == address(9), "where it went");
        bytes memory gone = abi.encodeWithSelector(I.LedgerIsHandedOver.selector, BUREAU, address(9));
        refused(operator, address(ledger), call, gone);
        refused(governance, address(ledger), abi.encodeCall(ledger.handover, (BUREAU, address(8))), gone);
        vm.prank(operator);
        ledger.suspend(BUREAU, batch.root, BUREAU, 1, one(0, 15, 2));
        vm.assertEq(ledger.statusOf(BUREAU, batch.root, 0), 2, "the brake still works");
    }

    function test_what_may_be_imported() public {
        I.Anchor memory batch = I.Anchor(TICKET, 1, 70, START - 9, 1, 2, 0);
        uint256[] memory words = new uint256[](2);
        (words[0], words[1]) = (0x12, 0x8c0000);
        _refusedImport(I.Anchor(TICKET, 1, 70, 0, 1, 2, 0), words, abi.encodeWithSelector(I.LedgerExpired.selector, uint64(0), START));
        _refusedImport(I.Anchor(TICKET, 1, 70, START + 1, 1, 2, 0), words, abi.encodeWithSelector(I.LedgerExpired.selector, START + 1, START));
        _refusedImport(I.Anchor(TICKET, 1, 70, START, 1, 2, 6), words, abi.encodeWithSelector(I.LedgerBadReason.selector, uint8(6)));
        bytes memory papers = abi.encodeWithSelector(I.LedgerBadDocumentBatch.selector, uint32(0), uint32(0), false);
        _refusedImport(I.Anchor(0, 1, 70, START, 0, 0, 0), words, papers);
        uint256 lanes = 0x111111 * 15;
        words[1] = uint256(1) << 24;
        _refusedImport(batch, words, abi.encodeWithSelector(I.LedgerBadWord.selector, uint32(1), lanes, words[1]));
        words[1] = 3;
        _refusedImport(batch, words, abi.encodeWithSelector(I.LedgerBadWord.selector, uint32(1), lanes, words[1]));
        uint256[] memory many = new uint256[](3);
        _refusedImport(batch, many, abi.encodeWithSelector(I.LedgerBadWord.selector, uint32(2), uint256(0), uint256(0)));
        words[1] = 0x8c0000;
        I.Anchor memory plain = I.Anchor(PLAIN, 1, 70, START, 1, 2, 0);
        _refusedImport(plain, words, abi.encodeWithSelector(I.LedgerNotSingleUse.selector, PLAIN));
        (words[0], words[1]) = (0, 0x8c0000);
        vm.prank(governance);
        ledger.importAnchors(_records(batch, words));
        _refusedImport(batch, words, abi.encodeWithSelector(I.LedgerRootAlreadyAnchored.selector, BUREAU, _ROOT, START - 9));
        vm.assertEq(ledger.statusWord(BUREAU, _ROOT, 1), words[1], "as it was");
        vm.assertEq(ledger.anchorOf(BUREAU, _ROOT).anchoredAt, START - 9, "with its time");
    }

    function test_governance_moves_in_two_steps() public {
        address next = address(0x600d);
        vm.prank(governance);
        registry.transferGovernance(next);
        vm.prank(next);
        registry.acceptGovernance();
        vm.assertTrue(registry.governance() == next, "taken");
        bytes memory exists = abi.encodeWithSelector(R.RegistryTypeExists.selector, bytes21("PLAIN"), uint16(1));
        refused(next, address(registry), abi.encodeCall(registry.registerType, ("PLAIN", 1, 0, true)), exists);
    }

    // ---- roles ----

    function test_which_role_may_be_set() public {
        bytes32 who = "who";
        _refusedRole(SIBLING, who, MAKER, 0, START, FOREVER, abi.encodeWithSelector(R.RegistryNotOwnAct.selector, BUREAU, SIBLING));
        _refusedRole(BUREAU, 0, MAKER, 0, START, FOREVER, abi.encodeWithSelector(R.RegistryZeroSigner.selector));
        _refusedRole(BUREAU, who, 0, 0, START, FOREVER, abi.encodeWithSelector(R.RegistryBadRole.selector, uint8(0), uint32(0)));
        _refusedRole(BUREAU, who, 6, 0, START, FOREVER, abi.encodeWithSelector(R.RegistryBadRole.selector, uint8(6), uint32(0)));
        _refusedRole(BUREAU, who, MAKER, TICKET, START, FOREVER, abi.encodeWithSelector(R.RegistryBadRole.selector, MAKER, TICKET));
        _refusedRole(BUREAU, who, REDEEMER, PLAIN, START, FOREVER, abi.encodeWithSelector(R.RegistryBadRole.selector, REDEEMER, PLAIN));
        _refusedRole(BUREAU, who, MAKER, 0, START, START, abi.encodeWithSelector(R.RegistryBadInterval.selector, START, START));
        _refusedRole(BUREAU, who, ADMIN, 0, START + 1, FOREVER, abi.encodeWithSelector(R.RegistryBadInterval.selector, START + 1, FOREVER));
        (bytes32 first,) = admins(BUREAU);
        _refusedRole(BUREAU, first, ADMIN, 0, 0, 0, abi.encodeWithSelector(R.RegistryTooFewAdmins.selector, BUREAU));
        setRole(BUREAU, who, ADMIN, START, START + 1 days);
        setRole(BUREAU, who, ADMIN, START, FOREVER);
        setRole(BUREAU, first, ADMIN, 0, START + 1);
        for (uint256 i = 1; i < 32; ++i) setRole(SIBLING, bytes32(i), OPERATOR, START, FOREVER);
        bytes memory call = abi.encodeCall(registry.setRole, (SIBLING, SIBLING, who, OPERATOR, 0, START, FOREVER));
        _refusedAct(SIBLING, call, abi.encodeWithSelector(R.RegistryTooManyOperators.selector, SIBLING, uint256(32)));
        setRole(SIBLING, bytes32(uint256(1)), OPERATOR, 0, 0);
        setRole(SIBLING, who, OPERATOR, START, FOREVER);
        (uint40 from, uint40 until) = registry.roleOf(SIBLING, who, OPERATOR, 0);
        vm.assertTrue(from == START && until == FOREVER, "one went, one came");
        registry.requireRoles(BUREAU, signerOf(BUREAU, OPERATOR), signerOf(BUREAU, MAKER), signerOf(BUREAU, APPROVER));
        registry.requireRoles(BUREAU, signerOf(BUREAU, OPERATOR), 0, 0);
        registry.requireRoles(BUREAU, 0, signerOf(BUREAU, MAKER), 0);
    }

    function test_resets() public {
        _refusedAct(CITY, abi.encodeCall(registry.scheduleReset, (CITY, BUREAU, "a", "b")), abi.encodeWithSelector(R.RegistryNotAncestor.selector, CITY, BUREAU));
        _refusedAct(BUREAU, abi.encodeCall(registry.cancelReset, (BUREAU, BUREAU)), abi.encodeWithSelector(R.RegistryNoReset.selector, BUREAU));
        bytes memory executing = abi.encodeCall(registry.executeReset, (BUREAU));
        refused(carrier, address(registry), executing, abi.encodeWithSelector(R.RegistryNoReset.selector, BUREAU));
        act(ROOT, abi.encodeCall(registry.scheduleReset, (ROOT, BUREAU, "a", "b")));
        _refusedAct(SIBLING, abi.encodeCall(registry.cancelReset, (SIBLING, BUREAU)), abi.encodeWithSelector(R.RegistryNotOwnAct.selector, SIBLING, BUREAU));
        act(BUREAU, abi.encodeCall(registry.cancelReset, (BUREAU, BUREAU)));
        act(ROOT, abi.encodeCall(registry.scheduleReset, (ROOT, BUREAU, "a", "b")));
        act(ROOT, abi.encodeCall(registry.cancelReset, (ROOT, BUREAU)));
        act(ROOT, abi.encodeCall(registry.scheduleReset, (ROOT, BUREAU, "a", "b")));
        bytes memory early = abi.encodeWithSelector(R.RegistryResetTooEarly.selector, BUREAU, START + 1 days);
        refused(carrier, address(registry), executing, early);
        vm.warp(START + 1 days);
        registry.executeReset(BUREAU);
        vm.assertEq(registry.issuerOf(BUREAU).epoch, 1, "a new epoch");
        vm.assertTrue(!registry.hasRole(BUREAU, signerOf(BUREAU, OPERATOR), OPERATOR, 0), "all out");
        vm.prank(governance);
        registry.scheduleRootReset("c", "d");
        (bytes32 first, bytes32 second, uint40 ready, IssuerId by) = registry.resetOf(ROOT);
        vm.assertTrue(first == "c" && second == "d" && ready == START + 2 days, "the root's");
        vm.assertTrue(IssuerId.unwrap(by) == 0, "by nobody above");
    }

    // ---- kinds of signers ----

    function test_signatures_that_are_none() public view {
        bytes32 who = signerOf(7);
        bytes32 digest = "digest";
        vm.assertTrue(registry.checkSignature(who, digest, signature(7, digest)), "ECDSA");
        vm.assertTrue(!registry.checkSignature(who, digest, ""), "empty");
        vm.assertTrue(!registry.checkSignature(who, digest, hex"01"), "too short");
        vm.assertTrue(!registry.checkSignature(who, digest, hex"04"), "no such kind");
        vm.assertTrue(!registry.checkSignature(0, digest, hex"02"), "nobody's wallet");
        vm.assertTrue(!registry.checkSignature(~bytes32(0), digest, hex"02"), "no address");
        vm.assertTrue(!registry.checkSignature(who, digest, hex"02"), "an address without code");
        vm.assertTrue(!registry.checkSignature(who, digest, hex"03"), "no passkey");
        bytes memory wrongOffset = abi.encodePacked(hex"03", uint256(1), uint256(2), uint256(0x40));
        vm.assertTrue(!registry.checkSignature(who, digest, wrongOffset), "another encoding");
        bytes memory others = abi.encodePacked(hex"03", uint256(1), uint256(2), uint256(0x60));
        vm.assertTrue(!registry.checkSignature(who, digest, others), "another's passkey");
        bytes32 passkey = keccak256(abi.encode("P256", uint256(1), uint256(2)));
        vm.assertTrue(!registry.checkSignature(passkey, digest, others), "no assertion");
    }

    function test_a_wallet_and_a_passkey_sign() public {
        _open();
        bytes32 digest = "digest";
        Wallet wallet = new Wallet(digest);
        bytes32 signer = bytes32(uint256(uint160(address(wallet))));
        vm.assertTrue(registry.checkSignature(signer, digest, hex"02"), "its digest");
        vm.assertTrue(!registry.checkSignature(signer, "other", hex"02"), "another digest");
        (uint256 x, uint256 y) = vm.publicKeyP256(7);
        bytes32 passkey = keccak256(abi.encode("P256", x, y));
        setRole(BUREAU, passkey, APPROVER, START, FOREVER);
        I.Batch memory batch = batchOf(BUREAU, PLAIN, _ROOT, 3);
        batch.approver = passkey;
        I.Approvals memory approvals = both(BUREAU, ledger.batchDigest(batch));
        approvals.approverSignature = _asserted(7, x, y, ledger.batchDigest(batch));
        vm.prank(accountOf(BUREAU, OPERATOR));
        ledger.anchor(batch, approvals);
        vm.assertTrue(ledger.isAnchored(BUREAU, _ROOT), "approved with a passkey");
    }

    // ---- asking ----

    function test_what_the_views_say() public {
        _open();
        bytes32 entry = keccak256("entry");
        bytes32 sibling = keccak256("sibling");
        bytes32 leaf = sha256(abi.encodePacked(hex"00", entry));
        bytes32 two = sha256(abi.encodePacked(hex"01", leaf, sibling));
        bytes32 three = sha256(abi.encodePacked(hex"01", two, sibling));
        anchor(batchOf(BUREAU, PLAIN, three, 3));
        bytes32[] memory path = new bytes32[](2);
        (path[0], path[1]) = (sibling, sibling);
        vm.assertTrue(ledger.isIncluded(BUREAU, three, entry, 0, path), "included");
        vm.assertTrue(!ledger.isIncluded(BUREAU, three, entry, 1, path), "elsewhere");
        bytes memory call = abi.encodeCall(ledger.isIncluded, (BUREAU, three, entry, 2, path));
        refused(carrier, address(ledger), call, abi.encodeWithSelector(I.LedgerPathLength.selector, uint256(1), uint256(2)));
        bytes memory outside = abi.encodeWithSelector(I.LedgerIndexOutOfRange.selector, uint32(3), uint32(3));
        refused(carrier, address(ledger), abi.encodeCall(ledger.isIncluded, (BUREAU, three, entry, 3, path)), outside);
        refused(carrier, address(ledger), abi.encodeCall(ledger.statusOf, (BUREAU, three, 3)), outside);
        anchor(batchOf(BUREAU, 0, "papers", 1));
        bytes memory papers = abi.encodeWithSelector(I.LedgerBadDocumentBatch.selector, uint32(0), uint32(0), false);
        refused(carrier, address(ledger), abi.encodeCall(ledger.statusOf, (BUREAU, "papers", 0)), papers);
        bytes memory unknown = abi.encodeWithSelector(R.RegistryUnknownIssuer.selector, NOBODY);
        refused(carrier, address(registry), abi.encodeCall(registry.issuerOf, (NOBODY)), unknown);
        vm.assertTrue(registry.rootIssuer() == ROOT && registry.ledgerId() == ledger.ledgerId(), "one ledger");
        vm.assertTrue(address(ledger.registry()) == address(registry), "one registry");
        vm.assertTrue(registry.isAncestor(ROOT, CITY) && !registry.isAncestor(SIBLING, CITY), "the tree");
        vm.assertTrue(registry.isAncestor(ROOT, ROOT) && !registry.isAncestor(ROOT, NOBODY), "its ends");
        vm.assertEq(registry.typeCount(), 2, "types");
        bytes32 here = ledger.domainSeparator();
        bytes32 there = registry.domainSeparator();
        vm.chainId(99);
        vm.assertTrue(ledger.domainSeparator() != here && registry.domainSeparator() != there, "another chain");
    }

    // ---- acting ----

    function _open() private {
        vm.prank(governance);
        ledger.open();
    }

    function _standing(uint8 acts) private view returns (I.StandingApproval memory) {
        bytes32 approver = signerOf(BUREAU, APPROVER);
        return I.StandingApproval(BUREAU, TICKET, acts, 10, 10, 10, START, START + 31 days, approver, acts);
    }

    function _registered(I.StandingApproval memory standing) private returns (bytes32) {
        return ledger.registerStanding(
            standing, signature(keyOf(BUREAU, APPROVER, 0), ledger.standingDigest(standing))
        );
    }

    function _refusedStanding(I.StandingApproval memory standing, bytes memory expected) private {
        bytes memory signed = signature(keyOf(BUREAU, APPROVER, 0), ledger.standingDigest(standing));
        refused(carrier, address(ledger), abi.encodeCall(ledger.registerStanding, (standing, signed)), expected);
    }

    function _refusedUnder(I.Batch memory batch, bytes32 standingId, bytes memory expected) private {
        I.Approvals memory approvals = both(batch.issuer, ledger.batchDigest(batch));
        (approvals.standingId, approvals.approverSignature) = (standingId, "");
        bytes memory call = abi.encodeCall(ledger.anchor, (batch, approvals));
        refused(accountOf(batch.issuer, OPERATOR), address(ledger), call, expected);
    }

    function _refusedChangeUnder(I.WordChange[] memory changes, bytes32 standingId, bytes memory expected) private {
        if (!ledger.isAnchored(BUREAU, _ROOT)) anchor(batchOf(BUREAU, TICKET, _ROOT, 9));
        I.StatusChange memory change = changeOf(BUREAU, _ROOT, changes, 0);
        I.Approvals memory approvals = both(BUREAU, ledger.statusChangeDigest(change));
        (approvals.standingId, approvals.approverSignature) = (standingId, "");
        refused(carrier, address(ledger), abi.encodeCall(ledger.changeStatus, (change, changes, approvals)), expected);
    }

    function _refusedRevocation(bytes32 standingId, IssuerId by, R.Auth memory auth, bytes memory expected) private {
        refused(carrier, address(ledger), abi.encodeCall(ledger.revokeStanding, (standingId, by, auth)), expected);
    }

    function _refusedHandover(address successor) private {
        bytes memory bad = abi.encodeWithSelector(I.LedgerBadSuccessor.selector, successor);
        refused(governance, address(ledger), abi.encodeCall(ledger.handover, (BUREAU, successor)), bad);
    }

    function _records(I.Anchor memory batch, uint256[] memory words) private pure returns (I.ImportedAnchor[] memory all) {
        all = new I.ImportedAnchor[](1);
        all[0] = I.ImportedAnchor(BUREAU, _ROOT, batch, words);
    }

    function _refusedImport(I.Anchor memory batch, uint256[] memory words, bytes memory expected) private {
        refused(governance, address(ledger), abi.encodeCall(ledger.importAnchors, (_records(batch, words))), expected);
    }

    function _refusedRole(
        IssuerId issuer,
        bytes32 signer,
        uint8 role,
        uint32 typeId,
        uint40 from,
        uint40 until,
        bytes memory expected
    ) private {
        bytes memory call = abi.encodeCall(registry.setRole, (BUREAU, issuer, signer, role, typeId, from, until));
        _refusedAct(BUREAU, call, expected);
    }

    function _refusedAct(IssuerId by, bytes memory call, bytes memory expected) private {
        vm.prank(vm.addr(keyOf(by, ADMIN, 0)));
        uint256 proposal = registry.propose(by, call, own(by, 0));
        bytes memory accepting = abi.encodeCall(registry.accept, (proposal, call, own(by, 1)));
        refused(vm.addr(keyOf(by, ADMIN, 1)), address(registry), accepting, expected);
    }

    /// What a browser makes of an assertion: challenge in base64url inside the client data, then r and s.
    function _asserted(uint256 key, uint256 x, uint256 y, bytes32 digest) private pure returns (bytes memory) {
        string memory data =
            string.concat('{"type":"webauthn.get","challenge":"', _base64url(digest), '","origin":"https://desk"}');
        // Relying party's hash, flags user present and verified, counter.
        bytes memory authenticator = abi.encodePacked(sha256("desk"), hex"05", uint32(1));
        (bytes32 r, bytes32 s) = vm.signP256(key, sha256(abi.encodePacked(authenticator, sha256(bytes(data)))));
        uint256 half = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8;
        uint256 order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
        // Only the lower of the two s that fit is taken.
        if (uint256(s) > half) s = bytes32(order - uint256(s));
        bytes memory assertion = abi.encode(r, s, uint256(23), uint256(1), authenticator, data);
        return abi.encodePacked(hex"03", x, y, uint256(0x60), assertion);
    }

    function _base64url(bytes32 value) private pure returns (string memory) {
        bytes memory letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        bytes memory text = new bytes(43);
        // 256 bits are 42 letters and four bits that end in two zeros.
        for (uint256 i = 0; i < 42; ++i) text[i] = letters[(uint256(value) >> (250 - 6 * i)) & 63];
        text[42] = letters[(uint256(value) & 15) << 2];
        return string(text);
    }
}
