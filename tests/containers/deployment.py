"""A checkout of this repository, and what runs of it with Docker Compose: for image_test.py."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = TOP / "tests/containers/compose"
PROJECT = "poundcake-image-test"
NETWORK = f"{PROJECT}_default"
# Of which a container ends by itself.
ONCE = {"secrets", "migrate"}


def run(*words, **options):
    """The standard output of a command that must succeed."""
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)  # noqa: S603
    if done.returncode:
        raise AssertionError(
            f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
    return done.stdout


def eventually(what, seconds, look):
    """Waits until `look` returns something that is true; an exception counts as not yet."""
    until = time.monotonic() + seconds
    while True:
        try:
            seen = look()
            if seen:
                return seen
        except (OSError, ValueError, AssertionError) as error:
            seen = error
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {seen!r}")
        time.sleep(0.5)


def fetch(url, body=None, **headers):
    """Status and text of an HTTP answer; OSError if there is none."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def free_ports(count):
    """Ports that nothing listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Deployment:
    """The profile `demo`, started from a copy of what Git knows, with shorter waits and free ports."""

    def __init__(self, directory, environment, overlays=()):
        self.directory = directory
        files = ["docker-compose.yml", *overlays, TOP / "tests/containers/quick.yml"]
        self.files = [word for file in files for word in ("-f", file)]
        self.port, self.alertmanager_port, prometheus_port = free_ports(3)
        self.environment = (
            os.environ
            | environment
            | {
                "INGEST_PORT": str(self.port),
                "ALERTMANAGER_PORT": str(self.alertmanager_port),
                "PROMETHEUS_PORT": str(prometheus_port),
                "COMPOSE_PROJECT_NAME": PROJECT,
            }
        )

    def check_out(self):
        """A fresh clone: tracked and new files, no secrets, nothing built."""
        names = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=TOP).split("\0")
        for name in filter(None, names):
            source, target = TOP / name, self.directory / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
                target.chmod(source.stat().st_mode)

    def compose(self, *words):
        """`docker compose` in compose/ of the checkout."""
        return run(
            COMPOSE, *self.files, "--profile", "demo", *words, cwd=self.directory / "compose", env=self.environment
        )

    def containers(self, service):
        """The ids of a service's running containers."""
        return self.compose("ps", "-q", service).split()

    def inspect(self, container):
        """What the engine knows of a container."""
        return json.loads(run("docker", "inspect", container))[0]

    def secret(self, name):
        """A file of compose/secrets."""
        return (self.directory / "compose/secrets" / name).read_text().strip()

    def st2_url(self):
        """The stand-in's API, by its address on the network of the containers."""
        networks = self.inspect(self.containers("st2")[0])["NetworkSettings"]["Networks"]
        return f"http://{networks[NETWORK]['IPAddress']}:9101/v1"

    def unhealthy(self):
        """The services of which a container is not running and healthy."""
        rows = [json.loads(line) for line in self.compose("ps", "-a", "--format", "json").splitlines()]
        good = ("running", "healthy")
        bad = [row for row in rows if row["Service"] not in ONCE and (row["State"], row["Health"]) != good]
        bad += [row for row in rows if row["Service"] in ONCE and row["ExitCode"] != 0]
        return {row["Name"]: f"{row['State']} {row['Health']}" for row in bad}

    def webhook(self):
        """URL and token for webhooks, by way of the proxy."""
        return f"http://127.0.0.1:{self.port}/api/v1/webhook", self.secret("alertmanager_token")

    def kill(self, container):
        """kill -9, and a start at once."""
        run("docker", "restart", "-t", "0", container)

    def wait_healthy(self, container, seconds):
        """Waits until its health check succeeds."""

        def state():
            return self.inspect(container)["State"]["Health"]["Status"] == "healthy"

        eventually(f"{container} is healthy", seconds, state)

    def cut(self, container):
        """Takes a container off the network: its name no longer resolves, its connections get no packets."""
        run("docker", "network", "disconnect", NETWORK, container)

    def heal(self, container, service):
        """Puts it back, under its name."""
        run("docker", "network", "connect", "--alias", service, NETWORK, container)

    def logs(self):
        """The last lines of all containers."""
        return self.compose("logs", "--no-color", "--tail", "60")
