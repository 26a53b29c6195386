"""The systemd units: systemd takes them, they are hardened, and their settings exist."""

import re
import shutil
import subprocess

import pytest

from conftest import ROOT

SYSTEMD = ROOT / "deploy/systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
# `systemd-analyze security`: 0 is closed, 10 open. What remains: sockets, the network, and no list of addresses.
MOST_EXPOSURE = 2.0

needs_systemd_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is missing: the units are not checked"
)


@pytest.fixture(params=UNITS, ids=lambda unit: unit.name)
def unit(request, tmp_path):
    """A unit whose program exists here: systemd asks for that."""
    text = request.param.read_text()
    assert text.count("ExecStart=/usr/bin/poundcake ") == 1
    copy = tmp_path / request.param.name
    copy.write_text(text.replace("ExecStart=/usr/bin/poundcake ", "ExecStart=/bin/true "))
    return copy


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


@needs_systemd_analyze
def test_systemd_takes_the_unit(unit):
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd_analyze
def test_the_unit_is_hardened(unit):
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={int(MOST_EXPOSURE * 10)}", str(unit))
    assert done.returncode == 0, done.stdout + done.stderr
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout).group(1))
    assert exposure <= MOST_EXPOSURE


def hardening(unit):
    """From the comment to the end of the section."""
    text = unit.read_text()
    return text[text.index("# The same in every unit") :].partition("\n\n")[0].strip()


def test_the_hardening_is_the_same_in_every_unit():
    assert len(UNITS) == 5
    assert len({hardening(unit) for unit in UNITS}) == 1


def test_every_setting_of_poundcake_env_exists():
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)`", (ROOT / "docs/configuration.md").read_text(), re.M))
    used = set(re.findall(r"^#?([A-Z0-9_]+)=", (SYSTEMD / "poundcake.env").read_text(), re.M))
    assert len(used) > 7 and used <= documented
