"""The check of packs finds what it is there to find."""

import shutil
from pathlib import Path

import pytest

import packs

PACK = Path(__file__).resolve().parents[2] / "packs" / "poundcake"


def wrong(directory):
    read = [packs.Pack(directory), packs.Pack(packs.CORE)]
    return [f"{path.name}: {error}" for path, error in packs.check(read, packs.actions_of(read))]


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("pack.yaml", "version: 0.1.0", "version: '1'", "pack.yaml: version: '1' does not match"),
        ("pack.yaml", "version: 0.1.0", "version: 9.9.9", "CHANGES.md has no version 9.9.9"),
        ("actions/once.yaml", "default: cancel", "defaults: cancel", "Additional properties are not allowed"),
        (
            "actions/once.yaml",
            "when_second:",
            "whenever:",
            "act takes ['when_second'], the metadata declares ['whenever']",
        ),
        ("actions/once.yaml", "default: cancel", "default: 3", "default of when_second: 3 is not of type 'string'"),
        ("actions/history.yaml", "position: 0", "position: 1", "positions are [1], not 0, 1, 2"),
        ("actions/once.py", "def act", "def run", "one class with one method act is needed"),
        ("actions/once.yaml", "once.py", "twice.py", "entry_point twice.py is missing"),
        ("actions/workflows/host_down.yaml", "poundcake.once", "poundcake.twice", "there is no action poundcake.twice"),
        ("actions/workflows/host_down.yaml", "ctx(host)", "ctx(hots)", "ctx(hots) is set nowhere"),
        (
            "actions/workflows/host_down.yaml",
            "wait_until_cleared:",
            "wait:",
            "poundcake.alert_state has no parameter wait",
        ),
        ("actions/workflows/host_down.yaml", "  - severity\n", "", "input is"),
        (
            "actions/chains/restart_service.yaml",
            "on-success: act",
            "on-success: atc",
            "names: on-success names no node",
        ),
        (
            "actions/chains/restart_service.yaml",
            "{{ service }}",
            "{{ another }}",
            "another is neither a parameter nor a node",
        ),
        (
            "rules/host_down.yaml",
            "    control_host: bastion.example\n",
            "",
            "poundcake.host_down needs the parameter control_host",
        ),
        ("rules/host_down.yaml", "trigger.body.status", "body.status", "'body.status' does not match"),
        (
            "policies/host_down.yaml",
            "- fingerprint",
            "- fingerprints",
            "poundcake.host_down has no parameter fingerprints",
        ),
        ("aliases/replay.yaml", "{{ id }}", "{{ ids }}", "poundcake.replay has no parameter ids"),
        ("aliases/replay.yaml", "{{ id }}", "{{ dry_run }}", "cannot be given"),
        ("config.schema.yaml", "  secret: true\n", "", "token is not secret"),
        ("poundcake.yaml.example", "timeout: 30", "timeout: soon", "'soon' is not of type 'integer'"),
        ("actions/lib/http.py", None, b"", "http.py hides Python's own module http"),
        ("icon.png", None, b"GIF", "icon.png is not a PNG of 64 x 64"),
        ("LICENSE", "Apache License", "Other", "LICENSE is not the Apache licence"),
    ],
)
def test_a_fault_is_found(tmp_path, file, old, new, error):
    copy = tmp_path / "poundcake"
    shutil.copytree(PACK, copy, ignore=shutil.ignore_patterns("tests"))
    path = copy / file
    if old is None:
        path.write_bytes(new)
    else:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    found = wrong(copy)
    assert any(error in one for one in found), found


def test_the_pack_has_none():
    assert wrong(PACK) == []
