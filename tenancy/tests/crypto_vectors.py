"""Opens the vectors of docs/crypto.md with nothing but the Python standard library and that page's description."""
import hashlib, hmac, json, sys

def xtime(a): return ((a << 1) ^ 0x11b) & 0xff if a & 0x80 else a << 1

def multiply(a, b):
    product = 0
    while b:
        product, a, b = product ^ (a if b & 1 else 0), xtime(a), b >> 1
    return product

def substitution():
    box = []
    for value in range(256):
        inverse = next((c for c in range(256) if multiply(value, c) == 1), 0)
        out = 0x63
        for turn in range(5):
            out ^= ((inverse << turn) | (inverse >> (8 - turn))) & 0xff
        box.append(out)
    return box

BOX = substitution()

def round_keys(key):
    words, constant = [list(key[i:i + 4]) for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = list(words[-1])
        if i % 8 == 0:
            word = [BOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = xtime(constant)
        elif i % 8 == 4:
            word = [BOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]

def aes(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [BOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            mixed = []
            for column in (state[i:i + 4] for i in range(0, 16, 4)):
                mixed += [xtime(column[i]) ^ xtime(column[(i + 1) % 4]) ^ column[(i + 1) % 4]
                          ^ column[(i + 2) % 4] ^ column[(i + 3) % 4] for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)

def ghash(h, data):
    total = 0
    for start in range(0, len(data), 16):
        total ^= int.from_bytes(data[start:start + 16].ljust(16, b"\0"), "big")
        product, v = 0, h
        for bit in range(127, -1, -1):
            product ^= v if total >> bit & 1 else 0
            v = (v >> 1) ^ (0xe1 << 120 if v & 1 else 0)
        total = product
    return total

def gcm_open(key, nonce, aad, text, tag):
    keys = round_keys(key)
    whole = lambda data: data + bytes(-len(data) % 16)
    lengths = (len(aad) * 8).to_bytes(8, "big") + (len(text) * 8).to_bytes(8, "big")
    h = int.from_bytes(aes(keys, bytes(16)), "big")
    mask = int.from_bytes(aes(keys, nonce + b"\0\0\0\1"), "big")
    if (ghash(h, whole(aad) + whole(text) + lengths) ^ mask).to_bytes(16, "big") != tag:
        return None
    stream = b"".join(aes(keys, nonce + n.to_bytes(4, "big")) for n in range(2, 2 + len(whole(text)) // 16))
    return bytes(a ^ b for a, b in zip(text, stream))

def mac(key, data): return hmac.new(key, data, hashlib.sha256).digest()

def check_value(v):
    stored, key = bytes.fromhex(v["stored"]), bytes.fromhex(v["key"])
    assert stored[:3] == b"\1\1\0", "version, suite, flags"
    assert int.from_bytes(stored[3:7], "big") == v["tkver"] and int.from_bytes(stored[7:9], "big") == v["skver"]
    random, commitment, text, tag = stored[9:33], stored[33:65], stored[65:-16], stored[-16:]
    assert mac(key, b"\2hc1-cmt" + random) == commitment, "commitment"
    aad = (b"HC1\1" + bytes([v["cell"]]) + bytes.fromhex(v["tenant"]) + v["table"].to_bytes(4, "big")
           + v["column"].to_bytes(4, "big") + bytes.fromhex(v["row"]) + bytes.fromhex(v["subject"]) + stored[3:9])
    assert aad.hex() == v["aad"] and len(aad) == 67, "associated data"
    opened = gcm_open(mac(key, b"\1hc1-enc" + random), random[12:], aad, text, tag)
    assert opened is not None, "tag"
    if v["padded"]:
        assert len(opened) >= 32 and len(opened) & (len(opened) - 1) == 0, "bucket"
        opened = opened.rstrip(b"\0")
        assert opened[-1:] == b"\x80", "padding"
        opened = opened[:-1]
    assert opened.hex() == v["plaintext"], "plaintext"

def check_tag(v):
    info = b"".join(v[part].to_bytes(4, "big") for part in ("table", "column", "index"))
    index_key = mac(mac(b"hc1-bidx", bytes.fromhex(v["key"])), info + b"\1")
    values = (text.encode() for text in v["values"])
    assert mac(index_key, b"".join(len(t).to_bytes(4, "big") + t for t in values))[:16].hex() == v["tag"], "tag"

def check_row(v):
    text = (b"hc1-row" + bytes([v["cell"]]) + bytes.fromhex(v["tenant"]) + v["table"].to_bytes(4, "big")
            + bytes.fromhex(v["row"]) + bytes.fromhex(v["subject"]) + v["version"].to_bytes(8, "big")
            + v["kver"].to_bytes(4, "big") + len(v["columns"]).to_bytes(2, "big"))
    for column, stored in v["columns"]:
        filled = stored is not None
        text += column.to_bytes(4, "big") + bytes([filled])
        text += hashlib.sha256(bytes.fromhex(stored)).digest() if filled else bytes(32)
    found = b"\1" + v["kver"].to_bytes(4, "big") + mac(bytes.fromhex(v["key"]), text)
    assert found.hex() == v["stored"], "row MAC"

def check_tag_digest(v):
    text = b"".join(sorted(index.to_bytes(4, "big") + bytes.fromhex(tag) for index, tag in v["tags"]))
    assert hashlib.sha256(text).hexdigest() == v["digest"], "digest of tags"

def check_document(v):
    header, key = bytes.fromhex(v["header"]), bytes.fromhex(v["key"])
    assert header[:3] == b"\1\1\0" and len(header) == 65, "version, suite, flags"
    assert int.from_bytes(header[3:7], "big") == v["tkver"] and int.from_bytes(header[7:9], "big") == v["skver"]
    assert mac(key, b"\2hd1-cmt" + header[9:33]) == header[33:], "commitment"
    place = b"".join(bytes.fromhex(v[part]) for part in ("tenant", "object", "subject"))
    for s in v["segments"]:
        stored = bytes.fromhex(s["stored"])
        aad = b"HD1\1" + bytes([v["cell"]]) + place + header[3:9] + s["number"].to_bytes(4, "big") + bytes([s["last"]])
        assert aad.hex() == s["aad"] and len(aad) == 64, "associated data"
        opened = gcm_open(mac(key, b"\1hd1-enc" + header[9:33]), stored[:12], aad, stored[12:-16], stored[-16:])
        assert opened is not None and opened.hex() == s["plaintext"], "plaintext"

vectors = json.loads(open(sys.argv[1], encoding="utf-8").read().split("```json")[1].split("```")[0])
for kind, check in (("values", check_value), ("tags", check_tag), ("rows", check_row), ("tag_digests", check_tag_digest),
                    ("documents", check_document)):
    for vector in vectors[kind]:
        try:
            check(vector)
        except AssertionError as failure:
            sys.exit(f"{vector['name']}: {failure}")
print(", ".join(f"{len(vectors[kind])} {kind}" for kind in vectors) + " agree")
