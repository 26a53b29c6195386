"""deploy/kubernetes is what the chart renders, for people without Helm. `make deploy-render` writes it."""

import yaml

from conftest import ROOT, pods

VALUES = ROOT / "deploy/kubernetes/values.yaml"
RENDERED = ROOT / "deploy/kubernetes/poundcake.yaml"


def test_the_rendered_copy_is_the_chart_s_output(chart):
    words = ["--namespace", "poundcake", "--values", str(VALUES)]
    done = chart.run("template", "poundcake", str(ROOT / "deploy/helm/poundcake"), *words)
    assert done.returncode == 0, done.stderr
    assert RENDERED.read_text() == done.stdout, "run `make deploy-render`"


def test_the_rendered_copy_needs_no_helm(chart):
    documents = [document for document in yaml.safe_load_all(RENDERED.read_text()) if document]
    assert len(documents) > 8
    # kubectl knows no hooks, and a cluster need not have the custom kinds.
    assert "helm.sh/hook" not in RENDERED.read_text()
    assert {document["apiVersion"] for document in documents} <= {"v1", "apps/v1", "batch/v1", "policy/v1"}
    objects = {(document["kind"], document["metadata"]["name"]): document for document in documents}
    assert "poundcake-migrate" in pods(objects)
