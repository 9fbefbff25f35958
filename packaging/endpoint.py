"""An account behind TLS that is found by name, for packaging/verify.

    endpoint.py certificates              makes authority.pem and server.pem in the working folder
    endpoint.py serve FOLDER HOST:PORT    passes TLS connections on to a sandbox, over IPv4 and IPv6, and answers DNS
"""

import re
import socket
import ssl
import struct
import subprocess
import sys
import threading

NAMES = {"six.test": "AAAA", "four.test": "A", "by-file.test": None, "six-by-file.test": None}
# An address of its own, so that a resolver of the machine is not disturbed.
RESOLVER = ("127.0.0.57", 53)
TYPES = {"A": (1, socket.inet_aton("127.0.0.1")), "AAAA": (28, socket.inet_pton(socket.AF_INET6, "::1"))}


def certificates() -> None:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "authority.key", "-out", "authority.pem", "-days", "2", "-subj", "/CN=Authority of a test",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=four.test")
    names = ",".join(f"DNS:{name}" for name in NAMES)
    with open("server.ext", "w", encoding="ascii") as extensions:
        extensions.write(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2",
            "-extfile", "server.ext", "-out", "server.crt")
    with open("server.pem", "w", encoding="ascii") as chain:
        for part in ("server.key", "server.crt"):
            with open(part, encoding="ascii") as text:
                chain.write(text.read())


def answer(query: bytes) -> bytes:
    """The answer to a DNS query: the address of the name's own family, and no address of the other one."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
        at += 1 + query[at]
    question = query[12 : at + 5]
    family = NAMES.get(".".join(labels).lower())
    wanted, address = TYPES.get(family, (0, b""))
    found = struct.unpack(">H", query[at + 1 : at + 3])[0] == wanted
    missing = 0 if family else 3
    head = query[:2] + struct.pack(">HHHHH", 0x8180 | missing, 1, int(found), 0, 0)
    record = b"\xc0\x0c" + struct.pack(">HHIH", wanted, 1, 60, len(address)) + address
    return head + question + (record if found else b"")


def resolve() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        resolver.bind(RESOLVER)
        while True:
            query, client = resolver.recvfrom(512)
            resolver.sendto(answer(query), client)


def copy(source: socket.socket, to: socket.socket, host: bytes = b"") -> None:
    """Passes bytes on; with `host`, requests name that host, since a sandbox answers to no other name than its own."""
    try:
        while data := source.recv(65536):
            to.sendall(re.sub(rb"(?im)^host: [^\r\n]+", b"host: " + host, data) if host else data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def accept(listener: socket.socket, context: ssl.SSLContext, sandbox: tuple[str, int]) -> None:
    while True:
        plain, _ = listener.accept()
        try:
            client = context.wrap_socket(plain, server_side=True)
        except (ssl.SSLError, OSError):
            plain.close()
            continue
        server = socket.create_connection(sandbox)
        own = "{}:{}".format(*sandbox).encode("ascii")
        for way in ((client, server, own), (server, client)):
            threading.Thread(target=copy, args=way, daemon=True).start()


def serve(folder: str, sandbox: str) -> None:
    host, port = sandbox.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem")
    four = socket.create_server(("127.0.0.1", 0))
    six = socket.create_server(("::1", four.getsockname()[1]), family=socket.AF_INET6)
    for listener in (four, six):
        threading.Thread(target=accept, args=(listener, context, (host, int(port))), daemon=True).start()
    threading.Thread(target=resolve, daemon=True).start()
    print(f"ready port {four.getsockname()[1]}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    certificates() if sys.argv[1] == "certificates" else serve(sys.argv[2], sys.argv[3])
