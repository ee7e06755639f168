// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {OPERATOR} from "./World.sol";
import {Vm} from "./Vm.sol";

/// @title What somebody knows who reads nothing but the two contracts' events.
/// @dev Nothing here asks the contracts. Nonces are in no event: they are in the transactions that used them.
contract Rebuilt {
    struct Office {
        IssuerId parent;
        uint8 level;
        uint24 epoch;
        uint40 admittedAt;
        uint40 dissolvedAt;
        IssuerId successor;
        bytes32 directory;
    }

    struct RoleRef {
        IssuerId issuer;
        bytes32 signer;
        uint8 role;
        uint32 typeId;
        uint24 epoch;
    }

    struct Interval {
        uint40 validFrom;
        uint40 validUntil;
    }

    struct Reset {
        bytes32 admin1;
        bytes32 admin2;
        IssuerId by;
        uint40 readyAt;
    }

    struct BatchRef {
        IssuerId issuer;
        bytes32 root;
    }

    /// As BatchAnchored has them beside its topics.
    struct AnchoredData {
        uint32 key;
        uint32 size;
        uint40 anchoredAt;
        uint32 list;
        uint32 firstWord;
        bool pending;
        bytes32 operator;
        bytes32 maker;
        bytes32 approver;
        bytes32 standingId;
    }

    /// As StatusChanged has them beside its topics.
    struct StatusData {
        uint8 reasonClass;
        IssuerId by;
        bytes32 operator;
        bytes32 maker;
        bytes32 approver;
        bytes32 standingId;
        uint32[] words;
        uint256[] values;
    }

    /// As StandingRegistered has them, topics first.
    struct StandingData {
        uint8 acts;
        uint32 anchorLimit;
        uint32 supersedeLimit;
        uint32 useLimit;
        uint64 validFrom;
        uint64 validUntil;
        bytes32 approver;
    }

    struct Standing {
        IssuerId issuer;
        uint32 typeId;
        bool revoked;
        StandingData terms;
    }

    IssuerId[] public issuers;
    mapping(IssuerId issuer => Office) public offices;
    mapping(IssuerId issuer => mapping(uint32 typeId => IIssuerRegistry.Grant[])) internal _grants;
    mapping(IssuerId issuer => IIssuerRegistry.Key[]) internal _keys;
    RoleRef[] internal _roleRefs;
    mapping(bytes32 ref => Interval) public roles;
    mapping(bytes32 ref => bool) private _isListed;
    IIssuerRegistry.CredentialType[] public types;
    uint256 public proposalCount;
    mapping(uint256 proposalId => IIssuerRegistry.Proposal) internal _proposals;
    mapping(IssuerId issuer => Reset) public resets;
    address public governor;
    address public governorPending;

    bool public isOpen;
    uint256 public imported;
    mapping(IssuerId issuer => address successor) public handedOver;
    BatchRef[] public batches;
    mapping(IssuerId issuer => mapping(bytes32 root => ICredentialLedger.Anchor)) internal _anchors;
    mapping(IssuerId issuer => mapping(bytes32 root => mapping(uint256 word => uint256))) public words;
    bytes32[] public standingIds;
    mapping(bytes32 standingId => Standing) internal _standings;
    /// Leaves of one standing approval, one day (Asia/Shanghai) and one act.
    mapping(bytes32 standingId => mapping(uint256 day => mapping(uint8 act => uint256))) public spent;

    // ---- asking what the events say ----

    function refOf(IssuerId issuer, bytes32 signer, uint8 role, uint32 typeId, uint24 epoch)
        public
        pure
        returns (bytes32)
    {
        // Operators lie outside the epochs: a reset takes each away by an event of its own.
        return keccak256(abi.encode(issuer, signer, role, typeId, role == OPERATOR ? 0 : epoch));
    }

    function holds(IssuerId issuer, bytes32 signer, uint8 role, uint32 typeId) public view returns (bool) {
        Interval memory interval = roles[refOf(issuer, signer, role, typeId, offices[issuer].epoch)];
        return interval.validFrom <= block.timestamp && block.timestamp < interval.validUntil;
    }

    function isAbove(IssuerId ancestor, IssuerId issuer) public view returns (bool) {
        if (offices[issuer].level == 1) return ancestor == issuer;
        for (uint256 level = offices[issuer].level; level > 1; --level) {
            issuer = offices[issuer].parent;
            if (issuer == ancestor) return true;
        }
        return false;
    }

    function heirOf(IssuerId issuer) public view returns (IssuerId) {
        while (IssuerId.unwrap(offices[issuer].successor) != 0) issuer = offices[issuer].successor;
        return issuer;
    }

    function isGranted(IssuerId issuer, uint32 typeId) public view returns (bool) {
        IIssuerRegistry.Grant[] storage all = _grants[issuer][typeId];
        if (all.length == 0) return false;
        IIssuerRegistry.Grant memory last = all[all.length - 1];
        return last.withdrawnAt == 0 && last.validFrom <= block.timestamp && block.timestamp < last.validUntil;
    }

    function grantEnd(IssuerId issuer, uint32 typeId) public view returns (uint40) {
        IIssuerRegistry.Grant[] storage all = _grants[issuer][typeId];
        return all.length == 0 ? 0 : all[all.length - 1].validUntil;
    }

    function today() public view returns (uint256) {
        return (block.timestamp + 8 hours) / 1 days;
    }

    function issuerCount() external view returns (uint256) {
        return issuers.length;
    }

    function batchCount() external view returns (uint256) {
        return batches.length;
    }

    function standingCount() external view returns (uint256) {
        return standingIds.length;
    }

    function roleCount() external view returns (uint256) {
        return _roleRefs.length;
    }

    function roleAt(uint256 i) external view returns (RoleRef memory) {
        return _roleRefs[i];
    }

    function anchorOf(IssuerId issuer, bytes32 root) external view returns (ICredentialLedger.Anchor memory) {
        return _anchors[issuer][root];
    }

    function standingOf(bytes32 standingId) external view returns (Standing memory) {
        return _standings[standingId];
    }

    function keysOf(IssuerId issuer) external view returns (IIssuerRegistry.Key[] memory) {
        return _keys[issuer];
    }

    function grantsOf(IssuerId issuer, uint32 typeId) external view returns (IIssuerRegistry.Grant[] memory) {
        return _grants[issuer][typeId];
    }

    function proposalOf(uint256 proposalId) external view returns (IIssuerRegistry.Proposal memory) {
        return _proposals[proposalId];
    }

    // ---- reading events ----

    function _read(Vm.Log memory log) internal {
        bytes32 name = log.topics[0];
        if (!_readTree(name, log) && !_readActs(name, log) && !_readLedger(name, log)) revert("unknown event");
    }

    function _readTree(bytes32 name, Vm.Log memory log) private returns (bool) {
        IssuerId issuer = _firstOf(log);
        Office storage office = offices[issuer];
        if (name == IIssuerRegistry.IssuerAdmitted.selector) {
            (uint8 level,,) = abi.decode(log.data, (uint8, bytes32, bytes32));
            issuers.push(issuer);
            (office.parent, office.level) = (IssuerId.wrap(bytes18(log.topics[2])), level);
            office.admittedAt = uint40(block.timestamp);
        } else if (name == IIssuerRegistry.IssuerDissolved.selector) {
            office.dissolvedAt = uint40(block.timestamp);
            office.successor = IssuerId.wrap(bytes18(log.topics[2]));
        } else if (name == IIssuerRegistry.DirectorySet.selector) {
            office.directory = log.topics[2];
        } else if (name == IIssuerRegistry.TypeGranted.selector) {
            (, uint40 from, uint40 until) = abi.decode(log.data, (IssuerId, uint40, uint40));
            _grants[issuer][uint32(uint256(log.topics[2]))].push(IIssuerRegistry.Grant(from, until, 0, 0, 0));
        } else if (name == IIssuerRegistry.GrantWithdrawn.selector) {
            (, uint40 since, uint8 cause) = abi.decode(log.data, (IssuerId, uint40, uint8));
            IIssuerRegistry.Grant[] storage all = _grants[issuer][uint32(uint256(log.topics[2]))];
            IIssuerRegistry.Grant storage last = all[all.length - 1];
            (last.withdrawnSince, last.withdrawnAt, last.cause) = (since, uint40(block.timestamp), cause);
        } else if (name == IIssuerRegistry.KeyRegistered.selector) {
            (uint8 purpose, uint40 from, uint40 until) = abi.decode(log.data, (uint8, uint40, uint40));
            _keys[issuer].push(IIssuerRegistry.Key(from, until, 0, purpose, log.topics[3]));
        } else if (name == IIssuerRegistry.KeyRetired.selector) {
            (uint40 until,) = abi.decode(log.data, (uint40, IssuerId));
            _keys[issuer][uint256(log.topics[2]) - 1].validUntil = until;
        } else if (name == IIssuerRegistry.KeyCompromised.selector) {
            (uint40 since,) = abi.decode(log.data, (uint40, IssuerId));
            _keys[issuer][uint256(log.topics[2]) - 1].compromisedSince = since;
        } else {
            return false;
        }
        return true;
    }

    function _readActs(bytes32 name, Vm.Log memory log) private returns (bool) {
        IssuerId issuer = _firstOf(log);
        if (name == IIssuerRegistry.RoleSet.selector) {
            _readRole(issuer, log);
        } else if (name == IIssuerRegistry.ActProposed.selector) {
            (bytes32 proposer, bytes32 hash, uint40 end) = abi.decode(log.data, (bytes32, bytes32, uint40));
            proposalCount = uint256(log.topics[1]);
            IssuerId by = IssuerId.wrap(bytes18(log.topics[2]));
            _proposals[proposalCount] = IIssuerRegistry.Proposal(by, end, proposer, hash);
        } else if (
            name == IIssuerRegistry.ActAccepted.selector || name == IIssuerRegistry.ActCancelled.selector
        ) {
            delete _proposals[uint256(log.topics[1])];
        } else if (name == IIssuerRegistry.ResetScheduled.selector) {
            (IssuerId by, bytes32 admin1, bytes32 admin2, uint40 ready) =
                abi.decode(log.data, (IssuerId, bytes32, bytes32, uint40));
            resets[issuer] = Reset(admin1, admin2, by, ready);
        } else if (name == IIssuerRegistry.ResetCancelled.selector) {
            delete resets[issuer];
        } else if (name == IIssuerRegistry.RolesReset.selector) {
            delete resets[issuer];
            (offices[issuer].epoch,,) = abi.decode(log.data, (uint24, bytes32, bytes32));
        } else if (name == IIssuerRegistry.TypeRegistered.selector) {
            (uint16 version, bytes32 file, bool single) = abi.decode(log.data, (uint16, bytes32, bool));
            types.push(IIssuerRegistry.CredentialType(bytes21(log.topics[2]), version, single, file));
        } else if (name == IIssuerRegistry.GovernanceTransferStarted.selector) {
            governorPending = address(uint160(uint256(log.topics[2])));
        } else if (name == IIssuerRegistry.GovernanceTransferred.selector) {
            (governor, governorPending) = (address(uint160(uint256(log.topics[2]))), address(0));
        } else {
            return false;
        }
        return true;
    }

    function _firstOf(Vm.Log memory log) internal pure returns (IssuerId) {
        return IssuerId.wrap(log.topics.length > 1 ? bytes18(log.topics[1]) : bytes18(0));
    }

    function _readRole(IssuerId issuer, Vm.Log memory log) private {
        (uint32 typeId, uint40 from, uint40 until, uint24 epoch) =
            abi.decode(log.data, (uint32, uint40, uint40, uint24));
        RoleRef memory ref = RoleRef(issuer, log.topics[2], uint8(uint256(log.topics[3])), typeId, epoch);
        bytes32 key = refOf(issuer, ref.signer, ref.role, typeId, epoch);
        if (!_isListed[key]) _roleRefs.push(ref);
        _isListed[key] = true;
        roles[key] = Interval(from, until);
    }

    function _readLedger(bytes32 name, Vm.Log memory log) private returns (bool) {
        IssuerId issuer = _firstOf(log);
        if (name == ICredentialLedger.BatchAnchored.selector) {
            _readAnchored(issuer, log.topics[2], uint32(uint256(log.topics[3])), abi.decode(log.data, (AnchoredData)));
        } else if (name == ICredentialLedger.BatchImported.selector) {
            (ICredentialLedger.Anchor memory batch, uint256[] memory values) =
                abi.decode(log.data, (ICredentialLedger.Anchor, uint256[]));
            batches.push(BatchRef(issuer, log.topics[2]));
            _anchors[issuer][log.topics[2]] = batch;
            for (uint256 i = 0; i < values.length; ++i) words[issuer][log.topics[2]][i] = values[i];
            ++imported;
        } else if (name == ICredentialLedger.BatchWithdrawn.selector) {
            (uint8 reason,,,) = abi.decode(log.data, (uint8, IssuerId, bytes32, bytes32));
            _anchors[issuer][log.topics[2]].withdrawn = reason;
        } else if (name == ICredentialLedger.StatusChanged.selector) {
            _readStatuses(issuer, log.topics[2], _statusData(log));
        } else if (name == ICredentialLedger.StandingRegistered.selector) {
            standingIds.push(log.topics[1]);
            _standings[log.topics[1]] = Standing(
                IssuerId.wrap(bytes18(log.topics[2])),
                uint32(uint256(log.topics[3])),
                false,
                abi.decode(log.data, (StandingData))
            );
        } else if (name == ICredentialLedger.StandingRevoked.selector) {
            _standings[log.topics[1]].revoked = true;
        } else if (name == ICredentialLedger.LedgerOpened.selector) {
            isOpen = true;
        } else if (name == ICredentialLedger.LedgerHandedOver.selector) {
            handedOver[issuer] = address(uint160(uint256(log.topics[2])));
        } else {
            return false;
        }
        return true;
    }

    function _readAnchored(IssuerId issuer, bytes32 root, uint32 typeId, AnchoredData memory data) private {
        batches.push(BatchRef(issuer, root));
        _anchors[issuer][root] = ICredentialLedger.Anchor(
            typeId, data.key, data.size, data.anchoredAt, data.list, data.firstWord, 0
        );
        if (data.pending) {
            for (uint256 leaf = 0; leaf < data.size; ++leaf) words[issuer][root][leaf / 64] |= 1 << (4 * (leaf % 64));
        }
        if (data.standingId != 0) spent[data.standingId][today()][1] += data.size;
    }

    function _readStatuses(IssuerId issuer, bytes32 root, StatusData memory data) private {
        for (uint256 i = 0; i < data.words.length; ++i) {
            uint256 earlier = words[issuer][root][data.words[i]];
            words[issuer][root][data.words[i]] = data.values[i];
            if (data.standingId == 0) continue;
            for (uint256 lane = 0; lane < 64; ++lane) {
                uint256 status = (data.values[i] >> (4 * lane)) & 15;
                if (status == (earlier >> (4 * lane)) & 15) continue;
                spent[data.standingId][today()][status == 12 ? 4 : 2] += 1;
            }
        }
    }

    function _statusData(Vm.Log memory log) internal pure returns (StatusData memory) {
        // A struct with arrays is decoded from behind an offset, which an event's data do not have.
        return abi.decode(bytes.concat(bytes32(uint256(0x20)), log.data), (StatusData));
    }
}
