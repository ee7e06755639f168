// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {vm} from "./Vm.sol";

uint8 constant ADMIN = 1;
uint8 constant OPERATOR = 2;
uint8 constant MAKER = 3;
uint8 constant APPROVER = 4;
uint8 constant REDEEMER = 5;
uint40 constant FOREVER = type(uint40).max;
uint40 constant START = 1_767_225_600;
uint256 constant LANES = 0x1111111111111111111111111111111111111111111111111111111111111111;

IssuerId constant ROOT = IssuerId.wrap("99ROOT000000000000");
IssuerId constant BUREAU = IssuerId.wrap("99BUREAU0000000000");
IssuerId constant CITY = IssuerId.wrap("99CITY000000000000");
IssuerId constant COUNTY = IssuerId.wrap("99COUNTY0000000000");
IssuerId constant TOWN = IssuerId.wrap("99TOWN000000000000");
IssuerId constant SIBLING = IssuerId.wrap("99SIBLING000000000");
IssuerId constant NOBODY = IssuerId.wrap("99NOBODY0000000000");

/// @title An installation with people: five levels of issuers, staff, keys and two types.
/// @notice The code under test is what `ECERT_CODE` names, with `%` for the contract; without it the committed
/// artifacts, so that what is attacked is byte for byte what is deployed.
/// @dev A person's key follows from (issuer, role, number), so that nothing has to be remembered.
abstract contract World {
    bytes32 internal constant LEDGER_ID = keccak256("attacked ledger");
    uint32 internal constant PLAIN = 1;
    uint32 internal constant TICKET = 2;
    uint32 internal constant CREDENTIAL_KEY = 1;
    uint32 internal constant SEAL_KEY = 2;

    IIssuerRegistry public registry;
    ICredentialLedger public ledger;

    address public governance;
    /// Whoever a call comes from that anybody may carry.
    address internal carrier = address(0xca11);

    // ---- people ----

    function keyOf(IssuerId issuer, uint8 role, uint256 number) public pure returns (uint256) {
        return uint256(keccak256(abi.encode(issuer, role, number))) >> 1;
    }

    function accountOf(IssuerId issuer, uint8 role) internal pure returns (address) {
        return vm.addr(keyOf(issuer, role, 0));
    }

    function signerOf(uint256 key) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(vm.addr(key))));
    }

    function signerOf(IssuerId issuer, uint8 role) internal pure returns (bytes32) {
        return signerOf(keyOf(issuer, role, 0));
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(hex"01", r, s, v);
    }

    function admins(IssuerId issuer) internal pure returns (bytes32 first, bytes32 second) {
        return (signerOf(keyOf(issuer, ADMIN, 0)), signerOf(keyOf(issuer, ADMIN, 1)));
    }

    // ---- founding ----

    function deploy() internal {
        vm.warp(START);
        governance = vm.addr(keyOf(NOBODY, 0, 1));
        (bytes32 first, bytes32 second) = admins(ROOT);
        bytes memory arguments = abi.encode(LEDGER_ID, governance, ROOT, first, second, keccak256("directory"));
        registry = IIssuerRegistry(_create("IssuerRegistry", arguments));
        ledger = ICredentialLedger(_create("CredentialLedger", abi.encode(LEDGER_ID, registry)));
    }

    function people() internal {
        vm.prank(governance);
        registry.registerType("PLAIN", 1, keccak256("plain"), false);
        vm.prank(governance);
        registry.registerType("TICKET", 1, keccak256("ticket"), true);
        grant(ROOT, ROOT);
        settle(ROOT);
        IssuerId[5] memory parents = [ROOT, BUREAU, CITY, COUNTY, ROOT];
        IssuerId[5] memory issuers = [BUREAU, CITY, COUNTY, TOWN, SIBLING];
        for (uint256 i = 0; i < issuers.length; ++i) {
            admit(parents[i], issuers[i]);
            grant(parents[i], issuers[i]);
            settle(issuers[i]);
        }
    }

    function admit(IssuerId parent, IssuerId issuer) internal {
        (bytes32 first, bytes32 second) = admins(issuer);
        act(parent, abi.encodeCall(registry.admitIssuer, (parent, issuer, first, second, keccak256("entry"))));
    }

    function grant(IssuerId parent, IssuerId issuer) internal {
        for (uint32 typeId = PLAIN; typeId <= TICKET; ++typeId) {
            act(parent, abi.encodeCall(registry.grantType, (parent, issuer, typeId, START, START + 365 days)));
        }
    }

    /// Staff of every role and a key of both purposes.
    function settle(IssuerId issuer) internal {
        for (uint8 role = OPERATOR; role <= REDEEMER; ++role) {
            setRole(issuer, signerOf(issuer, role), role, START, FOREVER);
        }
        registerKey(issuer, 1);
        registerKey(issuer, 3);
    }

    function setRole(IssuerId issuer, bytes32 signer, uint8 role, uint40 from, uint40 until) internal {
        uint32 typeId = role == REDEEMER ? TICKET : 0;
        act(issuer, abi.encodeCall(registry.setRole, (issuer, issuer, signer, role, typeId, from, until)));
    }

    function registerKey(IssuerId issuer, uint8 purpose) internal {
        bytes32 thumbprint = keccak256(abi.encode(issuer, purpose));
        act(issuer, abi.encodeCall(registry.registerKey, (issuer, issuer, thumbprint, purpose, START, FOREVER)));
    }

    // ---- acting ----

    function own(bytes32 signer) internal pure returns (IIssuerRegistry.Auth memory) {
        return IIssuerRegistry.Auth(signer, 0, 0, "");
    }

    function own(IssuerId issuer, uint256 number) internal pure returns (IIssuerRegistry.Auth memory) {
        return own(signerOf(keyOf(issuer, ADMIN, number)));
    }

    /// Two admins, each in a transaction of its own.
    function act(IssuerId by, bytes memory call) internal {
        vm.prank(vm.addr(keyOf(by, ADMIN, 0)));
        uint256 proposal = registry.propose(by, call, own(by, 0));
        vm.prank(vm.addr(keyOf(by, ADMIN, 1)));
        registry.accept(proposal, call, own(by, 1));
    }

    function batchOf(IssuerId issuer, uint32 typeId, bytes32 root, uint32 size)
        internal
        view
        returns (ICredentialLedger.Batch memory batch)
    {
        batch.issuer = issuer;
        batch.typeId = typeId;
        batch.key = typeId == 0 ? SEAL_KEY : CREDENTIAL_KEY;
        batch.root = root;
        batch.size = size;
        batch.maker = signerOf(issuer, MAKER);
        batch.approver = signerOf(issuer, APPROVER);
        batch.deadline = uint64(block.timestamp + 1 hours);
    }

    function both(uint256 maker, uint256 approver, bytes32 digest)
        internal
        pure
        returns (ICredentialLedger.Approvals memory)
    {
        return ICredentialLedger.Approvals(signature(maker, digest), signature(approver, digest), 0);
    }

    function both(IssuerId issuer, bytes32 digest) internal pure returns (ICredentialLedger.Approvals memory) {
        return both(keyOf(issuer, MAKER, 0), keyOf(issuer, APPROVER, 0), digest);
    }

    function anchor(ICredentialLedger.Batch memory batch) internal {
        ICredentialLedger.Approvals memory approvals = both(batch.issuer, ledger.batchDigest(batch));
        vm.prank(accountOf(batch.issuer, OPERATOR));
        ledger.anchor(batch, approvals);
    }

    function one(uint32 word, uint256 mask, uint256 value)
        internal
        pure
        returns (ICredentialLedger.WordChange[] memory changes)
    {
        changes = new ICredentialLedger.WordChange[](1);
        changes[0] = ICredentialLedger.WordChange(word, mask, value);
    }

    function changeOf(IssuerId issuer, bytes32 root, ICredentialLedger.WordChange[] memory changes, uint256 nonce)
        internal
        view
        returns (ICredentialLedger.StatusChange memory change)
    {
        change.issuer = issuer;
        change.root = root;
        change.changesHash = keccak256(abi.encode(changes));
        change.reasonClass = 1;
        change.by = issuer;
        change.maker = signerOf(issuer, MAKER);
        change.approver = signerOf(issuer, APPROVER);
        change.nonce = nonce;
        change.deadline = uint64(block.timestamp + 1 hours);
    }

    // ---- refusing ----

    /// This call comes back with exactly these bytes.
    function refused(address sender, address target, bytes memory call, bytes memory expected) internal {
        vm.prank(sender);
        (bool done, bytes memory answer) = target.call(call);
        vm.assertTrue(!done, "went through");
        vm.assertEq(answer, expected, "refused for another reason");
    }

    function _create(string memory name, bytes memory arguments) private returns (address created) {
        bytes memory creation = bytes.concat(vm.getCode(_place(name)), arguments);
        // Assembly: Solidity creates only contracts that it has compiled itself.
        assembly ("memory-safe") {
            created := create(0, add(creation, 0x20), mload(creation))
        }
        vm.assertTrue(created != address(0), "not deployed");
    }

    function _place(string memory name) private view returns (string memory) {
        bytes memory pattern = bytes(vm.envOr("ECERT_CODE", "artifacts/%.json"));
        bytes memory place;
        for (uint256 i = 0; i < pattern.length; ++i) {
            place = bytes.concat(place, pattern[i] == "%" ? bytes(name) : bytes.concat(pattern[i]));
        }
        return string(place);
    }
}
