// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {WebAuthn} from "@openzeppelin/contracts/utils/cryptography/WebAuthn.sol";

/// @title Did this signer sign this digest?
/// @notice Signer ids and signature encoding: see IIssuerRegistry. Malformed bytes are a "no", never a revert.
/// @dev Warning: an ERC-1271 contract may change its mind between two blocks. Warning: WebAuthn's origin
/// and relying-party id are not compared on chain: the authenticator binds a passkey to its site.
library SignerCheck {
    bytes1 internal constant KIND_ECDSA = 0x01;
    bytes1 internal constant KIND_CONTRACT = 0x02;
    bytes1 internal constant KIND_PASSKEY = 0x03;

    /// qx, qy and the offset of the assertion come before the assertion itself.
    uint256 private constant _PASSKEY_HEAD = 0x60;

    function isSigned(bytes32 signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signature.length == 0) return false;
        bytes1 kind = signature[0];
        bytes calldata body = signature[1:];
        if (kind == KIND_ECDSA) return isSignedByAccount(signer, digest, signature);
        if (kind == KIND_PASSKEY) return _isSignedByPasskey(signer, digest, body);
        if (kind != KIND_CONTRACT || !_isAddress(signer)) return false;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(_addressOf(signer), digest, body);
    }

    function isEcdsa(bytes calldata signature) internal pure returns (bool) {
        return signature.length != 0 && signature[0] == KIND_ECDSA;
    }

    /// @dev `signature` is of kind ECDSA, checked by the caller.
    function isSignedByAccount(bytes32 signer, bytes32 digest, bytes calldata signature)
        internal
        pure
        returns (bool)
    {
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(digest, signature[1:]);
        return err == ECDSA.RecoverError.NoError && ofAddress(recovered) == signer;
    }

    function ofAddress(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    function _isAddress(bytes32 signer) private pure returns (bool) {
        return signer != 0 && uint256(signer) >> 160 == 0;
    }

    function _addressOf(bytes32 signer) private pure returns (address) {
        return address(uint160(uint256(signer)));
    }

    function _isSignedByPasskey(bytes32 signer, bytes32 digest, bytes calldata body) private view returns (bool) {
        if (body.length < _PASSKEY_HEAD || uint256(bytes32(body[0x40:0x60])) != _PASSKEY_HEAD) return false;
        bytes32 qx = bytes32(body[0x00:0x20]);
        bytes32 qy = bytes32(body[0x20:0x40]);
        if (keccak256(abi.encode("P256", qx, qy)) != signer) return false;
        (bool decoded, WebAuthn.WebAuthnAuth calldata assertion) = WebAuthn.tryDecodeAuth(body[_PASSKEY_HEAD:]);
        return decoded && WebAuthn.verify(abi.encodePacked(digest), assertion, qx, qy, true);
    }
}
