"""The image itself: what it is built from in the test, and what must be true of it."""

import pathlib
import shutil

from deployment import TOP, run

# Above the base image; a debug build of the test has more code than a release.
LARGEST = 120_000_000
PROGRAMS = ["poundcake", "st2-stand-in"]


def is_debian_12():
    """Whether programs that were built here run in the image."""
    text = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    return "ID=debian" in text and 'VERSION_ID="12"' in text


def build_arguments():
    """A debug build: what this machine has built, where that runs in the image; otherwise built in a container."""
    return {"BUILD_FROM": "prebuilt"} if is_debian_12() else {"BUILD_PROFILE": "dev"}


def stage_programs(directory):
    """Copies this machine's debug build to where the Dockerfile takes it from, symbols split off as in a release."""
    if not is_debian_12():
        return
    run("cargo", "build", "--locked", "--workspace", "--bins", cwd=TOP)
    target = directory / "target/image"
    target.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        shutil.copy2(TOP / "target/debug" / name, target / name)
        run(TOP / ".ci/split-symbols", target / name)


def check(deployment):
    """Size, labels, user, and what must not be in it."""
    container = deployment.inspect(deployment.containers("ingest")[0])
    image = deployment.inspect(container["Image"])
    base = deployment.inspect("debian:bookworm-slim")
    assert image["Size"] - base["Size"] < LARGEST, (image["Size"], base["Size"])
    labels = image["Config"]["Labels"]
    for name in ["title", "description", "licenses", "version", "revision"]:
        assert labels[f"org.opencontainers.image.{name}"], labels
    assert image["Config"]["User"] == "10001", image["Config"]
    host = container["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] and host["PidsLimit"], host
    tools = ["cargo", "rustc", "gcc", "cc", "ld", "make", "curl"]
    script = "".join(f"command -v {tool};" for tool in tools) + "true"
    found = run("docker", "run", "--rm", "--entrypoint", "sh", container["Image"], "-c", script)
    assert not found, found
