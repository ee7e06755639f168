"""Clerk and approver logged in at the pages, each with a passkey and its role on chain."""

from __future__ import annotations

import json
from dataclasses import replace

from werkzeug.test import TestResponse

from ledger.core.assertion import read_assertion
from ledger.core.eip712 import ecdsa_signature, passkey_signature
from ledger.core.flow import BatchState
from ledger.core.jose import b64url_decode, b64url_encode
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.signing import SigningKey, Site
from ledger.services.signing_desk import Given
from tests.authenticator import Authenticator
from tests.flow_world import ISSUER, ListTable, deposit_table
from tests.office_world import HOST, Client, Office
from tests.signing_world import HomeKeys, SigningWorld

SITE = Site(f"https://{HOST}", HOST)
MAKERS, APPROVERS = Authenticator(0xA1, SITE), Authenticator(0xB2, SITE)
JSON = {"Accept": "application/json", "Origin": f"https://{HOST}"}


def spell(given: Given) -> dict[str, str]:
    return {
        "credential": b64url_encode(given.credential_id),
        "authenticatorData": b64url_encode(given.authenticator_data),
        "clientDataJSON": b64url_encode(given.client_data),
        "signature": b64url_encode(given.signature),
    }


class Desk:
    """Clerk and approver logged in, with passkeys and roles on chain; batches on demand."""

    def __init__(self, office: Office) -> None:
        self.office = office
        here = office.parts.here
        here.settings = replace(here.settings, origin=SITE.origin)
        self.signing = SigningWorld(office.world)
        self.clerk = office.client(Role.CLERK)
        self.approver = office.client(Role.APPROVER)
        self.keys = {
            Role.CLERK: self.enrol(self.clerk, MAKERS),
            Role.APPROVER: self.enrol(self.approver, APPROVERS),
        }
        self.signing.give_role(MAKERS.signer_id, ChainRole.MAKER)
        self.signing.give_role(APPROVERS.signer_id, ChainRole.APPROVER)
        self.numbers = 0

    def enrol(self, client: Client, authenticator: Authenticator) -> SigningKey:
        asked = client.post_form("/signing-keys/passkey/begin", {"label": "钥匙"}, headers=JSON).get_json()
        options = asked["publicKey"]
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert [one["alg"] for one in options["pubKeyCredParams"]] == [-7]
        answer = authenticator.create(b64url_decode(options["challenge"]))
        body = {"request": asked["request"], "credential": answer, "label": "钥匙"}
        done = self.json(client, asked["finish"], body)
        assert done.status_code == 200, done.get_data(as_text=True)
        keys = self.office.parts.signing.book.keys(ISSUER)
        return next(key for key in keys if key.signer_id == authenticator.signer_id)

    def json(self, client: Client, path: str, body: object) -> TestResponse:
        headers = {**JSON, "X-Form-Token": client.token(), "Content-Type": "application/json"}
        return client.post(path, data=json.dumps(body), headers=headers)

    def batch(self, count: int = 3) -> int:
        self.numbers += 100
        return self.batch_of(deposit_table(range(self.numbers, self.numbers + count)))

    def batch_of(self, table: ListTable, **changes: object) -> int:
        world = self.office.world
        report = world.load(table, **changes)
        assert report.job_id is not None
        world.issue.close_import(report.job_id)
        world.work()
        return max(batch.id for batch in world.store.batches.batches(states=(BatchState.SIGNED,)))

    def state(self, batch_id: int) -> BatchState:
        return self.office.world.store.batches.batch(batch_id).state

    def ask(self, client: Client, path: str, **fields: object) -> TestResponse:
        return client.post_form(path, fields, headers={"Accept": "application/json"})

    def sign(self, client: Client, path: str, authenticator: Authenticator, **fields: object) -> TestResponse:
        asked = self.ask(client, path, **fields)
        assert asked.status_code == 200, asked.get_data(as_text=True)
        value = asked.get_json()
        given = [spell(authenticator.get(b64url_decode(one))) for one in value["challenges"]]
        return self.json(client, value["complete"], {"signatures": given})

    def make(self, batch_id: int) -> TestResponse:
        key = self.keys[Role.CLERK]
        path = f"/signing/batches/{batch_id}/make"
        return self.sign(self.clerk, path, MAKERS, key=key.id, approver=APPROVERS.signer_id.hex())

    def approve(self, batch_id: int) -> TestResponse:
        key = self.keys[Role.APPROVER]
        return self.sign(self.approver, f"/signing/batches/{batch_id}/approve", APPROVERS, key=key.id)

    def released(self, count: int = 3) -> int:
        batch_id = self.batch(count)
        assert self.make(batch_id).status_code == 200
        assert self.approve(batch_id).status_code == 200
        self.office.world.work()
        assert self.state(batch_id) is BatchState.RELEASED
        return batch_id

    def stand(self, authenticator: Authenticator | None, limit: int) -> str:
        """A standing approval on chain, given by the approver's passkey or the agency's key file; its id in hex."""
        standing = self.office.parts.signing.flow.standing
        file = HomeKeys().signer(ISSUER, ChainRole.APPROVER)
        signer = file.signer_id if authenticator is None else authenticator.signer_id
        terms = standing.draft(ISSUER, 1, approver=signer, anchor_limit=limit, supersede_limit=7)
        digest = standing.digest(terms)
        if authenticator is None:
            signature = ecdsa_signature(file.sign_digest(digest))
        else:
            given = authenticator.get(digest)
            assertion = read_assertion(
                digest, SITE, self.keys[Role.APPROVER].public_key, authenticator_data=given.authenticator_data,
                client_data_json=given.client_data, signature=given.signature,
            )  # fmt: skip
            signature = passkey_signature(assertion)
        standing_id = standing.register(terms, signature).hex()
        self.office.world.work()
        return standing_id

    def names(self, batch_id: int) -> list[bytes]:
        return [leaf.name for leaf in self.office.world.store.signing.sealed_rows(batch_id, 0, 1000)]


def words(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)
