"""The release is built on the Debian that its package and its tarball are for, and only one job may write."""

import re
import subprocess

import pytest
import yaml

from conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
RELEASE = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
JOBS = RELEASE["jobs"]


def commands(job):
    """The lines that its steps run."""
    return [line.strip() for step in job["steps"] for line in step.get("run", "").splitlines()]


def test_make_dist_runs_in_the_debian_that_the_image_and_the_package_test_have():
    (builder,) = [job for job in JOBS.values() if "make dist" in commands(job)]
    assert builder["container"] == "debian:bookworm"
    bases = re.findall(r"^FROM debian:(\w+)", (ROOT / "compose/Dockerfile").read_text(), re.M)
    assert set(bases) == {"bookworm"}
    assert (
        "debootstrap --variant=minbase --include=ca-certificates bookworm "
        in (ROOT / "tests/deploy/package.sh").read_text()
    )


def test_everything_is_tested_before_it_is_built_and_published():
    (builder,) = [name for name, job in JOBS.items() if "make dist" in commands(job)]
    lines = commands(JOBS[builder])
    assert lines.index(".ci/run") < lines.index("make dist")
    (publisher,) = [name for name, job in JOBS.items() if any(line.startswith("gh release ") for line in commands(job))]
    assert JOBS[publisher]["needs"] == builder


def test_only_the_job_that_publishes_may_write_and_it_runs_nothing_of_the_checkout():
    writers = [name for name, job in JOBS.items() if "write" in job.get("permissions", {}).values()]
    assert RELEASE["permissions"] == {"contents": "read"} and writers == ["publish"]
    assert not any("checkout" in step.get("uses", "") for step in JOBS["publish"]["steps"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_the_workflows_run_exists(path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for line in commands(job):
            words = line.split()
            if words[:1] == ["make"]:
                assert set(words[1:]) <= targets, line
            elif words and words[0].startswith((".ci/", "tests/")):
                assert (ROOT / words[0]).is_file(), line


def test_no_file_is_tracked_that_git_is_told_to_ignore():
    tracked = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    done = subprocess.run(tracked, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""
