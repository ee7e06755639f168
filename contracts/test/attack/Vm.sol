// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// What forge lets a test do to its chain: the part of its interface that these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function warp(uint256 time) external;
    function chainId(uint256 id) external;
    function prank(address sender) external;
    function addr(uint256 key) external pure returns (address account);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function signP256(uint256 key, bytes32 digest) external pure returns (bytes32 r, bytes32 s);
    function publicKeyP256(uint256 key) external view returns (uint256 x, uint256 y);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory logs);
    function getCode(string calldata artifact) external view returns (bytes memory creation);
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory value);
    function toString(uint256 value) external pure returns (string memory text);
    function assertTrue(bool condition, string calldata why) external pure;
    function assertEq(uint256 left, uint256 right, string calldata why) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata why) external pure;
    function assertEq(bytes calldata left, bytes calldata right, string calldata why) external pure;
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
