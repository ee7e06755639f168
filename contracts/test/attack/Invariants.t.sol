// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialLedger} from "../../src/interfaces/ICredentialLedger.sol";
import {IIssuerRegistry, IssuerId} from "../../src/interfaces/IIssuerRegistry.sol";
import {AtLedger} from "./AtLedger.sol";
import {AtRegistry} from "./AtRegistry.sol";
import {Compared} from "./Compared.sol";
import {Law, Laws} from "./Laws.sol";
import {vm} from "./Vm.sol";
import {APPROVER, BUREAU, FOREVER, MAKER, SIBLING, START} from "./World.sol";

/// The crowd, at both contracts at once.
contract Handler is AtLedger, AtRegistry {
    constructor(uint256 salt) {
        _salt = salt;
        _listen();
        deploy();
        people();
        // Makers who are approvers too: nothing but the contract keeps them from being both at once.
        setRole(BUREAU, signerOf(BUREAU, MAKER), APPROVER, START, FOREVER);
        setRole(SIBLING, signerOf(SIBLING, MAKER), APPROVER, START, FOREVER);
        for (uint256 i = 0; i < 3; ++i) registerKey(_offices[i], 2);
        _caughtUp();
        // So that dates may lie in the past.
        vm.warp(START + 10 days);
        _send(governance, address(ledger), abi.encodeCall(ledger.open, ()));
    }
}

/// @title A crowd of its own for each law, so that each meets other sequences; at the end all laws are asked.
abstract contract Crowded is Compared {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler internal _handler;
    Laws internal _laws;
    IIssuerRegistry internal _registry;
    ICredentialLedger internal _ledger;

    function setUp() public {
        _start(_salt());
    }

    function _start(uint256 salt) internal {
        _handler = new Handler(salt);
        (_laws, _registry, _ledger) = (_handler.laws(), _handler.registry(), _handler.ledger());
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        // What makes batches and changes statuses stands twice or more: the rest only disturbs.
        bytes4[26] memory all = [
            _handler.anchor.selector,
            _handler.anchor.selector,
            _handler.anchor.selector,
            _handler.anchor.selector,
            _handler.suspend.selector,
            _handler.suspend.selector,
            _handler.changeStatus.selector,
            _handler.changeStatus.selector,
            _handler.changeStatus.selector,
            _handler.changeStatus.selector,
            _handler.redeem.selector,
            _handler.withdraw.selector,
            _handler.registerStanding.selector,
            _handler.revokeStanding.selector,
            _handler.handOver.selector,
            _handler.admitOrDirect.selector,
            _handler.grantType.selector,
            _handler.withdrawGrant.selector,
            _handler.registerKey.selector,
            _handler.endKey.selector,
            _handler.endKey.selector,
            _handler.setRole.selector,
            _handler.dissolve.selector,
            _handler.resetRoles.selector,
            _handler.propose.selector,
            _handler.wait.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(_handler);
        targets[0].selectors = new bytes4[](all.length + 2);
        for (uint256 i = 0; i < all.length; ++i) targets[0].selectors[i] = all[i];
        targets[0].selectors[all.length] = _handler.govern.selector;
        targets[0].selectors[all.length + 1] = _handler.intrude.selector;
    }

    function afterInvariant() public view {
        for (uint256 law = 0; law <= uint256(type(Law).max); ++law) _holds(Law(law));
        _compare(_laws, _registry, _ledger);
    }

    function _holds(Law law) internal view {
        string memory why = _laws.broken(law);
        vm.assertTrue(bytes(why).length == 0, why);
    }

    function _salt() internal pure virtual returns (uint256);
}

contract ARootIsStoredOnce is Crowded {
    function invariant_a_root_is_stored_once_per_issuer() public view {
        _holds(Law.ROOT_ONCE);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.ROOT_ONCE);
    }
}

contract AFinalStatusStays is Crowded {
    function invariant_a_final_status_never_changes() public view {
        _holds(Law.FINAL_STAYS);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.FINAL_STAYS);
    }
}

contract MaskedWritesKeepToTheirMask is Crowded {
    function invariant_masked_writes_never_touch_other_bits() public view {
        _holds(Law.MASK_HOLDS);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.MASK_HOLDS);
    }
}

contract NobodyWithoutTheRole is Crowded {
    function invariant_nobody_without_the_role_changes_anything() public view {
        _holds(Law.ROLE_NEEDED);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.ROLE_NEEDED);
    }
}

contract MakerIsNotApprover is Crowded {
    function invariant_maker_and_approver_are_two() public view {
        _holds(Law.FOUR_EYES);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.FOUR_EYES);
    }
}

contract StandingApprovalsKeepTheirLimits is Crowded {
    function invariant_a_standing_approval_keeps_its_limits_and_acts() public view {
        _holds(Law.STANDING_LIMIT);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.STANDING_LIMIT);
    }
}

contract GrantsStayWithin is Crowded {
    function invariant_a_grant_never_exceeds_an_ancestors() public view {
        _holds(Law.GRANT_WITHIN);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.GRANT_WITHIN);
    }
}

contract CompromisesMoveEarlier is Crowded {
    function invariant_a_compromise_only_moves_earlier() public view {
        _holds(Law.COMPROMISE_EARLIER);
    }

    function _salt() internal pure override returns (uint256) {
        return uint256(Law.COMPROMISE_EARLIER);
    }
}

contract StateFromEventsIsStorage is Crowded {
    string private _missed;
    Handler[] private _crowds;

    function invariant_state_from_events_equals_storage() public view {
        // It takes long: every tenth time, and at the end.
        if (_handler.done() % 10 == 0) _compare(_laws, _registry, _ledger);
    }

    /// Else all of the above would hold because nothing ever happened.
    function test_the_crowd_gets_far() public {
        bytes4[] memory actions = this.targetSelectors()[0].selectors;
        for (uint256 i = 0; i < 1200; ++i) {
            if (i % 120 == 0) _begin(i);
            uint256 luck = uint256(keccak256(abi.encode(i)));
            bytes4 action = actions[luck % actions.length];
            (bool isThrough,) = address(_handler).call(abi.encodeWithSelector(action, luck));
            vm.assertTrue(isThrough, "the crowd itself stumbles");
        }
        _got(_ledger.anchor.selector, 30);
        _got(_ledger.suspend.selector, 6);
        _got(_ledger.changeStatus.selector, 8);
        _got(_ledger.redeem.selector, 3);
        _got(_ledger.withdrawBatch.selector, 3);
        _got(_ledger.registerStanding.selector, 20);
        _got(_ledger.revokeStanding.selector, 3);
        _got(_ledger.handover.selector, 1);
        _got(_registry.admitIssuer.selector, 2);
        _got(_registry.grantType.selector, 8);
        _got(_registry.withdrawGrant.selector, 3);
        _got(_registry.registerKey.selector, 10);
        _got(_registry.retireKey.selector, 3);
        _got(_registry.compromiseKey.selector, 1);
        _got(_registry.setRole.selector, 12);
        _got(_registry.dissolveIssuer.selector, 1);
        _got(_registry.executeReset.selector, 2);
        _got(_registry.cancelReset.selector, 1);
        _got(_registry.cancel.selector, 1);
        _got(_registry.acceptGovernance.selector, 4);
        vm.assertTrue(bytes(_missed).length == 0, _missed);
    }

    function _begin(uint256 salt) private {
        _start(salt);
        _crowds.push(_handler);
    }

    function _got(bytes4 action, uint256 often) private {
        uint256 count;
        for (uint256 i = 0; i < _crowds.length; ++i) count += _crowds[i].successes(action);
        if (count < often) _missed = string.concat(_missed, " ", vm.toString(uint32(action)), ":", vm.toString(count));
    }

    function _salt() internal pure override returns (uint256) {
        return 100;
    }
}
