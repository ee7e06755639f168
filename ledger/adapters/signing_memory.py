"""Signing keys and requests in memory: the twin of signing_sql, for tests."""

from __future__ import annotations

from dataclasses import replace

from ledger.adapters.signing_sql import key_known
from ledger.core.signing import Act, KeyState, RequestState, SigningKey, SigningRequest


class MemorySigningBook:
    """See services.signing_book."""

    def __init__(self) -> None:
        self._keys: dict[int, SigningKey] = {}
        self._requests: dict[str, SigningRequest] = {}

    def add_key(self, key: SigningKey) -> SigningKey:
        """Raises ConflictError(SIGNING_KEY_KNOWN)."""
        if self.owner(key.uscc, key.signer_id) is not None:
            raise key_known()
        added = replace(key, id=len(self._keys) + 1)
        self._keys[added.id] = added
        return added

    def key(self, key_id: int) -> SigningKey | None:
        return self._keys.get(key_id)

    def keys(self, uscc: str, person: int | None = None) -> tuple[SigningKey, ...]:
        return tuple(key for key in self._keys.values() if key.uscc == uscc and person in {None, key.person})

    def owner(self, uscc: str, signer_id: bytes) -> SigningKey | None:
        return next((key for key in self.keys(uscc) if key.signer_id == signer_id), None)

    def set_state(self, key_id: int, state: KeyState) -> None:
        self._keys[key_id] = replace(self._keys[key_id], state=state)

    def add_request(self, request: SigningRequest) -> None:
        self._requests = {
            known.id: known
            for known in self._requests.values()
            if known.state is RequestState.DONE or known.expires_at >= request.created_at
        }
        self._requests[request.id] = request

    def request(self, request_id: str) -> SigningRequest | None:
        return self._requests.get(request_id)

    def finish(self, request_id: str, at: int) -> bool:
        found = self._requests.get(request_id)
        if found is None or found.state is RequestState.DONE:
            return False
        self._requests[request_id] = replace(found, state=RequestState.DONE, done_at=at)
        if found.key in self._keys:
            self._keys[found.key] = replace(self._keys[found.key], last_used_at=at)
        return True

    def done(self, act: Act, subject: str) -> SigningRequest | None:
        found = [
            request
            for request in self._requests.values()
            if request.act is act and request.subject == subject and request.state is RequestState.DONE
        ]
        return max(found, key=lambda request: (request.done_at or 0, request.created_at), default=None)
