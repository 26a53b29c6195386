#!/usr/bin/env python3
"""Starts compose/ with the profile `demo`, kills and cuts off its containers under load, and compares both ends.

Usage: make image-test   (needs a Docker engine; one run at a time on a machine)
"""

import json
import time

import image
from deployment import eventually, fetch, run
from fresh_clone import engine_is_missing, fresh_clone
from ledger import Load, balance, executions

# st2 is not among them: the stand-in keeps the executions, which the ledger is made of, in memory.
KILLED = ["ingest", "dispatcher", "tracker", "rabbitmq", "mariadb", "proxy", "alertmanager", "prometheus"]
CUT = ["rabbitmq", "st2"]
CUT_SECONDS = 15
STARTED = time.monotonic()


def say(text):
    print(f"image-test: {time.monotonic() - STARTED:5.0f} s  {text}", flush=True)


def one_alert(deployment):
    """The way of README.md: from Alertmanager to an execution."""
    labels = ["alertname=HostDown", "severity=critical", "instance=db-1"]
    amtool = [
        "amtool",
        "--alertmanager.url=http://127.0.0.1:9093",
        "alert",
        "add",
        *labels,
        "--annotation=summary=try it",
    ]
    deployment.compose("exec", "-T", "alertmanager", *amtool)

    def ran():
        return executions(deployment.st2_url(), "remediation.host_down_workflow")

    found = eventually("Alertmanager's alert runs", 180, ran)
    assert [each["parameters"]["instance"] for each in found] == ["db-1"], found


def kill_each(deployment):
    for service in KILLED:
        container = deployment.containers(service)[0]
        deployment.kill(container)
        say(f"killed and started {service}")
        deployment.wait_healthy(container, 300)


def cut_each(deployment):
    for service in CUT:
        container = deployment.containers(service)[0]
        deployment.cut(container)
        say(f"cut {service} off the network for {CUT_SECONDS} s")
        # The fault itself: nothing happens that could be waited for.
        time.sleep(CUT_SECONDS)
        deployment.heal(container, service)


def no_secret_is_a_variable(deployment):
    names = [path for path in (deployment.directory / "compose/secrets").rglob("*") if path.is_file()]
    secrets = {path.read_text().strip() for path in names if path.parent.name != "rabbitmq"}
    assert len(secrets) >= 8, secrets
    for container in deployment.compose("ps", "-q").split():
        config = deployment.inspect(container)["Config"]
        shown = " ".join(config["Env"] + (config["Cmd"] or []) + (config["Entrypoint"] or []))
        # The stand-in's key is public: it is the default of its command line.
        assert not [text for text in secrets - {"poundcake-demo-key"} if text in shown], config["Image"]


def every_service_is_limited(deployment):
    for overlay in ([], ["-f", "stackstorm.yml"], ["-f", "cluster.yml"]):
        text = deployment.compose(*overlay, "--profile", "grafana", "config", "--format", "json")
        for name, service in json.loads(text)["services"].items():
            assert service.get("mem_limit") and service.get("pids_limit"), name


def a_missing_stackstorm_is_said(deployment):
    """Without the profile `demo`, and without `.env`."""
    mount = f"{deployment.directory}/compose:/compose"
    script = "sh /compose/init-secrets.sh --in-compose 2>&1; echo code $?"
    said = run("docker", "run", "--rm", "-v", mount, "--entrypoint", "sh", "poundcake:local", "-c", script)
    assert "no StackStorm" in said and "--profile demo" in said and "code 1" in said, said


def stackstorm(deployment):
    """What can be run of stackstorm.yml without StackStorm's images: its files, and the vhost on our RabbitMQ."""
    overlay = ["-f", "stackstorm.yml"]
    deployment.compose(*overlay, "run", "--rm", "st2-secrets")
    deployment.compose(*overlay, "run", "--rm", "--no-deps", "st2-vhost")
    password = deployment.secret("stackstorm/rabbitmq_password")
    rabbitmqctl = ["exec", "-T", "rabbitmq", "rabbitmqctl", "--quiet"]
    deployment.compose(*rabbitmqctl, "authenticate_user", "stackstorm", password)
    assert "stackstorm" in deployment.compose(*rabbitmqctl, "list_permissions", "-p", "stackstorm")


def faults(deployment):
    with Load(*deployment.webhook(), per_second=12) as load:
        eventually("the first alerts are accepted", 120, lambda: len(load.accepted) > 20)
        kill_each(deployment)
        cut_each(deployment)
        recovered = len(load.accepted)
        eventually("alerts are accepted after the last fault", 180, lambda: len(load.accepted) > recovered + 20)
    # Alertmanager does not repeat a webhook that was refused.
    assert all(answer == 202 or answer >= 500 for answer in load.answers), load.answers
    say(f"{len(load.accepted)} alerts accepted; no answer: {load.unanswered}; answers: {dict(load.answers)}")
    return load.accepted


def test(deployment):
    say("starting two ingests and three dispatchers")
    deployment.compose("up", "--build", "-d", "--wait", "--scale", "ingest=2", "--scale", "dispatcher=3")
    assert not deployment.unhealthy(), deployment.unhealthy()
    assert len(deployment.containers("ingest")) == 2 and len(deployment.containers("dispatcher")) == 3
    say("everything is healthy")
    image.check(deployment)
    no_secret_is_a_variable(deployment)
    every_service_is_limited(deployment)
    a_missing_stackstorm_is_said(deployment)
    one_alert(deployment)
    say("an alert went through Alertmanager to its execution")
    accepted = faults(deployment)
    api = deployment.st2_url()
    try:
        eventually("every alert ran exactly once", 300, lambda: balance(api, accepted) == ([], {}, []))
    finally:
        missing, several, unknown = balance(api, accepted)
        counts = f"{len(missing)} not run, {len(several)} run twice, {len(unknown)} unknown"
        say(f"ledger: {len(accepted)} accepted, {counts}")
    eventually("everything is healthy again", 300, lambda: not deployment.unhealthy())
    stackstorm(deployment)
    token = deployment.secret("operator_token")
    status, _ = fetch(f"http://127.0.0.1:{deployment.port}/", Authorization=f"Bearer {token}")
    assert status == 200, status


if __name__ == "__main__":
    missing = engine_is_missing()
    if missing:
        print(f"image-test: skipped: {missing}")
    else:
        with fresh_clone() as fresh:
            test(fresh)
        say("passed")
