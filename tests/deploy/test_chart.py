"""The chart makes objects that Kubernetes takes, under the rules that it promises."""

import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml

from conftest import CHART, EVERYTHING, MINIMAL, ROOT, pods
from custom_kinds import KINDS

# Chart.yaml's kubeVersion, and the newest that the schemas know.
VERSIONS = ["1.27", kubernetes_validate.latest_version()]
VALUES = pytest.mark.parametrize("values", [MINIMAL, EVERYTHING], ids=["minimal", "everything"])


@VALUES
def test_helm_lint_finds_nothing(chart, values, tmp_path):
    if isinstance(values, dict):
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        values = tmp_path / "values.yaml"
    done = chart.run("lint", str(CHART), "--strict", "--values", str(values))
    assert done.returncode == 0 and "[WARNING]" not in done.stdout, done.stdout + done.stderr


@VALUES
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_has_the_schema_of_its_kind(chart, values, version):
    for (kind, name), document in chart.objects(values).items():
        schema = KINDS.get((document["apiVersion"], kind))
        if schema:
            jsonschema.validate(document, schema)
        else:
            kubernetes_validate.validate(document, version, strict=True)
        assert document["metadata"]["namespace"] == "alerts", name


@VALUES
def test_every_pod_is_restricted(chart, values):
    for name, pod in pods(chart.objects(values)).items():
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {"projected", "configMap", "emptyDir"}
        for container in pod["containers"]:
            own = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert container["securityContext"] == own, name


@VALUES
def test_secrets_are_files_and_no_variable_holds_one(chart, values):
    for name, pod in pods(chart.objects(values)).items():
        for container in pod["containers"]:
            assert "envFrom" not in container, name
            assert all(set(variable) == {"name", "value"} for variable in container["env"]), name
            assert not any("subPath" in mount for mount in container["volumeMounts"]), "a subPath is never updated"
            paths = [v["value"] for v in container["env"] if v["value"].startswith("/run/secrets/poundcake/")]
            sources = next(v for v in pod["volumes"] if v["name"] == "secrets")["projected"]["sources"]
            items = [item["path"] for source in sources for item in source["secret"]["items"]]
            assert sorted(paths) == sorted(f"/run/secrets/poundcake/{item}" for item in items), name


def test_the_migration_alone_has_the_rights_of_the_schema(chart):
    objects = chart.objects(MINIMAL)
    users = [name for name, pod in pods(objects).items() if "poundcake-migrate" in yaml.safe_dump(pod["volumes"])]
    assert users == ["pc-poundcake-migrate"]
    hook = objects["Job", "pc-poundcake-migrate"]
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    # The hook runs before the chart's own objects exist.
    assert hook["spec"]["template"]["spec"]["serviceAccountName"] == "default"
    secrets = [source["secret"]["name"] for source in hook["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"]]
    assert secrets == ["poundcake-migrate"]


def test_each_process_has_the_secrets_that_it_needs(chart):
    variables = {
        name: {variable["name"] for variable in pod["containers"][0]["env"]}
        for name, pod in pods(chart.objects(EVERYTHING)).items()
    }
    stackstorm = {"ST2_API_KEY_FILE", "ST2_PASSWORD_FILE"}
    assert stackstorm & variables["pc-poundcake-ingest"] == set()
    assert stackstorm < variables["pc-poundcake-dispatcher"] and stackstorm < variables["pc-poundcake-tracker"]
    tokens = {"POUNDCAKE_WEBHOOK_TOKENS_FILE", "POUNDCAKE_OPERATOR_TOKENS_FILE"}
    assert [name for name, own in variables.items() if tokens & own] == ["pc-poundcake-ingest"]
    assert "AMQP_URL_FILE" in variables["pc-poundcake-ingest"] and "AMQP_URL_FILE" not in variables["pc-poundcake-tracker"]


def test_selectors_find_their_own_pods_only(chart):
    objects = chart.objects(EVERYTHING)
    labels = {
        name: document["spec"]["template"]["metadata"]["labels"]
        for (kind, name), document in objects.items()
        if kind in ("Deployment", "Job")
    }
    for (kind, name), document in objects.items():
        spec = document["spec"] if "spec" in document else {}
        selector = {"Service": spec.get("selector"), "NetworkPolicy": spec.get("podSelector")}.get(kind, spec.get("selector"))
        if kind in ("Service", "NetworkPolicy", "Deployment", "PodDisruptionBudget"):
            wanted = selector.get("matchLabels", selector)
            found = [pod for pod, own in labels.items() if wanted.items() <= own.items()]
            assert found == [name], (kind, name)


def test_the_rules_are_the_repository_s_own_and_promtool_takes_them(chart, tmp_path):
    spec = chart.objects(EVERYTHING)["PrometheusRule", "pc-poundcake"]["spec"]
    assert spec == yaml.safe_load((ROOT / "compose/rules.yml").read_text())
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(spec))
    done = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_runbooks_are_where_the_values_say(chart):
    base = "https://docs.example/runbooks"
    rule = chart.objects(EVERYTHING, {"prometheusRule": {"runbooks": base}})["PrometheusRule", "pc-poundcake"]
    rules = [rule for group in rule["spec"]["groups"] for rule in group["rules"]]
    assert {r["annotations"]["runbook_url"] for r in rules} == {f"{base}/{r['alert']}.md" for r in rules}


def test_the_jobs_that_the_rules_name_are_the_jobs_that_are_scraped(chart):
    relabeling = chart.objects(EVERYTHING)["ServiceMonitor", "pc-poundcake"]["spec"]["endpoints"][0]["relabelings"]
    assert relabeling == [
        {
            "sourceLabels": ["__meta_kubernetes_service_label_app_kubernetes_io_component"],
            "targetLabel": "job",
            "replacement": "poundcake-$1",
        }
    ]
    scraped = yaml.safe_load((ROOT / "compose/prometheus.yml").read_text())["scrape_configs"]
    assert {"poundcake-ingest", "poundcake-dispatcher", "poundcake-tracker"} <= {job["job_name"] for job in scraped}
