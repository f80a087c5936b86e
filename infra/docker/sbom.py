#!/usr/bin/env python3
"""Prints the image's bill of materials as CycloneDX 1.5: every crate the program is built from, and every shared object beside it.

usage: sbom.py ROOT     (the root that assemble.sh laid out; run inside the checkout)
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = "app"


def built_from(metadata):
    """Ids of the packages that reach the program: its dependencies and theirs, without those of tests."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    left = [package["id"] for package in metadata["packages"] if package["name"] == PROGRAM and package["source"] is None]
    seen = set()
    while left:
        node = left.pop()
        if node not in seen:
            seen.add(node)
            left += [dep["pkg"] for dep in nodes[node]["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])]
    return seen


def crates():
    words = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host()]
    metadata = json.loads(subprocess.run(words, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE).stdout)
    wanted = built_from(metadata)
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.loads((CHECKOUT / "Cargo.lock").read_text())["package"]}
    for package in sorted((p for p in metadata["packages"] if p["id"] in wanted), key=lambda p: (p["name"], p["version"])):
        purl = f"pkg:cargo/{package['name']}@{package['version']}"
        component = {"type": "library", "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl}
        if license := package.get("license"):
            component["licenses"] = [{"expression": " ".join(license.replace("/", " OR ").split())}]
        if checksum := checksums.get((package["name"], package["version"])):
            component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        yield component


def host():
    said = subprocess.run(["rustc", "-vV"], check=True, text=True, stdout=subprocess.PIPE).stdout
    return re.search(r"host: (\S+)", said)[1]


def objects(root):
    for path in sorted(p for p in root.rglob("*") if p.is_file() and (".so" in p.name or p.name == "domicile")):
        name = str(path.relative_to(root))
        yield {"type": "file", "bom-ref": f"file:/{name}", "name": f"/{name}", "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    version = tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "domicile", "name": "domicile", "version": version}},
        "components": [*crates(), *objects(Path(sys.argv[1]))],
    }
    json.dump(bill, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
