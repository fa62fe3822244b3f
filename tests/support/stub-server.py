#!/usr/bin/env python3
"""Servers that are wrong, one for each way in which a server can be: for tests of what the agent says.

    stub-server.py FOLDER

Makes a CA and certificates in FOLDER (ca.pem, other-ca.pem), listens on loopback, and writes the port
of each server to FOLDER/NAME; FOLDER/ready comes last. Ends with its standard input.
"""
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import threading

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stderr=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def make_ca(name, subject):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", subject,
            "-keyout", f"{name}.key", "-out", f"{name}.pem")


def make_certificate(name, ca, names, start, end):
    """start and end as openssl-ca(1) takes them."""
    (folder / f"{name}.cnf").write_text(f"""[ca]
default_ca = here
[here]
database = {name}.index
serial = {name}.serial
new_certs_dir = .
policy = any
default_md = sha256
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = {names}
[req]
distinguished_name = dn
[dn]
""")
    (folder / f"{name}.index").write_text("")
    (folder / f"{name}.serial").write_text(f"{os.urandom(8).hex()}\n")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr")
    openssl("ca", "-batch", "-config", f"{name}.cnf", "-in", f"{name}.csr", "-out", f"{name}.crt",
            "-cert", f"{ca}.pem", "-keyfile", f"{ca}.key", "-startdate", start, "-enddate", end,
            "-notext")


HERE = "DNS:localhost,DNS:attest.example,IP:127.0.0.1,IP:::1"
make_ca("ca", "/CN=Stub CA")
make_ca("other-ca", "/O=Example Corp/CN=Example Corp TLS Inspection")
make_certificate("good", "ca", HERE, "20200101000000Z", "20991231000000Z")
make_certificate("ended", "ca", HERE, "20200101000000Z", "20210101000000Z")
make_certificate("early", "ca", HERE, "20980101000000Z", "20991231000000Z")
make_certificate("other-name", "ca", "DNS:somebody.example", "20200101000000Z", "20991231000000Z")
make_certificate("inspected", "other-ca", HERE, "20200101000000Z", "20991231000000Z")


def answer(status, body, kind="application/json"):
    return (f"HTTP/1.1 {status} Words\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            f"\r\n{body}").encode()


def speak(raw, certificate, reply):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{certificate}.crt", folder / f"{certificate}.key")
    with context.wrap_socket(raw, server_side=True) as peer:
        while peer.recv(65536):
            if reply is None:
                return
            peer.sendall(reply)


def plain(raw):
    raw.recv(100)
    raw.sendall(b"HTTP/1.1 400 This is http\r\n\r\n")


def cut(raw):
    """What a firewall does that does not like the name in the first message of TLS."""
    raw.recv(10)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(raw):
    while raw.recv(65536):
        pass


def read_head(raw):
    head = b""
    while b"\r\n\r\n" not in head:
        more = raw.recv(4096)
        if not more:
            raise OSError
        head += more
    return head


def proxy(raw, reply):
    """Answers every CONNECT so, on one connection."""
    while True:
        read_head(raw)
        raw.sendall(reply)


def proxy_closes(raw):
    read_head(raw)


def proxy_inspects(raw):
    """Opens the way, and is itself what is at its end."""
    read_head(raw)
    raw.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    speak(raw, "inspected", answer(200, GOOD))


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def socks(raw):
    """SOCKS 5 to names alone, all of which are this machine; denied.example is refused."""
    _, count = raw.recv(2)
    raw.recv(count)
    raw.sendall(b"\5\0")
    _, _, _, kind, length = raw.recv(5)
    name = raw.recv(length)
    port = int.from_bytes(raw.recv(2), "big")
    if kind != 3 or name == b"denied.example":
        raw.sendall(b"\5\2\0\1" + bytes(6))
        return
    with socket.create_connection(("127.0.0.1", port)) as there:
        raw.sendall(b"\5\0\0\1" + bytes(6))
        threading.Thread(target=pump, args=(there, raw), daemon=True).start()
        pump(raw, there)


GOOD = '{"issuer":"https://elsewhere.example/","jwks_uri":"https://elsewhere.example/certs"}'
servers = {
    "plain": plain,
    "cut": cut,
    "silent": silent,
    "closes": lambda raw: speak(raw, "good", None),
    "down": lambda raw: speak(raw, "good", answer(503, "{}")),
    "nothing": lambda raw: speak(raw, "good", answer(404, "{}")),
    "page": lambda raw: speak(raw, "good", answer(200, "<html>Welcome!</html>", "text/html")),
    "other": lambda raw: speak(raw, "good", answer(200, '{"issuer":7}')),
    "elsewhere": lambda raw: speak(raw, "good", answer(200, GOOD)),
    "large": lambda raw: speak(raw, "good", answer(200, " " * 2000000)),
    "ended": lambda raw: speak(raw, "ended", answer(200, GOOD)),
    "early": lambda raw: speak(raw, "early", answer(200, GOOD)),
    "other-name": lambda raw: speak(raw, "other-name", answer(200, GOOD)),
    "inspected": lambda raw: speak(raw, "inspected", answer(200, GOOD)),
    "proxy-ntlm": lambda raw: proxy(raw, b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"),
    "proxy-negotiate": lambda raw: proxy(raw, b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"),
    "proxy-none": lambda raw: proxy(raw, answer(405, "{}")),
    "proxy-closes": proxy_closes,
    "proxy-inspects": proxy_inspects,
    "socks": socks,
}


def handle(serve, raw):
    try:
        with raw:
            serve(raw)
    except OSError:
        pass


def listen(listener, serve):
    while True:
        threading.Thread(target=handle, args=(serve, listener.accept()[0]), daemon=True).start()


for name, serve in servers.items():
    listener = socket.create_server(("127.0.0.1", 0))
    (folder / name).write_text(str(listener.getsockname()[1]))
    threading.Thread(target=listen, args=(listener, serve), daemon=True).start()

# Nobody takes what waits here, and no more fit in: connecting times out, as when packets are dropped.
full = socket.socket()
full.bind(("127.0.0.1", 0))
full.listen(0)
waiting = []
for _ in range(8):
    one = socket.socket()
    one.setblocking(False)
    one.connect_ex(full.getsockname())
    waiting.append(one)
(folder / "full").write_text(str(full.getsockname()[1]))

# Bound, not listening: refused.
refused = socket.socket()
refused.bind(("127.0.0.1", 0))
(folder / "refused").write_text(str(refused.getsockname()[1]))
(folder / "ready").write_text("")
sys.stdin.read()
