#!/usr/bin/env python3
"""Starts compose/ with cluster.yml, draws faults of nodes and processes from a seed under load, and compares both ends.

Usage: make scale [SEED=…] [FAULTS=14]   (needs a Docker engine, nsenter and iptables)
Ends with the throughput of 1, 2 and 3 ingests and dispatchers.
"""

import datetime
import os
import random
import time

import faults
from deployment import eventually, run
from fresh_clone import engine_is_missing, fresh_clone
from ledger import Load, balance, executions

STARTED = time.monotonic()
# An alert that is accepted while all is well, or was waiting when the last node came back, starts within this.
LATE = 30
# With quick.yml: a call that may have arrived is repeated after a lease (25 s) and a settle time (15 s).
UNCERTAIN = LATE + 25 + 15 + 8
BURST_SECONDS = 20


def say(text):
    print(f"scale: {time.monotonic() - STARTED:5.0f} s  {text}", flush=True)


def scale(deployment, replicas):
    counts = [word for service in ("ingest", "dispatcher") for word in ("--scale", f"{service}={replicas}")]
    deployment.compose("up", "-d", "--wait", *counts, "--scale", "tracker=2")


def one_fault(deployment, fault, draw):
    """The time from its start until everything is healthy again."""
    began = time.time()
    what = fault(deployment, draw)
    healed = time.time()
    eventually(f"everything is healthy after {what}", 300, lambda: not deployment.unhealthy())
    say(f"{fault.__name__}: {what}; healthy again {time.time() - healed:.0f} s later")
    return began, time.time()


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def lateness(api, load, windows):
    """How long each alert waited, less the time in which something was broken."""
    for each in executions(api, "core.echo"):
        accepted = load.moments.get(each["parameters"]["message"])
        if accepted is None:
            continue
        started, since = moment(each["start_timestamp"]), accepted
        for began, ended in windows:
            if since <= ended and began <= started:
                since = ended
        yield max(0, started - since)


def ledger(deployment, load, windows):
    api = deployment.st2_url()
    try:
        eventually("every alert ran exactly once", 300, lambda: balance(api, load.accepted) == ([], {}, []))
    finally:
        missing, several, unknown = balance(api, load.accepted)
        counts = f"{len(missing)} not run, {len(several)} run twice, {len(unknown)} unknown"
        say(f"ledger: {len(load.accepted)} accepted, {counts}")
    say(f"no answer: {load.unanswered}; answers: {dict(load.answers)}")
    late = sorted(lateness(api, load, windows))
    over = [round(wait) for wait in late if wait > LATE]
    median, longest = late[len(late) // 2], late[-1]
    say(f"waits outside of faults: median {median:.2f} s, longest {longest:.1f} s, {len(over)} over {LATE} s")
    assert longest < UNCERTAIN, over


def burst(deployment, replicas):
    """Alerts accepted, and run, per second; as long as any starts, the others wait for their turn."""
    scale(deployment, replicas)
    api = deployment.st2_url()
    before = len(executions(api, "core.echo"))
    began = time.time()
    with Load(*deployment.webhook(), per_second=10_000, workers=16, name=f"burst-{replicas}") as load:
        time.sleep(BURST_SECONDS)
    count, took = len(load.accepted), time.time() - began
    ran = executions(api, "core.echo")
    while len(ran) < before + count:
        known = len(ran)

        def started(known=known):
            ran = executions(api, "core.echo")
            return ran if len(ran) > known else []

        try:
            ran = eventually(f"another of {count} alerts starts, after {known - before}", LATE, started)
        except AssertionError:
            explain(deployment, load)
            raise
    last = max(moment(each["start_timestamp"]) for each in ran)
    say(f"{replicas} replicas: {count / took:.0f} alerts/s accepted, {count / (last - began):.0f} alerts/s run")


def explain(deployment, load):
    """Which alerts of a burst did not run, what PoundCake says of those, and where messages are."""
    started = {each["parameters"]["message"] for each in executions(deployment.st2_url(), "core.echo")}
    say(f"not run: {[instance for instance in load.accepted if instance not in started]}")
    for status in ("pending", "queued", "held", "dispatching", "failed"):
        command = f"poundcake alerts --dispatch-status {status} --output json || true"
        say(f"{status}: {deployment.compose('exec', '-T', 'dispatcher', 'sh', '-c', command)[:4000]}")
    columns = "name messages_ready messages_unacknowledged consumers leader online"
    say(deployment.compose("exec", "-T", "rabbitmq-1", "sh", "-c", f"rabbitmqctl list_queues {columns} || true"))
    for service in ("ingest", "dispatcher"):
        for container in deployment.containers(service):
            lines = run("sh", "-c", f"docker logs --tail 40 {container} 2>&1")
            say(f"{deployment.inspect(container)['Name']}:\n{lines}")


def node_is_synced(deployment):
    """What `doctor` says of the node that HAProxy leads to; its exit code is about more than that."""
    said = deployment.compose("exec", "-T", "dispatcher", "sh", "-c", "poundcake doctor || true")
    assert "the node is Synced, in a Primary component of 3 nodes" in said, said


def test(deployment, seed):
    draw = random.Random(seed)  # noqa: S311
    say(f"starting three nodes of each; SEED={seed}")
    deployment.compose(
        "up", "--build", "-d", "--wait", "--scale", "ingest=3", "--scale", "dispatcher=3", "--scale", "tracker=2"
    )
    node_is_synced(deployment)
    say("everything is healthy")
    # Each fault at least once, then some of them again.
    drawn = draw.sample(faults.ALL, len(faults.ALL))
    drawn += draw.choices(faults.ALL, k=max(0, int(os.environ.get("FAULTS", "14")) - len(drawn)))
    with Load(*deployment.webhook(), per_second=8) as load:
        eventually("the first alerts are accepted", 120, lambda: len(load.accepted) > 20)
        windows = [one_fault(deployment, fault, draw) for fault in drawn]
        recovered = len(load.accepted)
        eventually("alerts are accepted after the last fault", 60, lambda: len(load.accepted) > recovered + 20)
    assert all(answer == 202 or answer >= 500 for answer in load.answers), load.answers
    ledger(deployment, load, windows)
    for replicas in (1, 2, 3):
        burst(deployment, replicas)


if __name__ == "__main__":
    missing = engine_is_missing()
    if missing:
        print(f"scale: skipped: {missing}")
    else:
        with fresh_clone("cluster.yml") as fresh:
            test(fresh, int(os.environ.get("SEED") or random.randrange(10_000)))  # noqa: S311
        say("passed")
