#!/usr/bin/env python3
"""How fast the operator page answers over a long history on MariaDB: `make bench-pages`.

    run.py PROGRAM

Fills the database of TEST_DATABASE_URL (`tests/services.sh run`) with ALERTS alerts (10,000,000) and a tenth as many
executions, spread over DAYS days (30); see fill.py. Then it starts PROGRAM as `ingest`, asks for each page REPEATS times (40), and
prints the median, the 95th percentile and the slowest answer in milliseconds. The first answer of a page is shown apart: the
program keeps nothing in memory then. With FILLED=1 the database is measured as the last run left it. ONLY=text measures the
pages whose name has the text. It ends with 1 if the 95th percentile of a page is over 100 ms.
"""

import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import fill

PROGRAM = os.path.abspath(sys.argv[1])
ALERTS = int(os.environ.get("ALERTS", "10000000"))
DAYS = int(os.environ.get("DAYS", "30"))
REPEATS = int(os.environ.get("REPEATS", "40"))
SERVER = urllib.parse.urlparse(os.environ["TEST_DATABASE_URL"])
DATABASE = "poundcake_pages"
URL = SERVER._replace(path=f"/{DATABASE}").geturl()
BOUND = 100
TOGETHER = "alert_name=HostDown&severity=critical"
NEVER = "alert_name=Alpha&severity=sigma"

# Words in capitals are replaced by what `samples` finds.
PAGES = {
    "Now": "/",
    "Alerts, last 24 h": "/alerts",
    "Alerts, last hour": "/alerts?range=1h",
    "Alerts, all": "/alerts?range=all",
    "Alerts, all, the next page": "/alerts?range=all&next=NEXT",
    "Alerts, all, far back": "/alerts?range=all&next=FAR",
    "Alerts, failed": "/alerts?range=all&dispatch_status=failed",
    "Alerts, skipped": "/alerts?range=all&dispatch_status=skipped",
    "Alerts, held": "/alerts?range=all&dispatch_status=held",
    "Alerts, held by approval": "/alerts?range=all&dispatch_status=held&reason=approval",
    "Alerts, one reason": "/alerts?range=all&reason=rejected",
    "Alerts, one name": "/alerts?range=all&alert_name=HostDown",
    "Alerts, no such name": "/alerts?range=all&alert_name=NoSuchName",
    "Alerts, one severity": "/alerts?range=all&severity=sigma",
    "Alerts, one instance": "/alerts?range=all&instance=web-77.example.net",
    "Alerts, one target": "/alerts?range=all&target=action:remediation.host_down_workflow",
    "Alerts, one route": "/alerts?range=all&route=hosts",
    "Alerts, no such route": "/alerts?range=all&route=nowhere",
    "Alerts, firing": "/alerts?range=all&status=firing",
    "Alerts, one fingerprint": "/alerts?range=all&fingerprint=FINGERPRINT",
    "Alerts, a fingerprint of 20,000 alerts": "/alerts?range=all&fingerprint=BUSY",
    "Alerts, one request": "/alerts?request_id=REQUEST",
    "Alerts, one name and instance": "/alerts?range=all&alert_name=HostDown&instance=web-77.example.net",
    "Alerts, one name and severity": f"/alerts?range=all&{TOGETHER}",
    "Alerts, a name and a severity that never meet": f"/alerts?range=all&{NEVER}",
    "Alerts, the same, last 24 h": f"/alerts?range=24h&{NEVER}",
    "Alerts, a time long ago": "/alerts?from=LONG_AGO&to=LATER",
    "Alerts, failed, of a name, a time long ago": "/alerts?dispatch_status=failed&alert_name=HostDown&from=LONG_AGO&to=LATER",
    "Search for a name": "/alerts?q=HostDown",
    "Search for an instance": "/alerts?q=web-77.example.net",
    "Search for both": "/alerts?q=HostDown+web-77.example.net",
    "One alert": "/alerts/ALERT",
    "One alert with 20,000 repeats, 20 generations": f"/alerts/{fill.BUSY}",
    "One alert that repeats": "/alerts/REPEAT",
    "One alert that is held": "/alerts/HELD",
    "One request": "/requests/REQUEST",
    "Executions": "/executions",
    "Executions, all": "/executions?range=all",
    "Executions, one action": "/executions?range=all&action=remediation.disk_cleanup",
    "Executions, failed": "/executions?range=all&status=failed",
    "Executions, a status that is rare": "/executions?range=all&status=abandoned",
    "Executions, a status that none has": "/executions?range=all&status=timeout",
    "Executions, of one alert": "/executions?alert_id=ALERT",
    "Executions, of one request": "/executions?request_id=REQUEST",
    "One execution": "/executions/EXECUTION",
    "Routes": "/routes",
    "Approvals": "/approvals",
    "Stats, 24 h": "/stats?range=24h",
    "Stats, 7 d": "/stats?range=7d",
    "Stats, 30 d": "/stats?range=30d",
    "Doctor": "/doctor",
    "Audit": "/audit",
    "Audit, one person": "/audit?operator=operator-7",
    "Audit, nobody": "/audit?operator=nobody",
    "Before a pause": "/pause",
    "Before a replay of one alert": "/order?order=replay&which=ids&id=ALERT",
    "Before a replay of all that failed": "/order?order=replay&which=filter&dispatch_status=failed",
    "Before a replay of what failed, last hour": "/order?order=replay&which=filter&dispatch_status=failed&from=HOUR_AGO",
    "Before a discard of all of one name": "/order?order=discard&which=filter&alert_name=HostDown",
    "Before a release of all of one route": "/order?order=release&which=filter&route=hosts&dispatch_status=held",
    "API: alerts": "/api/v1/alerts",
    "API: alerts, failed": "/api/v1/alerts?dispatch_status=failed",
    "API: requests": "/api/v1/requests",
    "API: executions": "/api/v1/executions",
    "API: stats": "/api/v1/stats",
    "API: guards": "/api/v1/guards",
    "API: orders": "/api/v1/orders",
}
ROUTES = """
guards: {max_in_flight: 100}
routes:
  - {name: hosts, match: 'alertname="HostDown"', action: remediation.host_down_workflow, guards: {max_in_flight: 20,
    rate: [600/h], per_target: {label: instance, rate: [3/h]}, brake: {above: 200, within: 10m}}}
  - {name: disks, match: 'alertname=~"Alert.*"', action: remediation.disk_cleanup, guards: {max_in_flight: 20, rate: [600/h]}}
  - {name: nodes, match: 'alertname="Alpha"', action: remediation.node_drain, mode: approve, guards: {max_in_flight: 20}}
"""


def sql(text: str, database: str = DATABASE) -> str:
    command = ["mariadb", f"--host={SERVER.hostname}", f"--port={SERVER.port}", f"--user={SERVER.username}", "--batch", "--raw"]
    environment = {**os.environ, "MYSQL_PWD": SERVER.password or ""}
    done = subprocess.run(
        [*command, "--skip-column-names", database], input=text, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


class Server:
    """`poundcake ingest` on a free port, with a log that is shown if it does not start."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = tempfile.NamedTemporaryFile()
        self.routes = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.routes.write(ROUTES)
        self.routes.flush()
        environment = {
            "DATABASE_URL": URL,
            "POUNDCAKE_LISTEN": f"127.0.0.1:{self.port}",
            "AMQP_URL": os.environ["TEST_AMQP_URL"],
            "POUNDCAKE_ROUTES": self.routes.name,
        }
        self.process = subprocess.Popen(
            [PROGRAM, "ingest"], env={"PATH": os.environ["PATH"], **environment}, stderr=self.log, cwd="/"
        )
        for _ in range(600):
            time.sleep(0.1)
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
        raise SystemExit(open(self.log.name).read())

    def get(self, path: str) -> tuple[int, float, str]:
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, (time.perf_counter() - begun) * 1000, text

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def samples(server: Server) -> dict[str, str]:
    """What stands for the words in capitals."""

    def one(select: str) -> str:
        return sql(f"SELECT {select} LIMIT 1").strip()

    def next_of(path: str) -> str:
        return re.search(r"next=([^\"&]+)", server.get(path)[2]).group(1)

    newest = one("id FROM poundcake_alerts FORCE INDEX (PRIMARY) WHERE dispatch_status = 'dispatched' ORDER BY id DESC")

    def ago(hours: int) -> str:
        return one(f"DATE_FORMAT(UTC_TIMESTAMP() - INTERVAL {hours} HOUR, '%Y-%m-%dT%H:%i:00Z')")

    return {
        "ALERT": newest,
        "FINGERPRINT": one(f"fingerprint FROM poundcake_alerts WHERE id = {newest}"),
        "BUSY": one(f"fingerprint FROM poundcake_alerts WHERE id = {fill.BUSY}"),
        "REPEAT": one("id FROM poundcake_alerts FORCE INDEX (PRIMARY) WHERE dispatch_reason = 'repeat' ORDER BY id DESC"),
        "HELD": one("id FROM poundcake_alerts WHERE dispatch_status = 'held' AND dispatch_reason = 'in_flight'"),
        "REQUEST": one(f"request_id FROM poundcake_st2_execution_link WHERE alert_id = {newest}"),
        "EXECUTION": one("parent FROM execution_db WHERE parent IS NOT NULL"),
        "LONG_AGO": ago(DAYS * 12),
        "LATER": ago(DAYS * 12 - 1),
        "HOUR_AGO": ago(1),
        "NEXT": next_of("/alerts?range=all"),
        "FAR": next_of(f"/alerts?from={ago(DAYS * 24)}&to={ago(DAYS * 20)}"),
    }


def measure() -> bool:
    """Prints a row for each page; whether all are fast."""
    alerts = int(sql("SELECT MAX(id) FROM poundcake_alerts"))
    server = Server()
    words = samples(server)
    # After its start the program reads the counters of the last month; whoever asks for them earlier waits.
    begun = time.monotonic()
    server.get("/stats?range=30d")
    print(f"statistics of 30 d were read {time.monotonic() - begun:.1f} s after the start", file=sys.stderr)
    print(f"\n### {alerts:,} alerts, {alerts // 10:,} executions\n\n| page | first | median | p95 | slowest |\n|---|--:|--:|--:|--:|")
    fast = True
    for name, path in PAGES.items():
        if os.environ.get("ONLY", "") not in name:
            continue
        path = re.sub(r"\b[A-Z_]{3,}\b", lambda word: words.get(word.group(), word.group()), path)
        status, first, text = server.get(path)
        if status not in (200, 303):
            print(f"| {name} | {status}: {' '.join(re.findall(r'<p>([^<]+)', text)[:1])} | | | |", flush=True)
            fast = False
            continue
        times = sorted(server.get(path)[1] for _ in range(REPEATS))
        p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
        print(f"| {name} | {first:.0f} | {statistics.median(times):.0f} | {p95:.0f} | {times[-1]:.0f} |", flush=True)
        fast = fast and p95 <= BOUND
    server.stop()
    return fast


def main() -> None:
    if not os.environ.get("FILLED"):
        sql(f"DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}", "mysql")
        environment = {"DATABASE_URL": URL, "PATH": os.environ["PATH"]}
        subprocess.run([PROGRAM, "migrate", "up"], env=environment, check=True, stdout=subprocess.DEVNULL, cwd="/")
        fill.fill(sql, ALERTS, DAYS)
    fill.catch_up(sql, ALERTS, DAYS)
    if not measure():
        raise SystemExit(f"a page is over {BOUND} ms at the 95th percentile, or gave an error")


main()
