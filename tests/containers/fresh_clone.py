"""A copy of the repository whose compose/ is started for a test and removed after it."""

import contextlib
import fcntl
import pathlib
import shutil
import sys
import tempfile

import image
from deployment import TOP, Deployment, run


def engine_is_missing():
    """Why no container can be run here, or None."""
    if not shutil.which("docker"):
        return "there is no docker"
    try:
        run("docker", "version")
    except AssertionError:
        return "no Docker engine answers"
    return None


@contextlib.contextmanager
def fresh_clone(*overlays):
    """A deployment that is not started yet; one at a time on a machine, for they share the images' names."""
    with open(pathlib.Path(tempfile.gettempdir()) / "poundcake-image-test.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(TOP / "tests/containers/images.sh")
        with tempfile.TemporaryDirectory() as directory:
            deployment = Deployment(pathlib.Path(directory), image.build_arguments(), overlays)
            deployment.check_out()
            image.stage_programs(deployment.directory)
            try:
                yield deployment
            except BaseException:
                print(deployment.logs(), file=sys.stderr)
                raise
            finally:
                deployment.compose("down", "-v", "--remove-orphans", "-t", "5")
