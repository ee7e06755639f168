"""Seals a PDF: a PAdES certification signature that covers the whole file and allows no change.

One incremental revision after the page itself, nothing after it. The signature value comes from the
port CredentialSigner, so that the agency's seal key may lie in a file or in a hardware module. There is
no time stamp inside: the document batch in the ledger is the time stamp. The field is invisible; the red
seal on the page is a picture and proves nothing by itself.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import algos, cms, x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ledger.core.errors import RefusedError
from ledger.core.paper import SEAL_FIELD
from ledger.ports import CredentialSigner

DIGEST: Final = "sha256"
RESERVED: Final = 8_192
"""Hex digits kept free for the signature: a leaf and its authority need about 5,000. Stated, so that no
trial signature is made to measure it."""
HALF: Final = 32


def _der(tag: int, *parts: bytes) -> bytes:
    """One DER element around these (X.690 §8.1, definite length)."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        length = bytes([size])
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + length + content


@dataclass(frozen=True, slots=True)
class _Form:
    """A CMS signature of one key cut at what differs: digest of the file, and signature value.

    Building it anew for each file takes three times as long as everything else a seal needs.
    """

    attributes_before: bytes
    attributes_after: bytes
    signer_before: bytes
    signer_after: bytes
    data_before: bytes
    content_type: bytes

    @classmethod
    def of(cls, made: cms.ContentInfo, digest: bytes) -> _Form:
        """The form of a signature that pyHanko made over `digest`."""
        data = made["content"]
        [signer] = data["signer_infos"]
        attributes = bytes(signer["signed_attrs"].untag().contents)
        before, _, after = attributes.partition(digest)
        if not after or digest in after:
            raise RuntimeError("a signature states the digest of the file once")
        head = ("version", "digest_algorithms", "encap_content_info", "certificates")
        return cls(
            before,
            after,
            b"".join(signer[name].dump() for name in ("version", "sid", "digest_algorithm")),
            bytes(signer["signature_algorithm"].dump()),
            b"".join(data[name].dump() for name in head),
            bytes(made["content_type"].dump()),
        )

    def fill(self, digest: bytes, sign: Callable[[bytes], bytes]) -> bytes:
        """DER of the signature over another file's digest."""
        attributes = self.attributes_before + digest + self.attributes_after
        value = _der(0x04, sign(_der(0x31, attributes)))
        signer = _der(0x30, self.signer_before, _der(0xA0, attributes), self.signer_after, value)
        data = _der(0x30, self.data_before, _der(0x31, signer))
        return _der(0x30, self.content_type, _der(0xA0, data))


class _PortSigner(Signer):
    """pyHanko's signer over ours; the first signature of a key is pyHanko's, the others follow its form."""

    def __init__(self, signer: CredentialSigner) -> None:
        if not signer.x5c:
            raise RefusedError(
                "SEAL_CERTIFICATE_MISSING", "The seal key has no certificate; register it again."
            )
        certificates = [x509.Certificate.load(der) for der in signer.x5c]
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple(certificates)
        super().__init__(
            signing_cert=certificates[0],
            cert_registry=store,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
        )
        self._port = signer
        self._form: _Form | None = None

    async def async_sign(  # type: ignore[override]  # what is not named here is only passed on
        self, data_digest: bytes, digest_algorithm: str, **how: Any
    ) -> cms.ContentInfo:
        """The CMS object over the digest of the file's signed bytes."""
        if self._form is None:
            made = await super().async_sign(data_digest, digest_algorithm, **how)
            self._form = _Form.of(made, data_digest)
            return made
        return cms.ContentInfo.load(self._form.fill(data_digest, self._sign))

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: FBT001, FBT002 (their signature)
        """DER of the signature value."""
        if digest_algorithm != DIGEST or dry_run:
            raise RuntimeError("a seal is over SHA-256 and made once")
        return self._sign(data)

    def _sign(self, data: bytes) -> bytes:
        raw = self._port.sign(data)
        return encode_dss_signature(int.from_bytes(raw[:HALF], "big"), int.from_bytes(raw[HALF:], "big"))


class PadesSealer:
    """Port PageSealer. Keeps what it read of each key's certificates."""

    def __init__(self) -> None:
        self._signers: dict[tuple[bytes, ...], _PortSigner] = {}

    def _signer(self, signer: CredentialSigner) -> _PortSigner:
        known = self._signers.get(signer.x5c)
        if known is None:
            known = self._signers[signer.x5c] = _PortSigner(signer)
        return known

    def seal(self, page: bytes, signer: CredentialSigner, name: str) -> bytes:
        """The page with the seal as its last revision.

        Args:
            page: a PDF without signature.
            signer: the agency's key of purpose seal.
            name: the agency, as viewers show it.

        Raises:
            RefusedError: SEAL_CERTIFICATE_MISSING.
        """
        writer = IncrementalPdfFileWriter(io.BytesIO(page))
        pdf_signer = PdfSigner(
            PdfSignatureMetadata(
                field_name=SEAL_FIELD,
                md_algorithm=DIGEST,
                name=name,
                certify=True,
                subfilter=SigSeedSubFilter.PADES,
                docmdp_permissions=MDPPerm.NO_CHANGES,
                signer_key_usage={"digital_signature"},
            ),
            signer=self._signer(signer),
            new_field_spec=SigFieldSpec(SEAL_FIELD),
        )
        # in a thread of its own: the library runs an event loop, and whoever calls may be in one already
        with ThreadPoolExecutor(max_workers=1) as thread:
            out = thread.submit(pdf_signer.sign_pdf, writer, bytes_reserved=RESERVED).result()
        sealed: bytes = out.getvalue()
        return sealed
