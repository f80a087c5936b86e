"""The container image: its recipe linted, its root laid out as the recipe does it, and the program run in that root as it will be run."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import tools
from terraform import run_checkov

INFRA = Path(__file__).resolve().parent.parent
DOCKER = INFRA / "docker"
IMAGE_MAX_BYTES = 40 * 1000 * 1000
START_LIMIT_SECONDS = 30
STOP_LIMIT_SECONDS = 40
UID = "65532"
# Everything that may be in the image besides shared objects.
FILES = {"usr/bin/domicile", "etc/nsswitch.conf", "etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"}
# Objects of the C library and the compiler; a crate that brings another shared library shows up here.
OBJECTS = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def check(report, everything):
    lint(report)
    folder = Path(tempfile.mkdtemp(prefix="domicile-image-"))
    # Others must be able to pass through it: the program runs as somebody else.
    folder.chmod(0o755)
    try:
        exercise(report, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    built(report)
    weighed(report)
    keeper(report)
    size(report)


def lint(report):
    done = tools.run(tools.program("hadolint", "lint"), DOCKER / "Dockerfile")
    report.say(done.returncode == 0, "hadolint on the Dockerfile", done.stdout)
    done = tools.run(tools.program("check-jsonschema", "lint"), "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml")
    report.say(done.returncode == 0, "compose.yaml is what its schema asks", done.stdout)
    stages = (DOCKER / "Dockerfile").read_text().split("\nFROM ")
    last = stages[-1]
    rules = {"the last stage begins with nothing": last.startswith("scratch "), "it runs as no root": f"\nUSER {UID}:{UID}\n" in last,
             "it runs no command while it is built": "\nRUN " not in last, "it takes files from the build alone": last.count("COPY") == 1 == last.count("COPY --from=build")}
    report.say(all(rules.values()), "the shipped stage is empty but for the program, without root", [name for name, holds in rules.items() if not holds])
    run_checkov(report, "dockerfile", DOCKER)


def exercise(report, folder):
    """The recipe's own script lays out the root, from the program that the tests use; only its optimisation differs."""
    program = Path(os.environ.get("DOMICILE_BINARIES", INFRA.parent / "target/debug")) / "domicile"
    if not program.exists():
        raise tools.Missing(f"{program} is not built: cargo build")
    root = folder / "root"
    done = tools.run(DOCKER / "assemble.sh", program, root)
    if not report.say(done.returncode == 0, "the image's root is laid out from the program and the objects it asks for", done.stdout):
        return
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    extra = {name for name in names - FILES if Path(name).name not in OBJECTS}
    report.say(FILES <= names and not extra, f"it holds {len(names)} files: no shell, no interpreter, no shared object but the C library's", sorted(extra or FILES - names))
    special = [str(path) for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o6022]
    report.say(not special, "no file in it is set-uid or writable by others", special)
    objects = sum((root / name).stat().st_size for name in names - {"usr/bin/domicile"})
    report.say(objects < 5_000_000, f"all that is not the program takes {objects / 1e6:.1f} MB", objects)
    bill_of_materials(report, root)
    run_in(report, root, folder)


def bill_of_materials(report, root):
    done = tools.run(DOCKER / "sbom.py", root, stderr=None)
    judge = "import sys; from cyclonedx.schema import SchemaVersion as V; from cyclonedx.validation.json import JsonStrictValidator as J; e = J(V.V1_5).validate_str(sys.stdin.read()); print(e or ''); sys.exit(bool(e))"
    valid = tools.run(tools.program("python", "checkov"), "-c", judge, input=done.stdout)
    bill = json.loads(done.stdout) if done.returncode == 0 else {"components": []}
    kinds = [part["type"] for part in bill["components"]]
    licensed = all("licenses" in part for part in bill["components"] if part["type"] == "library")
    report.say(valid.returncode == 0 and licensed and kinds.count("file") >= 4,
               f"the bill of materials is CycloneDX 1.5: {kinds.count('library')} crates, each with a licence, and {kinds.count('file')} files with hashes", valid.stdout)


def inside(root, data, *words):
    """The words in the root, as the image runs them: another root, read-only but for /var/lib/domicile, nobody's user, no privilege."""
    script = ('mount --bind "$1" "$1" && mount --bind "$2" "$1/var/lib/domicile" && mount -o remount,ro,bind "$1" && root=$1 && shift 2 && '
              f'exec setpriv --no-new-privs chroot --userspec={UID}:{UID} "$root" "$@"')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(root), str(data), *words]


def run_in(report, root, folder):
    if os.geteuid() != 0 or not shutil.which("unshare") or tools.run("unshare", "--mount", "true").returncode:
        report.lacks("image-run", "running the program in the image's root needs root, unshare (util-linux) and leave to mount")
        return
    data = folder / "data"
    data.mkdir()
    done = tools.run(*inside(root, data, "/usr/bin/domicile", "--version"))
    report.say(done.returncode == 0 and done.stdout.startswith("domicile "), "the program runs in that root, read-only and as nobody", done.stdout)
    done = tools.run(*inside(root, data, "/bin/sh", "-c", "true"))
    report.say(done.returncode != 0, "there is no shell to run in it", done.stdout)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = tools.run(tools.program("python", "moto"), Path(__file__).with_name("door_files.py"), data, "/var/lib/domicile", port)
    if made.returncode:
        report.say(False, "files for a front door are made", made.stdout)
        return
    tools.run("chown", "-R", f"{UID}:{UID}", data)
    with open(folder / "log", "w+") as log:
        door = subprocess.Popen(inside(root, data, "/usr/bin/domicile", "front-door", "--config", "/var/lib/domicile/front-door.toml"), stdout=log, stderr=log)
        try:
            status = admin(port + 2, "/healthz", door)
            owner = [line.split()[1] for line in Path(f"/proc/{door.pid}/status").read_text().splitlines() if line.startswith(("Uid:", "CapEff:"))] if status else []
            report.say(status == 200 and owner == [UID, "0000000000000000"], "a front door starts in it, with no user's rights and no capability", f"status {status}, {owner}\n{(folder / 'log').read_text()}")
            ready = admin(port + 2, "/readyz", door)
            report.say(ready == 503, "without a directory it says that it is not ready: it has no default", f"status {ready}")
            door.send_signal(signal.SIGTERM)
            report.say(door.wait(STOP_LIMIT_SECONDS) == 0, "asked to stop, it stops in time and well", (folder / "log").read_text())
        finally:
            door.kill()


def admin(port, path, process):
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            time.sleep(0.1)
    return None


def keeper(report):
    """The image of backups and drills has PostgreSQL's programs of the server's major version, and is no role's."""
    stage = next(one for one in (DOCKER / "Dockerfile").read_text().split("\nFROM ") if one.startswith("postgres:"))
    wanted = re.search(r'default\s+= "(\d+)\.', (INFRA / "terraform/modules/postgres/variables.tf").read_text().split('variable "engine_version"')[1])[1]
    report.say(stage.startswith(f"postgres:{wanted}-") and f"\nUSER {UID}:{UID}\n" in stage, f"the keeper's image has the programs of PostgreSQL {wanted}, without root", stage)
    script = DOCKER / "restore-drill.sh"
    done = tools.run("sh", "-n", script)
    report.say(done.returncode == 0, "restore-drill.sh is a script that sh reads", done.stdout)
    drill(report, script)


def drill(report, script):
    """What the drill refuses before it starts anything: no backup, and one of last week."""
    with tempfile.TemporaryDirectory(prefix="domicile-drill-") as folder:
        backups, scratch = Path(folder) / "backups", Path(folder) / "scratch"
        backups.mkdir()
        scratch.mkdir()
        words = (script, DOCKER.parent / "k8s/overlays/in/migrate.toml", backups, scratch)
        done = tools.run(*words)
        report.say(done.returncode == 1 and "no backup" in done.stdout, "a restore drill without a backup fails", done.stdout)
        (backups / f"keystore-202601-{int((time.time() - 7 * 86400) * 1000)}.hcb").touch()
        done = tools.run(*words)
        report.say(done.returncode == 1 and "168 hours old" in done.stdout, "a restore drill with last week's backup fails: backups do not arrive", done.stdout)


def built(report):
    """The image's program comes from build.sh, which gives each machine's linker what it takes; the machine and its tools are pretended."""
    recipe = (DOCKER / "Dockerfile").read_text()
    report.say("infra/docker/build.sh" in recipe.split("\nFROM ")[1] and "cargo " not in recipe, "the image's program is built by build.sh alone", recipe)
    small = "-C link-arg=-Wl,-z,pack-relative-relocs -C link-arg=-Wl,--icf=all"
    shipped = "-C link-arg=-B/toolchain/lib/rustlib/its-host/bin/gcc-ld -C link-arg=-fuse-ld=lld"
    programs = {"uname": 'echo "$MACHINE"', "cc": 'exit "$REFUSES"', "cargo": 'echo "cargo $*"', "rustc": 'case $1 in -vV) echo "host: its-host" ;; *) echo /toolchain ;; esac'}
    machines = [("Linux x86_64", "1", small, "rustc's own linker is asked to link small"), ("Linux aarch64", "0", f"{shipped} {small}", "the linker that rustc ships is asked"),
                ("Linux aarch64", "1", "", "a linker that refuses is asked for nothing"), ("Darwin x86_64", "0", "", "another system's linker is asked for nothing")]
    with tempfile.TemporaryDirectory(prefix="domicile-build-") as folder:
        for name, line in programs.items():
            (Path(folder) / name).write_text(f"#!/bin/sh\n{line}\n")
            (Path(folder) / name).chmod(0o755)
        for machine, refuses, words, what in machines:
            done = tools.run(DOCKER / "build.sh", env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "MACHINE": machine, "REFUSES": refuses})
            wanted = f"cargo rustc --release --locked --package app --bin domicile -- {words}".strip()
            report.say(done.returncode == 0 and done.stdout.splitlines()[-1].strip() == wanted, f"build.sh on {machine}: {what}", done.stdout)


def weighed(report):
    """weigh.sh, which weighs the real image where an engine has built one, with an engine that pretends: it fails above the limit and at nothing."""
    script = DOCKER / "weigh.sh"
    limit = int(re.search(r"limit_bytes=(\d+)", script.read_text())[1])
    report.say(limit == IMAGE_MAX_BYTES, f"weigh.sh weighs against {IMAGE_MAX_BYTES / 1e6:.0f} MB", limit)
    with tempfile.TemporaryDirectory(prefix="domicile-weigh-") as folder:
        docker = Path(folder) / "docker"
        docker.write_text('#!/bin/sh\ncase $1 in create) echo id ;; export) head -c "$BYTES" /dev/zero ;; esac\n')
        docker.chmod(0o755)
        for size, good in ((IMAGE_MAX_BYTES, True), (IMAGE_MAX_BYTES + 1, False), (0, False)):
            done = tools.run(script, "domicile", env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "BYTES": str(size)})
            report.say((done.returncode == 0) == good and f"{size} bytes" in done.stdout, f"weigh.sh {'takes' if good else 'refuses'} {size} bytes", done.stdout)


def size(report):
    """A release build takes long, so it is measured where there is one."""
    program = Path(os.environ.get("DOMICILE_RELEASE", INFRA.parent / "target/release/domicile"))
    if not program.exists():
        report.lacks("image-size", f"no release build: infra/docker/build.sh, then {program} is measured against {IMAGE_MAX_BYTES / 1e6:.0f} MB")
        return
    with tempfile.TemporaryDirectory(prefix="domicile-image-") as folder:
        done = tools.run(DOCKER / "assemble.sh", program, Path(folder) / "root")
        total = sum(path.stat().st_size for path in (Path(folder) / "root").rglob("*") if path.is_file())
        report.say(done.returncode == 0 and total <= IMAGE_MAX_BYTES, f"the image with a release build takes {total / 1e6:.1f} MB of {IMAGE_MAX_BYTES / 1e6:.0f}", done.stdout)
