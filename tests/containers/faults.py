"""The faults of scale_test.py, drawn from a seed."""

import time

from deployment import run
from partition import Partition

NODES = [f"{kind}-{number}" for kind in ("mariadb", "rabbitmq") for number in (1, 2, 3)]
OURS = ["ingest", "dispatcher", "tracker"]
BOTH = ["INPUT", "OUTPUT"]


def kill_a_process(deployment, draw):
    """kill -9 of one of our processes."""
    container = draw.choice(deployment.containers(draw.choice(OURS)))
    deployment.kill(container)
    return deployment.inspect(container)["Name"]


def kill_a_node(deployment, draw):
    """kill -9 of a MariaDB or RabbitMQ node."""
    service = draw.choice(NODES)
    deployment.kill(deployment.containers(service)[0])
    return service


def cut_a_minority(deployment, draw):
    """One node is on its own; the other two go on."""
    service = draw.choice(NODES)
    return cut(deployment, [service], BOTH, draw)


def cut_one_way(deployment, draw):
    """One node is not heard, or hears nobody."""
    service = draw.choice(NODES)
    return cut(deployment, [service], [draw.choice(BOTH)], draw)


def cut_a_majority(deployment, draw):
    """Two of three nodes are on their own: nothing can be written, or nothing can be published."""
    kind = draw.choice(["mariadb", "rabbitmq"])
    services = draw.sample([f"{kind}-{number}" for number in (1, 2, 3)], 2)
    return cut(deployment, services, BOTH, draw)


def cut(deployment, services, directions, draw):
    containers = [deployment.containers(service)[0] for service in services]
    seconds = draw.randint(10, 25)
    with Partition(deployment, containers, directions):
        # The fault itself: nothing happens that could be waited for.
        time.sleep(seconds)
    return f"{' and '.join(services)}, {'+'.join(directions)}, {seconds} s"


def lose_a_disk(deployment, draw):
    """A MariaDB node comes back empty: the others give it all their data."""
    service = f"mariadb-{draw.randint(1, 3)}"
    container = deployment.containers(service)[0]
    run("docker", "kill", container)
    volume = next(m["Name"] for m in deployment.inspect(container)["Mounts"] if m["Destination"] == "/var/lib/mysql")
    empty = ["sh", "-c", "find /data -mindepth 1 -delete"]
    run("docker", "run", "--rm", "-v", f"{volume}:/data", "debian:bookworm-slim", *empty)
    run("docker", "start", container)
    return service


def change_replicas(deployment, draw):
    """More or fewer dispatchers and ingests."""
    service, count = draw.choice(["ingest", "dispatcher"]), draw.randint(1, 3)
    deployment.compose("up", "-d", "--no-deps", "--no-recreate", "--scale", f"{service}={count}", service)
    return f"{service}: {count}"


ALL = [kill_a_process, kill_a_node, cut_a_minority, cut_one_way, cut_a_majority, lose_a_disk, change_replicas]
