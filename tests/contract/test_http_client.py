"""What the one HTTP module promises beyond the adapters' contract, on both libraries."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from baton_operator.engines.addresses import AddressGuard
from baton_operator.engines.errors import AddressRefusedError, PermanentError
from baton_operator.engines.http import Call, HttpClient, TlsFiles, TransportError, http_library, tls_context

GET = Call("test", "GET", "/path")
POST = Call("test", "POST", "/path", body={"a": 1}, write=True)


class Shelf:
    """Secrets by kind, name and key."""

    def __init__(self, values: Mapping[tuple[str, str, str], str] | None = None) -> None:
        self.values = dict(values or {})

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Return what is there."""
        return self.values[kind, name, key]


@pytest.fixture(params=["httpx2", "httpx"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    """Each of the libraries."""
    return http_library(request.param)


def client(library: ModuleType, url: str, spec: Mapping[str, Any] | None = None, **more: Any) -> HttpClient:
    guard = AddressGuard([ip_network("127.0.0.0/8")])
    return HttpClient(
        url, **{"namespace": "team", "spec": spec or {}, "secrets": Shelf(), "guard": guard, "library": library, **more}
    )


class Listener:
    """A server that remembers connections and requests."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.hosts: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.bodies: list[str] = []
        self.status = 200
        self.taken = ""
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Remember, and answer."""
        assert request.transport is not None
        self.ports.append(request.transport.get_extra_info("peername")[1])
        self.hosts.append(request.headers["Host"])
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.text())
        status = 401 if self.taken and request.headers.get("Authorization") != self.taken else self.status
        return web.json_response({}, status=status, headers={"Set-Cookie": "session=alice; Path=/"})


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    """A server on loopback."""
    made = Listener()
    runner = web.ServerRunner(web.Server(made.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://localhost:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_a_connection_is_used_again(library: ModuleType, listener: Listener) -> None:
    """A client per call would cost 21 ms."""
    http = client(library, listener.url)
    for _ in range(3):
        await http.call(POST)
    assert len(set(listener.ports)) == 1
    await http.close()


async def test_a_connection_that_answered_5xx_to_a_write_is_not(library: ModuleType, listener: Listener) -> None:
    """What it carries next may be lost too."""
    http = client(library, listener.url)
    listener.status = 500
    for _ in range(3):
        assert (await http.call(POST)).status == 500
    assert len(set(listener.ports)) == 3
    await http.close()


async def test_the_host_keeps_its_name(library: ModuleType, listener: Listener) -> None:
    """The connection goes to the checked address; the server sees the name it is called by."""
    http = client(library, listener.url)
    await http.call(GET)
    assert listener.hosts == [listener.url.removeprefix("http://")]
    await http.close()


async def test_no_session_is_kept(library: ModuleType, listener: Listener) -> None:
    """A cookie that an answer sets is not sent again: only the credential of the moment counts."""
    http = client(library, listener.url)
    await http.call(GET)
    await http.call(GET)
    assert ["Cookie" in headers for headers in listener.headers] == [False, False]
    await http.close()


async def test_a_form_is_sent_as_one_with_headers_of_its_own(library: ModuleType, listener: Listener) -> None:
    """A form is encoded as a form; what a call adds to the headers is sent, but replaces none of ours."""
    spec = {"auth": {"bearer": {"secretRef": {"name": "bot"}}}}
    http = client(library, listener.url, spec, secrets=Shelf({("Secret", "bot", "token"): "tok-1234"}))
    more = {"Crumb": "c", "Cookie": "a=b", "Host": "elsewhere", "Authorization": "Bearer other"}
    await http.call(Call("test", "POST", "/path", form={"a": "1 & 2", "ž": "\n"}, headers=more))
    (headers,) = listener.headers
    assert listener.bodies == ["a=1+%26+2&%C5%BE=%0A"]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (headers["Crumb"], headers["Cookie"]) == ("c", "a=b")
    assert (headers["Host"], headers["Authorization"]) == (listener.url.removeprefix("http://"), "Bearer tok-1234")
    await http.close()


async def test_an_address_that_is_not_permitted_is_not_connected_to(library: ModuleType, listener: Listener) -> None:
    """By name as by number."""
    for url in (listener.url, listener.url.replace("localhost", "127.0.0.1")):
        http = client(library, url, guard=AddressGuard())
        with pytest.raises(AddressRefusedError):
            await http.call(GET)
        await http.close()
    assert listener.ports == []


async def test_the_environments_proxy_is_not_used(
    library: ModuleType, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would see the credential."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    http = client(library, listener.url)
    assert (await http.call(GET)).status == 200
    await http.close()


async def test_a_second_address_is_tried_as_long_as_nothing_was_sent(library: ModuleType, listener: Listener) -> None:
    """A name with two addresses, of which one is dead."""

    class TwoAddresses(AddressGuard):
        async def resolve(self, host: str, port: int) -> list[str]:
            return ["127.0.0.77", "127.0.0.1"]

    http = client(library, listener.url, guard=TwoAddresses())
    assert (await http.call(POST)).status == 200
    await http.close()


async def test_only_the_checked_address_is_connected_to(library: ModuleType, listener: Listener) -> None:
    """The library asks no name server itself: a second answer of it cannot lead elsewhere."""

    class Checked(AddressGuard):
        async def resolve(self, host: str, port: int) -> list[str]:
            assert host == "engine.invalid"
            return ["127.0.0.1"]

    http = client(library, listener.url.replace("localhost", "engine.invalid"), guard=Checked())
    assert (await http.call(GET)).status == 200
    assert listener.hosts[0].startswith("engine.invalid:")
    await http.close()


async def test_what_was_not_sent_is_known(library: ModuleType) -> None:
    """A server that takes the connection and answers nothing was sent to; one that refuses it was not."""
    hung_up = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        hung_up.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    http = client(library, f"http://127.0.0.1:{port}")
    with pytest.raises(TransportError) as silent:
        await http.call(Call("test", "POST", "/", deadline=2.0, write=True))
    assert silent.value.sent
    await http.close()
    await asyncio.wait_for(hung_up.wait(), 60)
    server.close()
    await server.wait_closed()
    http = client(library, f"http://127.0.0.1:{port}")
    with pytest.raises(TransportError) as refused:
        await http.call(POST)
    assert not refused.value.sent
    await http.close()


def certificate(name: str, issuer: tuple[x509.Certificate, Any] | None = None) -> tuple[x509.Certificate, Any]:
    """Make a certificate for *name*, signed by *issuer* or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    alternative = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(made: tuple[x509.Certificate, Any]) -> tuple[str, str]:
    """Return certificate and key as texts."""
    key = made[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made[0].public_bytes(serialization.Encoding.PEM).decode(), key.decode()


async def test_tls_is_verified_by_name_and_authority(library: ModuleType, tmp_path: Path) -> None:
    """Our own authority and a client certificate, as texts; a foreign authority or another name is refused unsent."""
    authority = certificate("authority.example")
    root = pem(authority)[0]
    server_files, client_files = tmp_path / "server.pem", pem(certificate("baton.example", authority))
    server_files.write_text("".join(pem(certificate("localhost", authority))))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=root)
    context.load_cert_chain(server_files)
    context.verify_mode = ssl.CERT_REQUIRED
    heard = Listener()
    runner = web.ServerRunner(web.Server(heard.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    spec = {"tls": {"caRef": {"configMap": "corp-ca"}, "clientSecretRef": {"name": "mtls"}}}
    shelf = Shelf(
        {
            ("ConfigMap", "corp-ca", "ca.crt"): root,
            ("Secret", "mtls", "tls.crt"): client_files[0],
            ("Secret", "mtls", "tls.key"): client_files[1],
        }
    )
    http = client(library, f"https://localhost:{port}", spec, secrets=shelf)
    assert (await http.call(GET)).status == 200
    shelf.values["ConfigMap", "corp-ca", "ca.crt"] = pem(certificate("other.example"))[0]
    for url in (f"https://localhost:{port}", f"https://127.0.0.1:{port}"):
        stranger = client(library, url, spec, secrets=shelf)
        with pytest.raises(TransportError) as refused:
            await stranger.call(POST)
        assert not refused.value.sent
        await stranger.close()
        shelf.values["ConfigMap", "corp-ca", "ca.crt"] = root
    await http.close()
    await runner.cleanup()
    assert len(heard.ports) == 1


async def test_https_to_a_server_that_speaks_http_says_what_to_change(library: ModuleType, listener: Listener) -> None:
    """OpenSSL calls it a wrong version number, which names nothing that a person has written."""
    http = client(library, listener.url.replace("http:", "https:"))
    advice = "the server does not speak TLS: if it speaks plain http, write http:// in spec.url"
    with pytest.raises(TransportError, match=advice) as refused:
        await http.call(POST)
    assert not refused.value.sent
    await http.close()


@pytest.mark.parametrize("files", [TlsFiles(authority="no pem"), TlsFiles(certificate="no", key="pem")])
def test_what_is_no_pem_is_the_specs_fault(files: TlsFiles) -> None:
    """Only a change of the spec can help."""
    with pytest.raises(PermanentError):
        tls_context(files)


class Keeper:
    """Keeps the first token of a ServiceAccount until it is refused; then gives what the engine takes."""

    def __init__(self) -> None:
        self.kept = "revoked"

    async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
        """Return the token that is kept."""
        assert (namespace, kind, name, key) == ("team", "ServiceAccount", "runner", "")
        return self.kept

    def refused(self, namespace: str, name: str, audience: str) -> None:
        """Keep another one."""
        assert (namespace, name, audience) == ("team", "runner", "")
        self.kept = "fresh"


async def test_a_token_that_somebody_kept_is_asked_for_anew_when_it_is_refused(
    library: ModuleType, listener: Listener
) -> None:
    """A revoked token costs one more request, and no AuthExpired."""
    listener.taken = "Bearer fresh"
    spec = {"auth": {"serviceAccount": {"name": "runner"}}}
    http = client(library, listener.url, spec, secrets=Keeper())
    answer = await http.call(POST)
    await http.close()
    assert answer.status == 200
    assert [each["Authorization"] for each in listener.headers] == ["Bearer revoked", "Bearer fresh"]
