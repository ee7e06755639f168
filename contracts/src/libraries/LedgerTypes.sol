// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../interfaces/IIssuerRegistry.sol";

/// @title EIP-712 struct hashes of what is signed for CredentialLedger.
/// @notice All members are of one word each, so a struct's hash is that of its type hash and its calldata.
library LedgerTypes {
    bytes32 private constant _BATCH = keccak256(
        "Batch(bytes18 issuer,uint32 typeId,uint32 key,bytes32 root,uint32 size,uint32 list,uint32 firstWord,bool pending,bytes32 maker,bytes32 approver,uint64 deadline)"
    );
    bytes32 private constant _STATUS_CHANGE = keccak256(
        "StatusChange(bytes18 issuer,bytes32 root,bytes32 changesHash,uint8 reasonClass,bytes18 by,bytes32 maker,bytes32 approver,uint256 nonce,uint64 deadline)"
    );
    bytes32 private constant _WITHDRAWAL = keccak256(
        "BatchWithdrawal(bytes18 issuer,bytes32 root,uint8 reasonClass,bytes18 by,bytes32 maker,bytes32 approver,uint64 deadline)"
    );
    bytes32 private constant _STANDING = keccak256(
        "StandingApproval(bytes18 issuer,uint32 typeId,uint8 acts,uint32 anchorLimit,uint32 supersedeLimit,uint32 useLimit,uint64 validFrom,uint64 validUntil,bytes32 approver,uint256 nonce)"
    );
    bytes32 private constant _AUTHORISATION = keccak256(
        "Authorisation(bytes18 issuer,bytes32 callHash,bytes32 signer,uint256 nonce,uint64 deadline)"
    );

    function hash(ICredentialLedger.Batch calldata batch) internal pure returns (bytes32) {
        return keccak256(abi.encode(_BATCH, batch));
    }

    function hash(ICredentialLedger.StatusChange calldata change) internal pure returns (bytes32) {
        return keccak256(abi.encode(_STATUS_CHANGE, change));
    }

    function hash(ICredentialLedger.BatchWithdrawal calldata withdrawal) internal pure returns (bytes32) {
        return keccak256(abi.encode(_WITHDRAWAL, withdrawal));
    }

    function hash(ICredentialLedger.StandingApproval calldata standing) internal pure returns (bytes32) {
        return keccak256(abi.encode(_STANDING, standing));
    }

    function authorisation(IssuerId issuer, bytes32 callHash, IIssuerRegistry.Auth calldata auth)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(_AUTHORISATION, issuer, callHash, auth.signer, auth.nonce, auth.deadline));
    }
}
