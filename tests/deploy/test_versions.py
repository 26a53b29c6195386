"""Crate, image, chart, rendered copy and tag have one version."""

import re
import subprocess

import yaml

from conftest import CHART, ROOT

VERSION = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M).group(1)


def test_the_chart_has_the_crate_s_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (str(chart["version"]), str(chart["appVersion"])) == (VERSION, VERSION)


def test_the_debian_package_s_changelog_begins_with_this_version():
    assert (ROOT / "deploy/debian/changelog").read_text().startswith(f"poundcake ({VERSION}-1) ")


def test_the_rendered_copy_runs_the_image_of_this_version():
    images = re.findall(r"^\s+image: (\S+)$", (ROOT / "deploy/kubernetes/poundcake.yaml").read_text(), re.M)
    assert set(images) == {f"poundcake:{VERSION}"} and len(images) == 4


def test_a_label_of_the_image_that_names_a_version_names_this_one():
    dockerfile = (ROOT / "compose/Dockerfile").read_text()
    named = re.findall(r"org\.opencontainers\.image\.version=\"?([^\"\s]+)", dockerfile)
    assert set(named) <= {VERSION} or all("$" in name for name in named), named


def test_a_tag_on_this_commit_is_this_version():
    done = subprocess.run(["git", "tag", "--points-at", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    tags = [tag for tag in done.stdout.split() if re.fullmatch(r"v\d.*", tag)]
    assert tags in ([], [f"v{VERSION}"])
    # The release's own check, before it builds anything.
    assert '= "$GITHUB_REF_NAME"' in (ROOT / ".github/workflows/release.yml").read_text()


def test_the_changelog_ends_a_version_with_a_heading():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "Unreleased" and headings[1:2] in ([], [VERSION])
