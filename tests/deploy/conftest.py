"""What the tests of deploy/ share: the chart, rendered by a real helm."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import helm as helm_program

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/poundcake"
# Every optional part on, and every optional Secret named.
EVERYTHING = Path(__file__).parent / "everything.yaml"
# What nobody can guess.
MINIMAL = {"settings": {"ST2_API_URL": "https://st2.example/api/v1"}}


class Chart:
    def __init__(self):
        self.program = helm_program.path()

    def run(self, *words):
        return subprocess.run([self.program, *words], capture_output=True, text=True, check=False)

    def render(self, *values, check=True):
        """What `helm template` makes of files (paths) and values (dicts), the later ones winning."""
        with tempfile.TemporaryDirectory() as directory:
            words = []
            for number, value in enumerate(values):
                if isinstance(value, dict):
                    path = Path(directory) / f"{number}.yaml"
                    path.write_text(yaml.safe_dump(value))
                    value = path
                words += ["--values", str(value)]
            done = self.run("template", "pc", str(CHART), "--namespace", "alerts", *words)
        assert not check or done.returncode == 0, done.stderr
        return done

    def objects(self, *values):
        """The same as objects, by (kind, name)."""
        documents = [document for document in yaml.safe_load_all(self.render(*values).stdout) if document]
        found = {(document["kind"], document["metadata"]["name"]): document for document in documents}
        assert len(found) == len(documents), "two objects of one name"
        return found


@pytest.fixture(scope="session")
def chart():
    return Chart()


def pods(objects):
    """(name, pod spec) of each workload."""
    return {
        name: document["spec"]["template"]["spec"]
        for (kind, name), document in objects.items()
        if kind in ("Deployment", "Job")
    }
