"""Keys and certificates of a control plane that lives on 127.0.0.1."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from baton_operator.local.home import write_private

_LIFE = dt.timedelta(days=3650)
_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, slots=True)
class ControlPlaneKeys:
    """
    The files a control plane is started with.

    Attributes:
        authority: The certificate that clients trust.
        certificate: The server's certificate, for 127.0.0.1 and the names of the API inside a cluster.
        key: Its private key.
        service_accounts: The key that signs ServiceAccount tokens.
        service_accounts_public: What they are verified with.
    """

    authority: Path
    certificate: Path
    key: Path
    service_accounts: Path
    service_accounts_public: Path

    @classmethod
    def kept_in(cls, folder: Path) -> ControlPlaneKeys:
        """Give the keys of *folder*, made at the first call and the same ever after."""
        keys = cls(*(folder / name for name in ("ca.crt", "server.crt", "server.key", "sa.key", "sa.pub")))
        if not keys.service_accounts_public.exists():  # the last one written
            folder.mkdir(parents=True, exist_ok=True)
            keys._make()
        return keys

    def _make(self) -> None:
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(authority_key)
        write_private(self.authority, _pem(authority))

        key = ec.generate_private_key(ec.SECP256R1())
        write_private(self.certificate, _pem(_server(key.public_key(), authority, authority_key)))
        write_private(self.key, _private_pem(key))

        issuer = ec.generate_private_key(ec.SECP256R1())
        write_private(self.service_accounts, _private_pem(issuer))
        public = issuer.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(self.service_accounts_public, public)


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "baton-local")])
    return (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePublicKey, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = [*map(x509.DNSName, _NAMES), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    trusted = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder(subject, authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(trusted, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
