// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// An issuer is its USCC (GB 32100-2015): 18 ASCII characters.
type IssuerId is bytes18;

using {_isSame as ==, _isOther as !=} for IssuerId global;

function _isSame(IssuerId a, IssuerId b) pure returns (bool) {
    return IssuerId.unwrap(a) == IssuerId.unwrap(b);
}

function _isOther(IssuerId a, IssuerId b) pure returns (bool) {
    return IssuerId.unwrap(a) != IssuerId.unwrap(b);
}

/// @title Who may issue what, with which keys, when.
/// @notice Signers are named by a 32-byte id: for an ECDSA account or an ERC-1271 contract the
/// address, left-padded with zeros; for a P-256 passkey `keccak256(abi.encode("P256", qx, qy))`.
/// A signature is one kind byte followed by its body: 0x01 ‖ r ‖ s ‖ v (65 bytes); 0x02 ‖ bytes for
/// ERC-1271; 0x03 ‖ abi.encode(qx, qy, WebAuthn.WebAuthnAuth), user verification demanded.
/// @dev Warning: governance registers types alone; it cannot issue, grant or revoke. It is the parent of the
/// root in one thing only: a reset of the root's roles, announced 24 h ahead, which the root may cancel.
interface IIssuerRegistry {
    /// One slot. Level 1 is the root, whose parent is itself. `epoch` rises when roles are reset.
    struct Issuer {
        IssuerId parent;
        uint8 level;
        uint24 epoch;
        uint40 admittedAt;
        uint40 dissolvedAt;
    }

    /// The current grant of (issuer, type) in one slot; earlier ones lie in its history.
    /// `validUntil` is exclusive. `withdrawnAt` 0: not withdrawn.
    struct Grant {
        uint40 validFrom;
        uint40 validUntil;
        uint40 withdrawnSince;
        uint40 withdrawnAt;
        uint8 cause;
    }

    /// `purpose` 1 credential, 2 status, 3 seal, 4 snapshot, 5 checkpoint, 6 request.
    /// `validUntil` exclusive. `compromisedSince` 0: honest.
    struct Key {
        uint40 validFrom;
        uint40 validUntil;
        uint40 compromisedSince;
        uint8 purpose;
        bytes32 thumbprint;
    }

    struct CredentialType {
        bytes21 code;
        uint16 version;
        bool singleUse;
        bytes32 fileHash;
    }

    struct Proposal {
        IssuerId by;
        uint40 expiresAt;
        bytes32 proposer;
        bytes32 actHash;
    }

    /// Who authorises a call. Empty `signature`: `msg.sender` itself must be `signer`.
    /// Otherwise anybody carries it: EIP-712 `Authorisation(bytes18 issuer,bytes32 callHash,bytes32
    /// signer,uint256 nonce,uint64 deadline)`, nonces unordered per signer.
    struct Auth {
        bytes32 signer;
        uint256 nonce;
        uint64 deadline;
        bytes signature;
    }

    event IssuerAdmitted(IssuerId indexed issuer, IssuerId indexed parent, uint8 level, bytes32 admin1, bytes32 admin2);
    event IssuerDissolved(IssuerId indexed issuer, IssuerId indexed successor, IssuerId by);
    event DirectorySet(IssuerId indexed issuer, bytes32 indexed directoryHash, IssuerId by);
    event TypeRegistered(uint32 indexed typeId, bytes21 indexed code, uint16 version, bytes32 fileHash, bool singleUse);
    event TypeGranted(IssuerId indexed issuer, uint32 indexed typeId, IssuerId by, uint40 validFrom, uint40 validUntil);
    event GrantWithdrawn(IssuerId indexed issuer, uint32 indexed typeId, IssuerId by, uint40 since, uint8 cause);
    event KeyRegistered(
        IssuerId indexed issuer,
        uint32 indexed key,
        bytes32 indexed thumbprint,
        uint8 purpose,
        uint40 validFrom,
        uint40 validUntil
    );
    event KeyRetired(IssuerId indexed issuer, uint32 indexed key, uint40 validUntil, IssuerId by);
    event KeyCompromised(IssuerId indexed issuer, uint32 indexed key, uint40 since, IssuerId by);
    event RoleSet(
        IssuerId indexed issuer,
        bytes32 indexed signer,
        uint8 indexed role,
        uint32 typeId,
        uint40 validFrom,
        uint40 validUntil,
        uint24 epoch
    );
    event ActProposed(uint256 indexed proposalId, IssuerId indexed by, bytes32 proposer, bytes32 actHash, uint40 expiresAt);
    event ActAccepted(uint256 indexed proposalId, IssuerId indexed by, bytes32 accepter);
    event ActCancelled(uint256 indexed proposalId, bytes32 canceller);
    event ResetScheduled(IssuerId indexed issuer, IssuerId by, bytes32 admin1, bytes32 admin2, uint40 readyAt);
    event ResetCancelled(IssuerId indexed issuer);
    event RolesReset(IssuerId indexed issuer, uint24 epoch, bytes32 admin1, bytes32 admin2);
    event GovernanceTransferStarted(address indexed from, address indexed to);
    event GovernanceTransferred(address indexed from, address indexed to);

    error RegistryOnlyGovernance(address caller);
    error RegistryOnlySelf(address caller);
    error RegistryUnknownIssuer(IssuerId issuer);
    error RegistryIssuerExists(IssuerId issuer);
    error RegistryBadIssuerId(IssuerId issuer);
    error RegistryTooDeep(IssuerId parent, uint8 level);
    error RegistryNotAncestor(IssuerId by, IssuerId issuer);
    error RegistryNotOwnAct(IssuerId by, IssuerId issuer);
    error RegistryDissolved(IssuerId issuer, uint40 dissolvedAt);
    error RegistryUnknownType(uint32 typeId);
    error RegistryTypeExists(bytes21 code, uint16 version);
    error RegistryGrantMissing(IssuerId issuer, uint32 typeId);
    error RegistryGrantNotGood(IssuerId issuer, uint32 typeId, uint40 time);
    error RegistryGrantExceedsParent(IssuerId parent, uint32 typeId, uint40 validUntil);
    error RegistryAlreadyWithdrawn(IssuerId issuer, uint32 typeId, uint40 withdrawnAt);
    error RegistryBadInterval(uint40 validFrom, uint40 validUntil);
    error RegistryBadPurpose(uint8 purpose);
    error RegistryBadRole(uint8 role, uint32 typeId);
    error RegistryBadCause(uint8 cause);
    error RegistryKeyExists(bytes32 thumbprint, IssuerId issuer, uint32 key);
    error RegistryUnknownKey(IssuerId issuer, uint32 key);
    error RegistryKeyNotGood(IssuerId issuer, uint32 key, uint8 purpose, uint40 time);
    error RegistryKeyOnlyEarlier(uint40 current, uint40 wanted);
    error RegistrySinceOutOfRange(uint40 since, uint40 earliest, uint40 latest);
    error RegistryMissingRole(IssuerId issuer, bytes32 signer, uint8 role);
    error RegistrySameSigner(bytes32 signer);
    error RegistryBadSignature(bytes32 signer);
    error RegistryExpired(uint64 deadline, uint64 time);
    error RegistryNonceUsed(bytes32 signer, uint256 nonce);
    error RegistryUnknownProposal(uint256 proposalId);
    error RegistryActMismatch(uint256 proposalId, bytes32 expected, bytes32 given);
    error RegistryNoReset(IssuerId issuer);
    error RegistryResetTooEarly(IssuerId issuer, uint40 readyAt);
    error RegistryZeroSigner();
    error RegistryNotAnAct(bytes4 selector);
    error RegistryTooManyOperators(IssuerId issuer, uint256 limit);
    error RegistryTooFewAdmins(IssuerId issuer);

    // Two admins: `propose`, then `accept` by another one within 7 days. `act` is the ABI encoding
    // of one call marked "act" below, whose first argument is `by`.
    function propose(IssuerId by, bytes calldata act, Auth calldata auth) external returns (uint256 proposalId);
    function accept(uint256 proposalId, bytes calldata act, Auth calldata auth) external;
    function cancel(uint256 proposalId, Auth calldata auth) external;

    // Acts: callable by this contract only, through `accept`.
    /// act. `by` admits a child one level below itself.
    function admitIssuer(IssuerId by, IssuerId issuer, bytes32 admin1, bytes32 admin2, bytes32 directoryHash) external;
    /// act. `by` is an ancestor (the root may set its own).
    function setDirectory(IssuerId by, IssuerId issuer, bytes32 directoryHash) external;
    /// act. `by` is the parent (or, once that is dissolved, its successor), which holds the type at least until
    /// `validUntil`; the root grants itself. A running grant is replaced from `validFrom` ≤ now on, also by a
    /// shorter one that ends after now; what was withdrawn stays so.
    function grantType(IssuerId by, IssuerId issuer, uint32 typeId, uint40 validFrom, uint40 validUntil) external;
    /// act. `by` is an ancestor. A cause with bit 7 set breaks what was anchored since `since`.
    function withdrawGrant(IssuerId by, IssuerId issuer, uint32 typeId, uint40 since, uint8 cause) external;
    /// act. `by` is the issuer or an ancestor.
    function registerKey(
        IssuerId by,
        IssuerId issuer,
        bytes32 thumbprint,
        uint8 purpose,
        uint40 validFrom,
        uint40 validUntil
    ) external;
    /// act. Ends a key; never breaks what it signed earlier: a `validUntil` that has passed means now.
    function retireKey(IssuerId by, IssuerId issuer, uint32 key, uint40 validUntil) external;
    /// act. Breaks what was anchored at or after `since`; may only move earlier, never before validFrom.
    function compromiseKey(IssuerId by, IssuerId issuer, uint32 key, uint40 since) external;
    /// act. `by` is the issuer itself. `typeId` only with role 5 (redeemer of a single-use type), else 0.
    /// Roles: 1 admin, 2 operator (at most 32), 3 maker, 4 approver, 5 redeemer. Both times zero: removed.
    /// Two admins without an end (`validUntil` 2^40 - 1, which begin at once) always stay: to replace one, set
    /// the new one first.
    function setRole(
        IssuerId by,
        IssuerId issuer,
        bytes32 signer,
        uint8 role,
        uint32 typeId,
        uint40 validFrom,
        uint40 validUntil
    ) external;
    /// act. `by` is an ancestor. `successor` zero: none, then the issuer's own people keep its lists; else they
    /// are out and the successor's act. It gains power over lists and children: so it is `by` itself, or `by`
    /// stands above it. The children stay where they are, with their grants.
    function dissolveIssuer(IssuerId by, IssuerId issuer, IssuerId successor) external;
    /// act. `by` is an ancestor; after 24 h anybody may call `executeReset`.
    function scheduleReset(IssuerId by, IssuerId issuer, bytes32 admin1, bytes32 admin2) external;
    /// act. `by` is the issuer itself (it has its admins after all) or the ancestor that scheduled it.
    function cancelReset(IssuerId by, IssuerId issuer) external;

    /// Governance. As `scheduleReset` for the root, which nobody stands above; the event names no issuer.
    function scheduleRootReset(bytes32 admin1, bytes32 admin2) external;
    function executeReset(IssuerId issuer) external;
    function registerType(bytes21 code, uint16 version, bytes32 fileHash, bool singleUse)
        external
        returns (uint32 typeId);
    function transferGovernance(address to) external;
    function acceptGovernance() external;

    // What CredentialLedger asks; each reverts with the reason.
    /// `typeId` 0: a document batch, needs a living issuer and a seal key, no grant.
    function requireAnchor(
        IssuerId issuer,
        uint32 typeId,
        uint32 key,
        bytes32 operator,
        bytes32 maker,
        bytes32 approver
    ) external view;
    /// What an instant suspension asks: hasRole(issuer, signer, 2, 0), with a selector that is found first.
    function isOperatorNow(bytes32 signer, IssuerId issuer) external view returns (bool);
    /// Roles of `by` now; zero signers are not checked.
    function requireRoles(IssuerId by, bytes32 operator, bytes32 maker, bytes32 approver) external view;
    /// requireActsFor and requireRoles in one call.
    function requireActing(IssuerId by, IssuerId issuer, bytes32 maker, bytes32 approver) external view;
    /// `by` is `issuer`, or its successor (any number of links).
    function requireActsFor(IssuerId by, IssuerId issuer) external view;
    /// Who acts for `issuer`: itself, or the end of its chain of successors.
    function heirOf(IssuerId issuer) external view returns (IssuerId);
    function checkSignature(bytes32 signer, bytes32 digest, bytes calldata signature) external view returns (bool);

    function ledgerId() external view returns (bytes32);
    function domainSeparator() external view returns (bytes32);
    function governance() external view returns (address);
    function rootIssuer() external view returns (IssuerId);
    function issuerOf(IssuerId issuer) external view returns (Issuer memory);
    function successorOf(IssuerId issuer) external view returns (IssuerId);
    function directoryOf(IssuerId issuer) external view returns (bytes32);
    function isAncestor(IssuerId ancestor, IssuerId issuer) external view returns (bool);
    function typeOf(uint32 typeId) external view returns (CredentialType memory);
    function typeCount() external view returns (uint32);
    function grantOf(IssuerId issuer, uint32 typeId) external view returns (Grant memory);
    function grantCount(IssuerId issuer, uint32 typeId) external view returns (uint256);
    /// The grant interval that covers `time`, and whether it is good at `time`: the newest one that began by
    /// then decides, and a breaking withdrawal of any interval counts from its date to when it was written.
    function grantAt(IssuerId issuer, uint32 typeId, uint40 time) external view returns (bool good, Grant memory);
    function keyCount(IssuerId issuer) external view returns (uint32);
    function keyOf(IssuerId issuer, uint32 key) external view returns (Key memory);
    function keyAt(bytes32 thumbprint, uint40 time)
        external
        view
        returns (bool good, IssuerId issuer, uint32 key, Key memory);
    function hasRole(IssuerId issuer, bytes32 signer, uint8 role, uint32 typeId) external view returns (bool);
    function roleOf(IssuerId issuer, bytes32 signer, uint8 role, uint32 typeId)
        external
        view
        returns (uint40 validFrom, uint40 validUntil);
    function proposalOf(uint256 proposalId) external view returns (Proposal memory);
    function nonceUsed(bytes32 signer, uint256 nonce) external view returns (bool);
    function authorisationDigest(IssuerId issuer, bytes32 callHash, bytes32 signer, uint256 nonce, uint64 deadline)
        external
        view
        returns (bytes32);
    function resetOf(IssuerId issuer) external view returns (bytes32 admin1, bytes32 admin2, uint40 readyAt, IssuerId by);
}
