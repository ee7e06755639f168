"""Makes sealed test PDFs like the product's: typst page, one attached bundle, one PAdES seal."""

from __future__ import annotations

import io
from collections.abc import Sequence

import typst
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import SystemEntropy
from tests.off_loop import off_loop

SINCE, UNTIL = 1_700_000_000, 2_000_000_000


def typst_page(bundle: bytes | None, lines: Sequence[str] = ("Proof",), keywords: str = "") -> bytes:
    """An unsealed page that shows these lines."""
    text = "\n\n".join(f"#text({_quoted(line)})" for line in lines)
    attach = (
        '#pdf.attach("/credential.ecert.json", relationship: "data", '
        'mime-type: "application/vnd.ecert+json", description: "bundle")\n'
        if bundle is not None
        else ""
    )
    source = (
        f'#set document(title: "Proof", keywords: ({_quoted(keywords)},), date: datetime(year: 2026, month: 11, day: 22))\n'
        f'#set text(lang: "en", font: "Libertinus Serif")\n{attach}{text}\n'
    )
    files = {"main.typ": source.encode()}
    if bundle is not None:
        files["credential.ecert.json"] = bundle
    return typst.compile(files, format="pdf", pdf_standards=["a-3b"])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class SealKey:
    """A sealing key with its certificate."""

    def __init__(self, number: int = 7) -> None:
        self.signer = MemoryCredentialSigner.from_private_number(number)
        root = CertificateAuthority.new_root("CA", not_before=SINCE, not_after=UNTIL, entropy=SystemEntropy())
        self.certificate = root.issue_leaf(
            self.signer.public_jwk, name="Seal", uri="https://fund.example", not_before=SINCE, not_after=UNTIL
        )
        key = ec.derive_private_key(number, ec.SECP256R1()).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._simple = signers.SimpleSigner(
            signing_cert=asn1_x509.Certificate.load(self.certificate),
            signing_key=asn1_keys.PrivateKeyInfo.load(key),
            cert_registry=SimpleCertificateStore(),
        )

    @property
    def thumbprint(self) -> bytes:
        return self.signer.thumbprint

    def seal(
        self,
        pdf: bytes,
        *,
        permits: fields.MDPPerm = fields.MDPPerm.NO_CHANGES,
        certify: bool = True,
        field: str = "ecert-seal",
    ) -> bytes:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        meta = signers.PdfSignatureMetadata(
            field_name=field,
            md_algorithm="sha256",
            subfilter=fields.SigSeedSubFilter.PADES,
            certify=certify,
            docmdp_permissions=permits,
        )
        out = off_loop(signers.PdfSigner(meta, signer=self._simple).sign_pdf, writer)
        return out.getvalue()
