"""What the services need from the outside world, as guarantees; adapters keep them.

Every port has a memory version beside the real one, and one test suite (tests/ports) runs against
all. No foreign exception crosses a port: adapters raise the classes of ledger.core.errors.
"""

from __future__ import annotations

from ledger.core.cells import Cell as Cell
from ledger.core.model import ChainEvidence as ChainEvidence
from ledger.core.model import ListedBatch as ListedBatch
from ledger.core.model import ParsedCredential as ParsedCredential
from ledger.core.model import ViewHead as ViewHead
from ledger.core.schema import SchemaFinding as SchemaFinding
from ledger.core.schema import SchemaValidator as SchemaValidator
from ledger.core.sd_jwt import Inspection as Inspection
from ledger.ports.store import ApprovalStore as ApprovalStore
from ledger.ports.store import BatchStore as BatchStore
from ledger.ports.store import ImportStore as ImportStore
from ledger.ports.store import NonceBook as NonceBook
from ledger.ports.store import Outbox as Outbox
from ledger.ports.store import ReleaseStore as ReleaseStore
from ledger.ports.store import SigningStore as SigningStore
from ledger.ports.store import StandingBook as StandingBook
from ledger.ports.store import Store as Store
from ledger.ports.store import TransactionLog as TransactionLog
from ledger.ports.world import Agencies as Agencies
from ledger.ports.world import Carrier as Carrier
from ledger.ports.world import Chain as Chain
from ledger.ports.world import ChainSigner as ChainSigner
from ledger.ports.world import ChainView as ChainView
from ledger.ports.world import Clock as Clock
from ledger.ports.world import ContractCall as ContractCall
from ledger.ports.world import ContractName as ContractName
from ledger.ports.world import CredentialFormat as CredentialFormat
from ledger.ports.world import CredentialSigner as CredentialSigner
from ledger.ports.world import DataKey as DataKey
from ledger.ports.world import Entropy as Entropy
from ledger.ports.world import Glyphs as Glyphs
from ledger.ports.world import Limits as Limits
from ledger.ports.world import ListPublisher as ListPublisher
from ledger.ports.world import PasswordSource as PasswordSource
from ledger.ports.world import PreparedTransaction as PreparedTransaction
from ledger.ports.world import ReleaseFolder as ReleaseFolder
from ledger.ports.world import RowTable as RowTable
from ledger.ports.world import Step as Step
from ledger.ports.world import TransactionOutcome as TransactionOutcome
from ledger.ports.world import Vault as Vault
