// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {Rebuilt} from "./Rebuilt.sol";
import {Vm} from "./Vm.sol";
import {ADMIN, APPROVER, MAKER, OPERATOR, REDEEMER} from "./World.sol";

enum Law {
    ROOT_ONCE,
    FINAL_STAYS,
    MASK_HOLDS,
    ROLE_NEEDED,
    FOUR_EYES,
    STANDING_LIMIT,
    GRANT_WITHIN,
    COMPROMISE_EARLIER
}

/// @title Every event judged by what earlier events say: was this allowed to happen?
/// @notice The contracts are asked nothing, so that a hole in them cannot hide itself.
contract Laws is Rebuilt {
    /// What was broken first, and by what.
    mapping(Law => string) public broken;

    /// Who sent the call whose events are read, and whose admins accepted an act in it.
    address private _sender;
    IssuerId private _actor;
    bool private _isReset;
    /// Bits of each word that the call may change, and whether it told.
    mapping(uint256 word => uint256 mask) private _masks;

    mapping(IssuerId issuer => mapping(bytes32 root => bool)) private _isStored;
    mapping(IssuerId issuer => mapping(uint256 key => uint40)) private _compromised;

    function absorb(Vm.Log[] memory logs, address sender, ICredentialLedger.WordChange[] memory changes) external {
        (_sender, _actor, _isReset) = (sender, IssuerId.wrap(0), false);
        for (uint256 i = 0; i < changes.length; ++i) _masks[changes[i].word] |= changes[i].mask;
        for (uint256 i = 0; i < logs.length; ++i) {
            _judge(logs[i].topics[0], logs[i]);
            _read(logs[i]);
        }
        for (uint256 i = 0; i < changes.length; ++i) delete _masks[changes[i].word];
    }

    function _demand(bool isKept, Law law, string memory why) private {
        if (!isKept && bytes(broken[law]).length == 0) broken[law] = why;
    }

    function _judge(bytes32 name, Vm.Log memory log) private {
        if (name == ICredentialLedger.BatchAnchored.selector) {
            AnchoredData memory data = abi.decode(log.data, (AnchoredData));
            _judgeAnchored(_firstOf(log), log.topics[2], uint32(uint256(log.topics[3])), data);
        } else if (name == ICredentialLedger.BatchImported.selector) {
            _demand(_sender == governor && !isOpen, Law.ROLE_NEEDED, "imported by another, or after opening");
            _judgeStored(_firstOf(log), log.topics[2]);
        } else if (name == ICredentialLedger.StatusChanged.selector) {
            StatusData memory data = _statusData(log);
            _judgeActors(_firstOf(log), log.topics[2], data);
            for (uint256 i = 0; i < data.words.length; ++i) {
                _judgeWord(_firstOf(log), log.topics[2], data.words[i], data.values[i], data);
            }
        } else if (name == ICredentialLedger.BatchWithdrawn.selector) {
            _judgeWithdrawn(_firstOf(log), log);
        } else if (name == ICredentialLedger.StandingRegistered.selector) {
            StandingData memory data = abi.decode(log.data, (StandingData));
            IssuerId issuer = IssuerId.wrap(bytes18(log.topics[2]));
            _demand(holds(issuer, data.approver, APPROVER, 0), Law.ROLE_NEEDED, "standing by no approver");
            _demand(data.validUntil - data.validFrom <= 31 days, Law.STANDING_LIMIT, "longer than 31 days");
        } else if (name == ICredentialLedger.StandingRevoked.selector) {
            _judgeRevoked(log);
        } else if (
            name == ICredentialLedger.LedgerOpened.selector || name == ICredentialLedger.LedgerHandedOver.selector
                || name == IIssuerRegistry.TypeRegistered.selector
                || name == IIssuerRegistry.GovernanceTransferStarted.selector
        ) {
            _demand(_sender == governor, Law.ROLE_NEEDED, "not by governance");
        } else if (name == IIssuerRegistry.GovernanceTransferred.selector) {
            bool isFirst = governor == address(0);
            _demand(isFirst || _sender == governorPending, Law.ROLE_NEEDED, "governance taken, not given");
        } else {
            _judgeRegistry(name, log);
        }
    }

    // ---- the ledger ----

    function _judgeStored(IssuerId issuer, bytes32 root) private {
        _demand(!_isStored[issuer][root], Law.ROOT_ONCE, "a root was stored twice");
        _isStored[issuer][root] = true;
    }

    function _judgeAnchored(IssuerId issuer, bytes32 root, uint32 typeId, AnchoredData memory data) private {
        _judgeStored(issuer, root);
        _demand(data.maker != data.approver, Law.FOUR_EYES, "anchored by one pair of eyes");
        _demand(holds(issuer, data.operator, OPERATOR, 0), Law.ROLE_NEEDED, "anchored by no operator");
        _demand(holds(issuer, data.maker, MAKER, 0), Law.ROLE_NEEDED, "anchored without a maker");
        _demand(holds(issuer, data.approver, APPROVER, 0), Law.ROLE_NEEDED, "anchored without an approver");
        _demand(isOpen && handedOver[issuer] == address(0), Law.ROLE_NEEDED, "anchored in a closed ledger");
        _demand(offices[issuer].dissolvedAt == 0, Law.ROLE_NEEDED, "anchored by a dissolved issuer");
        _judgeKey(issuer, data.key, typeId == 0 ? 3 : 1);
        if (typeId != 0) _judgeGrants(issuer, typeId);
        if (data.standingId != 0) {
            _judgeStanding(issuer, typeId, 1, data.approver, data.standingId, data.size);
        }
    }

    function _judgeKey(IssuerId issuer, uint32 number, uint8 purpose) private {
        bool isGood = number != 0 && number <= _keys[issuer].length;
        if (isGood) {
            IIssuerRegistry.Key memory key = _keys[issuer][number - 1];
            isGood = key.purpose == purpose && key.validFrom <= block.timestamp && block.timestamp < key.validUntil
                && (key.compromisedSince == 0 || block.timestamp < key.compromisedSince);
        }
        _demand(isGood, Law.ROLE_NEEDED, "anchored with a key that is not good");
    }

    function _judgeGrants(IssuerId issuer, uint32 typeId) private {
        _demand(isGranted(issuer, typeId), Law.GRANT_WITHIN, "anchored without a grant");
        while (offices[issuer].level > 1) {
            issuer = offices[issuer].parent;
            _demand(isGranted(issuer, typeId), Law.GRANT_WITHIN, "anchored though an ancestor has no grant");
        }
    }

    function _judgeActors(IssuerId issuer, bytes32 root, StatusData memory data) private {
        bool isAlone = data.maker == 0;
        if (isAlone) {
            uint32 typeId = _anchors[issuer][root].typeId;
            bool isOperator = holds(data.by, data.operator, OPERATOR, 0);
            bool isRedeemer = holds(data.by, data.operator, REDEEMER, typeId);
            _demand(isOperator || isRedeemer, Law.ROLE_NEEDED, "status changed by nobody of the issuer");
            _demand(data.by == issuer || data.by == heirOf(issuer), Law.ROLE_NEEDED, "status changed for another");
            return;
        }
        _demand(data.maker != data.approver, Law.FOUR_EYES, "status changed by one pair of eyes");
        _demand(holds(data.by, data.maker, MAKER, 0), Law.ROLE_NEEDED, "status changed without a maker");
        _demand(holds(data.by, data.approver, APPROVER, 0), Law.ROLE_NEEDED, "status changed without an approver");
        _demand(data.by == heirOf(issuer), Law.ROLE_NEEDED, "status changed for another issuer");
        _demand(isOpen && handedOver[issuer] == address(0), Law.ROLE_NEEDED, "status changed in a closed ledger");
    }

    function _judgeWord(IssuerId issuer, bytes32 root, uint256 word, uint256 later, StatusData memory data) private {
        uint256 earlier = words[issuer][root][word];
        _demand((earlier ^ later) & ~_masks[word] == 0, Law.MASK_HOLDS, "bits outside the mask changed");
        ICredentialLedger.Anchor memory batch = _anchors[issuer][root];
        uint256 changed;
        for (uint256 lane = 0; lane < 64; ++lane) {
            uint256 from = (earlier >> (4 * lane)) & 15;
            uint256 to = (later >> (4 * lane)) & 15;
            if (from == to) continue;
            ++changed;
            _demand(from < 8, Law.FINAL_STAYS, "a final status changed");
            _demand(to < 3 || (to > 7 && to < 13), Law.FINAL_STAYS, "an undefined status was written");
            _demand(word * 64 + lane < batch.size, Law.MASK_HOLDS, "a status beyond the batch");
            bool isLone = data.maker == 0;
            bool isBrake = from == 0 && to == 2 && holds(data.by, data.operator, OPERATOR, 0);
            bool isUse = from == 0 && to == 12 && holds(data.by, data.operator, REDEEMER, batch.typeId);
            _demand(!isLone || isBrake || isUse, Law.ROLE_NEEDED, "one alone did what needs two");
            _demand(to != 12 || types[batch.typeId - 1].singleUse, Law.ROLE_NEEDED, "used, of no single use");
            if (data.standingId != 0) {
                uint8 act = to == 12 ? 4 : 2;
                _demand(to == 12 || to == 9, Law.STANDING_LIMIT, "another act than the two");
                _judgeStanding(data.by, batch.typeId, act, data.approver, data.standingId, changed);
            }
        }
    }

    /// `leaves` of this event's word are not in `spent` yet.
    function _judgeStanding(
        IssuerId by,
        uint32 typeId,
        uint8 act,
        bytes32 approver,
        bytes32 standingId,
        uint256 leaves
    ) private {
        Standing memory standing = _standings[standingId];
        StandingData memory terms = standing.terms;
        uint256 limit = act == 1 ? terms.anchorLimit : act == 2 ? terms.supersedeLimit : terms.useLimit;
        _demand(terms.acts & act != 0, Law.STANDING_LIMIT, "an act that it does not name");
        _demand(spent[standingId][today()][act] + leaves <= limit, Law.STANDING_LIMIT, "beyond the day's limit");
        _demand(!standing.revoked, Law.STANDING_LIMIT, "revoked");
        _demand(
            terms.validFrom <= block.timestamp && block.timestamp < terms.validUntil, Law.STANDING_LIMIT, "out of time"
        );
        _demand(standing.issuer == by && standing.typeId == typeId, Law.STANDING_LIMIT, "for something else");
        _demand(terms.approver == approver, Law.STANDING_LIMIT, "of another approver");
    }

    function _judgeWithdrawn(IssuerId issuer, Vm.Log memory log) private {
        (, IssuerId by, bytes32 maker, bytes32 approver) =
            abi.decode(log.data, (uint8, IssuerId, bytes32, bytes32));
        _demand(maker != approver, Law.FOUR_EYES, "withdrawn by one pair of eyes");
        _demand(holds(by, maker, MAKER, 0), Law.ROLE_NEEDED, "withdrawn without a maker");
        _demand(holds(by, approver, APPROVER, 0), Law.ROLE_NEEDED, "withdrawn without an approver");
        _demand(by == heirOf(issuer) || isAbove(by, issuer), Law.ROLE_NEEDED, "withdrawn for another issuer");
        _demand(_anchors[issuer][log.topics[2]].withdrawn == 0, Law.FINAL_STAYS, "withdrawn twice");
    }

    function _judgeRevoked(Vm.Log memory log) private {
        Standing memory standing = _standings[log.topics[1]];
        bytes32 signer = abi.decode(log.data, (bytes32));
        bool isEntitled = signer == standing.terms.approver || holds(standing.issuer, signer, ADMIN, 0);
        for (uint256 i = 0; i < issuers.length && !isEntitled; ++i) {
            isEntitled = isAbove(issuers[i], standing.issuer) && holds(issuers[i], signer, ADMIN, 0);
        }
        _demand(isEntitled, Law.ROLE_NEEDED, "a standing approval revoked by nobody of its issuer");
    }

    // ---- the registry ----

    function _judgeRegistry(bytes32 name, Vm.Log memory log) private {
        if (name == IIssuerRegistry.ActProposed.selector) {
            (bytes32 proposer,,) = abi.decode(log.data, (bytes32, bytes32, uint40));
            _judgeAdmin(IssuerId.wrap(bytes18(log.topics[2])), proposer);
        } else if (name == IIssuerRegistry.ActAccepted.selector) {
            IIssuerRegistry.Proposal memory proposal = _proposals[uint256(log.topics[1])];
            bytes32 accepter = abi.decode(log.data, (bytes32));
            _actor = IssuerId.wrap(bytes18(log.topics[2]));
            _demand(proposal.by == _actor && block.timestamp < proposal.expiresAt, Law.ROLE_NEEDED, "no such proposal");
            _demand(accepter != proposal.proposer, Law.FOUR_EYES, "accepted by its proposer");
            _judgeAdmin(_actor, accepter);
            _judgeAdmin(_actor, proposal.proposer);
        } else if (name == IIssuerRegistry.ActCancelled.selector) {
            _judgeAdmin(_proposals[uint256(log.topics[1])].by, abi.decode(log.data, (bytes32)));
        } else if (name == IIssuerRegistry.RolesReset.selector) {
            Reset memory due = resets[_firstOf(log)];
            _isReset = true;
            _demand(due.readyAt != 0 && due.readyAt <= block.timestamp, Law.ROLE_NEEDED, "roles reset too early");
        } else if (name == IIssuerRegistry.ResetCancelled.selector) {
            bool isDue = _actor == _firstOf(log) || _actor == resets[_firstOf(log)].by;
            _demand(isDue && IssuerId.unwrap(_actor) != 0, Law.ROLE_NEEDED, "reset cancelled by another");
        } else if (name == IIssuerRegistry.ResetScheduled.selector) {
            bool isRoot = _sender == governor && offices[_firstOf(log)].level == 1;
            _demand(isRoot || isAbove(_actor, _firstOf(log)), Law.ROLE_NEEDED, "reset by no ancestor");
        } else {
            _judgeAct(name, log);
        }
    }

    function _judgeAdmin(IssuerId by, bytes32 signer) private {
        _demand(holds(by, signer, ADMIN, 0), Law.ROLE_NEEDED, "an act without an admin");
        _demand(offices[by].dissolvedAt == 0, Law.ROLE_NEEDED, "an act of a dissolved issuer");
    }

    function _judgeAct(bytes32 name, Vm.Log memory log) private {
        IssuerId issuer = _firstOf(log);
        if (proposalCount == 0) return; // the constructor's own events
        bool isOwn = _actor == issuer;
        bool isAncestor = isAbove(_actor, issuer);
        if (name == IIssuerRegistry.IssuerAdmitted.selector) {
            bool isParent = IssuerId.wrap(bytes18(log.topics[2])) == _actor;
            (uint8 level,,) = abi.decode(log.data, (uint8, bytes32, bytes32));
            _demand(isParent && level == offices[_actor].level + 1 && level <= 5, Law.ROLE_NEEDED, "admitted wrongly");
            _demand(offices[issuer].level == 0, Law.ROLE_NEEDED, "admitted twice");
        } else if (name == IIssuerRegistry.TypeGranted.selector) {
            _judgeGranted(issuer, uint32(uint256(log.topics[2])), log);
        } else if (name == IIssuerRegistry.KeyCompromised.selector) {
            _demand(isOwn || isAncestor, Law.ROLE_NEEDED, "a key compromised by another");
            (uint40 since,) = abi.decode(log.data, (uint40, IssuerId));
            _judgeCompromise(issuer, uint256(log.topics[2]), since);
        } else if (
            name == IIssuerRegistry.KeyRegistered.selector || name == IIssuerRegistry.KeyRetired.selector
        ) {
            _demand(isOwn || isAncestor, Law.ROLE_NEEDED, "a key of another issuer");
        } else if (name == IIssuerRegistry.RoleSet.selector) {
            // An ancestor sets the roles of whom it admits, and takes those of whom it dissolves.
            _demand(isOwn || isAncestor || _isReset, Law.ROLE_NEEDED, "a role of another issuer");
        } else {
            _demand(isAncestor, Law.ROLE_NEEDED, "an act by no ancestor");
        }
    }

    function _judgeGranted(IssuerId issuer, uint32 typeId, Vm.Log memory log) private {
        (,, uint40 until) = abi.decode(log.data, (IssuerId, uint40, uint40));
        IssuerId parent = offices[issuer].parent;
        _demand(heirOf(parent) == _actor, Law.ROLE_NEEDED, "granted by another than the parent");
        if (parent == issuer) return;
        _demand(isGranted(parent, typeId), Law.GRANT_WITHIN, "granted by a parent without a grant");
        _demand(until <= grantEnd(parent, typeId), Law.GRANT_WITHIN, "granted for longer than the parent's");
    }

    function _judgeCompromise(IssuerId issuer, uint256 key, uint40 since) private {
        uint40 earlier = _compromised[issuer][key];
        _demand(earlier == 0 || since < earlier, Law.COMPROMISE_EARLIER, "a compromise moved later");
        _demand(since != 0 && since <= block.timestamp, Law.COMPROMISE_EARLIER, "compromised in the future");
        _demand(since >= _keys[issuer][key - 1].validFrom, Law.COMPROMISE_EARLIER, "before the key began");
        _compromised[issuer][key] = since;
    }
}
