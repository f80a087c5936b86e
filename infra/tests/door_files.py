"""Writes what a front door needs to start: certificates, keys and a configuration, made for this one run.

usage: door_files.py FOLDER SEEN_AS PORT     FOLDER is where they are written, SEEN_AS what the front door calls that folder; needs `cryptography`
"""

import base64
import datetime
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

CONFIG = """
region = "ap-south-1"
base = "domicile.test"
name = "fd-in-1"
listen = "127.0.0.1:{port}"
peer_listen = "127.0.0.1:{peer}"
peer_trusted = ["127.0.0.1/32"]
admin_listen = "127.0.0.1:{admin}"
handoff_socket = "{seen}/door.sock"
threads = 1
backends = ["127.0.0.1:9"]
[[tls.certs]]
cert = "{seen}/door.pem"
key = "{seen}/door.key"
[backend_tls]
ca = "{seen}/door.pem"
cert = "{seen}/door.pem"
key = "{seen}/door.key"
server_name = "backend.in.domicile.internal"
[directory]
url = "https://127.0.0.1:9"
ca = "{seen}/door.pem"
cert = "{seen}/door.pem"
key = "{seen}/door.key"
server_name = "feed.control.domicile.internal"
keys = ["k1:{directory}"]
file = "{seen}/directory.bin"
[route]
keys = "{seen}/route"
receipts = "{seen}/receipts"
"""


def main():
    folder, seen, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "front-door")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*.in.domicile.test")]), critical=False).sign(key, hashes.SHA256())
    )
    (folder / "door.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "door.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    for ring in ("route", "receipts"):
        (folder / ring).write_text(f"k1 {base64.b64encode(os.urandom(32)).decode()}\n")
    public = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    (folder / "front-door.toml").write_text(CONFIG.format(seen=seen, port=port, peer=port + 1, admin=port + 2, directory=base64.b64encode(public).decode()))


if __name__ == "__main__":
    main()
