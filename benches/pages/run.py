#!/usr/bin/env python3
"""How fast the operator page answers over a long history on MariaDB: `make bench-pages`.

    run.py PROGRAM

Fills the database of TEST_DATABASE_URL (`tests/services.sh run`) step by step up to ALERTS alerts (1,000,000) and a tenth as
many executions, spread over DAYS days (30). After each step it starts PROGRAM as `ingest`, asks for each page REPEATS times
(40), and prints the median, the 95th percentile and the slowest answer in milliseconds. The first answer of a page is shown
apart: nothing is kept in memory then. With FILLED=1 the database is measured as the last run left it.
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

PROGRAM = os.path.abspath(sys.argv[1])
ALERTS = int(os.environ.get("ALERTS", "1000000"))
DAYS = int(os.environ.get("DAYS", "30"))
REPEATS = int(os.environ.get("REPEATS", "40"))
SERVER = urllib.parse.urlparse(os.environ["TEST_DATABASE_URL"])
DATABASE = "poundcake_pages"
URL = SERVER._replace(path=f"/{DATABASE}").geturl()
CHUNK = 100_000

PAGES = {
    "Now": "/",
    "Alerts, last 24 h": "/alerts",
    "Alerts, all": "/alerts?range=all",
    "Alerts, failed": "/alerts?range=all&dispatch_status=failed",
    "Alerts, one name and severity": "/alerts?range=all&alert_name=HostDown&severity=critical",
    "Alerts, a name and a severity that never meet": "/alerts?range=all&alert_name=Alpha&severity=sigma",
    "Alerts, the same, last 24 h": "/alerts?range=24h&alert_name=Alpha&severity=sigma",
    "Alerts, one instance": "/alerts?range=all&instance=web-77.example.net",
    "One alert": "/alerts/ALERT",
    "Executions": "/executions",
    "Executions, failed": "/executions?range=all&status=failed",
    "Executions, a status that is rare": "/executions?range=all&status=abandoned",
    "Routes": "/routes",
    "Approvals": "/approvals",
    "Stats, 24 h": "/stats?range=24h",
    "Stats, 7 d": "/stats?range=7d",
    "Stats, 30 d": "/stats?range=30d",
    "Audit": "/audit",
    "Before a replay of all that failed": "/order?order=replay&which=filter&dispatch_status=failed",
}


def sql(text: str, database: str = DATABASE) -> str:
    command = ["mariadb", f"--host={SERVER.hostname}", f"--port={SERVER.port}", f"--user={SERVER.username}", "--batch"]
    environment = {**os.environ, "MYSQL_PWD": SERVER.password or ""}
    done = subprocess.run(
        [*command, "--skip-column-names", database], input=text, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def fill(first: int, last: int) -> None:
    """Alerts first..last of ALERTS: one webhook for five of them, one execution for ten."""
    seconds = DAYS * 86_400 / ALERTS
    at = f"NOW(6) - INTERVAL ({ALERTS} - n) * {seconds:.6f} SECOND"
    numbers = f"(SELECT seq AS n FROM seq_{first}_to_{last}) s"
    sql(f"""SET unique_checks = 0; SET foreign_key_checks = 0;
INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at)
  SELECT n DIV 5, CONCAT('01890a5d-ac96-774b-bcce-', LPAD(HEX(n DIV 5), 12, '0')), 'POST', '/api/v1/webhook', '{{}}',
  REPEAT('x', 1500), 202, {at} FROM {numbers} WHERE n MOD 5 = 0;
INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, annotations, created_at,
  updated_at, starts_at, status, dispatch_status, dispatch_reason, dispatch_target, dispatch_attempts, pending_at, attempted_at,
  dispatched_at, closed_at, dispatch_route, guard_target, started_at, first_started_at)
  SELECT n, GREATEST(n DIV 5, {first // 5 + 1}), LPAD(HEX(n MOD 40000), 16, '0'),
  CASE WHEN n MOD 20 = 1 THEN 'Alpha' WHEN n MOD 3 = 0 THEN 'HostDown' ELSE CONCAT('Alert', n MOD 50) END,
  CASE WHEN n MOD 20 = 2 THEN 'sigma' WHEN n MOD 7 = 0 THEN 'critical' ELSE 'warning' END,
  CONCAT('web-', n MOD 4000, '.example.net'), '{{"alertname":"HostDown","instance":"web-1.example.net"}}',
  '{{"summary":"a host does not answer"}}', {at}, {at}, {at}, IF(n MOD 2, 'firing', 'resolved'),
  CASE WHEN n MOD 10 = 0 THEN 'dispatched' WHEN n MOD 67 = 1 THEN 'failed' ELSE 'skipped' END,
  CASE WHEN n MOD 10 = 0 THEN NULL WHEN n MOD 67 = 1 THEN 'expired' WHEN n MOD 2 THEN 'repeat' ELSE 'resolved' END,
  IF(n MOD 10 = 0, 'action:remediation.host_down_workflow', NULL), IF(n MOD 10 = 0, 1, 0), {at},
  IF(n MOD 10 = 0, {at}, NULL), IF(n MOD 10 = 0, {at}, NULL), IF(n MOD 10 = 0, {at}, NULL),
  IF(n MOD 10 = 0, ELT(1 + n DIV 10 MOD 3, 'hosts', 'disks', 'nodes'), NULL),
  IF(n MOD 10 = 0, CONCAT('web-', n MOD 4000, '.example.net'), NULL), IF(n MOD 10 = 0, {at}, NULL), IF(n MOD 10 = 0, {at}, NULL)
  FROM {numbers};
INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at, fingerprint, route,
  guard_target, started_at, ended_at, end_status)
  SELECT CONCAT('01890a5d-ac96-774b-bcce-', LPAD(HEX(n DIV 5), 12, '0')), n, CONCAT('6b0264acac6a4b12', LPAD(HEX(n), 8, '0')),
  CONCAT('remediation.', ELT(1 + n DIV 10 MOD 3, 'host_down_workflow', 'disk_cleanup', 'node_drain')), {at},
  LPAD(HEX(n MOD 40000), 16, '0'), ELT(1 + n DIV 10 MOD 3, 'hosts', 'disks', 'nodes'), CONCAT('web-', n MOD 4000, '.example.net'),
  {at}, {at} + INTERVAL 40 SECOND, IF(n MOD 110 = 0, 'failed', 'succeeded') FROM {numbers} WHERE n MOD 10 = 0;
INSERT INTO execution_db (id, action, parameters, status, result, start_timestamp, end_timestamp, parent, context, tracking)
  SELECT CONCAT('6b0264acac6a4b12', LPAD(HEX(n), 8, '0')),
  CONCAT('remediation.', ELT(1 + n DIV 10 MOD 3, 'host_down_workflow', 'disk_cleanup', 'node_drain')), '{{"host":"web-1"}}',
  CASE WHEN n MOD 50000 = 0 THEN 'abandoned' WHEN n MOD 110 = 0 THEN 'failed' ELSE 'succeeded' END, '{{"output":"done"}}', {at},
  {at} + INTERVAL (5 + n MOD 90) SECOND, NULL, '{{}}', 'done' FROM {numbers} WHERE n MOD 10 = 0;""")


class Server:
    """`poundcake ingest` on a free port, with a log that is shown if it does not start."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = tempfile.NamedTemporaryFile()
        environment = {
            "DATABASE_URL": URL,
            "POUNDCAKE_LISTEN": f"127.0.0.1:{self.port}",
            "AMQP_URL": os.environ["TEST_AMQP_URL"],
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


def measure(alerts: int) -> None:
    server = Server()
    newest = sql("SELECT MAX(id) FROM poundcake_alerts WHERE dispatch_status = 'dispatched'").strip()
    print(
        f"\n### {alerts:,} alerts, {alerts // 10:,} executions\n\n| page | first | median | p95 | slowest |\n|---|--:|--:|--:|--:|"
    )
    for name, path in PAGES.items():
        path = path.replace("ALERT", newest)
        status, first, text = server.get(path)
        if status != 200:
            print(f"| {name} | {status}: {' '.join(re.findall(r'<p>([^<]+)', text)[:1])} | | | |", flush=True)
            continue
        times = sorted(server.get(path)[1] for _ in range(REPEATS))
        p95 = times[min(len(times) - 1, int(len(times) * 0.95))]
        print(f"| {name} | {first:.0f} | {statistics.median(times):.0f} | {p95:.0f} | {times[-1]:.0f} |", flush=True)
    server.stop()


def main() -> None:
    if os.environ.get("FILLED"):
        measure(int(sql("SELECT MAX(id) FROM poundcake_alerts")))
        return
    sql(f"DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}", "mysql")
    for command in (["migrate", "up"],):
        environment = {"DATABASE_URL": URL, "PATH": os.environ["PATH"]}
        subprocess.run([PROGRAM, *command], env=environment, check=True, stdout=subprocess.DEVNULL, cwd="/")
    filled = 0
    for step in (ALERTS // 10, ALERTS):
        begun = time.monotonic()
        while filled < step:
            last = min(filled + CHUNK, step)
            fill(filled + 1, last)
            filled = last
        sql("ANALYZE TABLE poundcake_alerts, poundcake_st2_execution_link, poundcake_api_calls, execution_db")
        print(f"\nfilled to {filled:,} in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        measure(filled)


main()
