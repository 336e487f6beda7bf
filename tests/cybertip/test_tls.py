"""The client over real TLS: it speaks to who proves their name, and to nobody else."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cybertip.small_case import HAPPENED, open_bytes
from firstlight.clock import FixedClock
from firstlight.cybertip import (
    DEMO_CREDENTIALS,
    Client,
    Draft,
    Fault,
    FaultKind,
    Filing,
    FilingState,
    MemoryJournal,
    MemoryRecord,
    NoAnswerError,
    NotSentError,
    RetryPolicy,
    Simulator,
    TestHost,
    file_report,
)
from firstlight.cybertip.simulator.faults import Endpoint

AT_ONCE = RetryPolicy(first_wait=0, growth=1)
_NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """A client that does not trust a certificate is no fault of the server, which writes nothing about it."""
    yield
    assert "Traceback" not in capfd.readouterr().err


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this test alone."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        made = _builder(name, name, key.public_key(), 0, 1)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return cls(key, made.sign(key, hashes.SHA256()))

    def trust(self) -> ssl.SSLContext:
        """Trust in this authority and in no other."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def server(self, folder: Path, name: str = "localhost", *, begins: int = 0, ends: int = 1) -> ssl.SSLContext:
        """What a server of this name needs; `begins` and `ends` are days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        made = _builder(subject, self.certificate.subject, key.public_key(), begins, ends)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, secret)
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins: int, ends: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW + dt.timedelta(days=begins) - dt.timedelta(minutes=5))
        .not_valid_after(_NOW + dt.timedelta(days=ends))
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new()


def _clock() -> FixedClock:
    return FixedClock(HAPPENED + dt.timedelta(days=2), dt.timedelta(milliseconds=1))


def _served(tls: ssl.SSLContext, *faults: Fault) -> Simulator:
    return Simulator.of(_clock(), faults=faults, tls=tls)


def _host(simulator: Simulator, name: str = "localhost") -> TestHost:
    return TestHost(f"https://{name}:{simulator.port}/ispws")


def _filed(client: Client, draft: Draft, record: MemoryRecord) -> Filing:
    return file_report(
        client,
        draft,
        open_bytes,
        record=record,
        journal=MemoryJournal(),
        clock=_clock(),
        retries=AT_ONCE,
        sleep=lambda _: None,
    )


@pytest.fixture
def simulator(authority: Authority, tmp_path: Path) -> Iterator[Simulator]:
    with _served(authority.server(tmp_path)) as simulator:
        yield simulator


def test_a_whole_filing_goes_over_tls(
    simulator: Simulator, authority: Authority, draft: Draft, record: MemoryRecord
) -> None:
    assert simulator.url.startswith("https://")
    with Client(_host(simulator), DEMO_CREDENTIALS, verify=authority.trust()) as client:
        client.negotiate()
        filing = _filed(client, draft, record)
    assert filing.state is FilingState.FINISHED
    (report,) = simulator.reports()
    assert len(report.files) == len(draft.files)


def test_an_authority_that_nobody_named_is_not_believed(simulator: Simulator) -> None:
    with Client(_host(simulator), DEMO_CREDENTIALS) as client, pytest.raises(NotSentError, match="certificate"):
        client.status()
    assert simulator.log() == ()


@pytest.mark.parametrize(
    ("name", "begins", "ends"), [("other.example", 0, 1), ("localhost", -3, -2), ("localhost", 2, 3)]
)
def test_another_name_and_another_time_are_not_believed(
    authority: Authority, tmp_path: Path, name: str, begins: int, ends: int
) -> None:
    tls = authority.server(tmp_path, name, begins=begins, ends=ends)
    with (
        _served(tls) as simulator,
        Client(_host(simulator), DEMO_CREDENTIALS, verify=authority.trust()) as client,
        pytest.raises(NotSentError),
    ):
        client.status()


def test_a_server_without_tls_gets_nothing(authority: Authority) -> None:
    with (
        Simulator.of(_clock()) as plain,
        Client(_host(plain), DEMO_CREDENTIALS, verify=authority.trust()) as client,
        pytest.raises(NotSentError),
    ):
        client.status()


@pytest.mark.parametrize("kind", [FaultKind.DROP_ANSWER, FaultKind.DROP_REQUEST, FaultKind.TRUNCATE])
def test_an_answer_that_is_cut_within_tls_is_an_answer_lost(
    authority: Authority, tmp_path: Path, kind: FaultKind
) -> None:
    fault = Fault(kind=kind, endpoint=Endpoint.FINISH)
    with (
        _served(authority.server(tmp_path), fault) as simulator,
        Client(_host(simulator), DEMO_CREDENTIALS, verify=authority.trust()) as client,
        pytest.raises(NoAnswerError),
    ):
        client.finish(1)


def test_a_filing_survives_lost_answers_over_tls_and_stays_one(
    authority: Authority, tmp_path: Path, draft: Draft, record: MemoryRecord
) -> None:
    faults = tuple(Fault(kind=FaultKind.DROP_ANSWER, endpoint=one) for one in (Endpoint.UPLOAD, Endpoint.FINISH))
    with (
        _served(authority.server(tmp_path), *faults) as simulator,
        Client(_host(simulator), DEMO_CREDENTIALS, verify=authority.trust()) as client,
    ):
        filing = _filed(client, draft, record)
        assert filing.state is FilingState.FINISHED
        assert [one.state.value for one in simulator.reports()].count("finished") == 1
        assert simulator.doubles() == ()
