"""An independent reader of the audit log, from docs/audit.md alone: recomputes every hash, chain and root.

Usage: read_log.py FOLDER. Exit code 0: good. It does not check ECDSA signatures, for which Python has no library.
"""

import base64
import hashlib
import os
import struct
import sys


def sha(data):
    return hashlib.sha256(data).digest()


def field(value):
    return b"\xff\xff\xff\xff" if value is None else struct.pack(">I", len(value)) + value


def read(data):
    """All fields of a text."""
    at, fields = 0, []
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        at += 4
        if length == 0xFFFFFFFF:
            fields.append(None)
            continue
        assert at + length <= len(data), "ends within a field"
        fields.append(data[at : at + length])
        at += length
    return fields


def root(leaves):
    """RFC 6962 section 2.1."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha(b"\x01" + root(leaves[:split]) + root(leaves[split:]))


def path(kind, n, width):
    parts, rest = ["%03d" % (n % 1000)], n // 1000
    while rest:
        parts.insert(0, "x%03d" % (rest % 1000))
        rest //= 1000
    return "tile/%s/%s%s" % (kind, "/".join(parts), "" if width == 256 else ".p/%d" % width)


def sample():
    number = lambda n: struct.pack(">Q", n & (2**64 - 1))
    fields = [
        b"domicile-audit-event-1", number(17) + bytes(8), b"\x04" * 16, b"us-east-1",
        number(1795000000000017), b"\x09" * 16, number(1), b"staff", b"\x03" * 16, b"\x01" * 16, b"\x02" * 16,
        b"\xaa" * 40, b"patient.read", b"patient", b"\x05" * 16, b"\x05" * 16, b"TREATMENT", b"allow", b"asked",
        number(-1), number(2), b"\xbb" * 32, number(7), field(b"patient") + field(b"person"), b"\xcc" * 20,
    ]
    return b"".join(map(field, fields))


def main(folder):
    print("event_hash", sha(b"\x00" + sample()).hex())
    checkpoints = {}
    for name in os.listdir(os.path.join(folder, "checkpoint")):
        with open(os.path.join(folder, "checkpoint", name), encoding="utf-8") as file:
            origin, size, stated = file.read().split("\n\n")[0].split("\n")
        assert int(size) == int(name)
        checkpoints[int(size)] = base64.b64decode(stated)
    size = max(checkpoints)
    leaves, chains, events = [], {}, 0
    for n in range((size + 255) // 256):
        with open(os.path.join(folder, path("entries", n, min(256, size - n * 256))), "rb") as file:
            data, at = file.read(), 0
        while at < len(data):
            (length,) = struct.unpack_from(">H", data, at)
            entry = data[at + 2 : at + 2 + length]
            at += 2 + length
            leaves.append(sha(b"\x00" + entry))
            fields = read(entry)
            assert fields[0] == b"domicile-audit-entry-1"
            if fields[1] == b"event":
                _, _, tenant, seq, prev, event = fields
                assert (int.from_bytes(seq, "big") - 1, prev) == chains.get(tenant, (0, bytes(32))), "chain"
                chains[tenant] = (int.from_bytes(seq, "big"), leaves[-1])
                assert read(event)[2] == tenant and b"".join(map(field, read(event))) == event
                events += 1
    for size, stated in checkpoints.items():
        assert root(leaves[:size]) == stated, "root at %d" % size
    print("entries %d events %d clinics %d" % (len(leaves), events, len(chains)))


main(sys.argv[1])
