"""Containers that lose packets: rules of iptables in a container's network namespace. Its address stays the same."""

import os

from deployment import run


class Partition:
    """Takes containers off the network; `directions` are INPUT, OUTPUT or both."""

    def __init__(self, deployment, containers, directions):
        self.pids = [deployment.inspect(container)["State"]["Pid"] for container in containers]
        self.directions = directions

    def __enter__(self):
        self.rules("-I")
        return self

    def __exit__(self, *_):
        self.rules("-D")

    def rules(self, change):
        as_root = [] if os.geteuid() == 0 else ["sudo"]
        for pid in self.pids:
            for direction in self.directions:
                interface = "-i" if direction == "INPUT" else "-o"
                rule = [change, direction, interface, "eth0", "-j", "DROP"]
                run(*as_root, "nsenter", "-t", pid, "-n", "iptables", "-w", *rule)
