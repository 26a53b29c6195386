"""A long history for `run.py`, written in the order of the primary keys; the other indexes are built at the end, all at once.

One webhook for five alerts. Of ten alerts one is dispatched and has one execution; the others repeat it, end it, or failed.
Some of the newest are held or queued. One alert has very many repeats, generations and executions, and there are orders. StackStorm
has deleted one execution in 2,000, and one in 100,000 never ends.
"""

import re
import sys
import time
from collections.abc import Callable

CHUNK = 1_000_000
# Opens an episode that one alert in 500 repeats.
BUSY = 10
ORDERS = 10_000
TABLES = ("poundcake_api_calls", "poundcake_alerts", "poundcake_st2_execution_link", "execution_db")

# About 600 bytes of labels and annotations, as in the other benchmark.
SETUP = """SET NAMES utf8mb4; SET unique_checks = 0, foreign_key_checks = 0, check_constraint_checks = 0;
SET @now = UTC_TIMESTAMP(6), @step = {step}, @begin = TIMESTAMP'{begin}',
  @labels = CONCAT('{{"alertname":"HostDown","instance":"web-1.example.net","padding":"', REPEAT('l', 380), '"}}'),
  @annotations = CONCAT('{{"summary":"a host does not answer","description":"', REPEAT('a', 100), '"}}'),
  @body = REPEAT('x', 1500);
"""
# LIMIT: without it MariaDB would compute the time again in each column.
NUMBERS = """(SELECT seq AS n, @begin + INTERVAL seq * @step MICROSECOND AS at, GREATEST(seq DIV 10 * 10, 10) AS opener,
  CASE WHEN seq MOD 10 = 0 THEN 'd' WHEN seq MOD 67 = 1 THEN 'f' WHEN seq > {alerts} - 20000 AND seq MOD 50 = 5 THEN 'h'
    WHEN seq > {alerts} - 20000 AND seq MOD 1000 = 9 THEN 'q' WHEN seq MOD 2 THEN 'r' ELSE 'e' END AS kind,
  CONCAT('web-', seq MOD 4000, '.example.net') AS host, ELT(1 + seq DIV 10 MOD 3, 'hosts', 'disks', 'nodes') AS route,
  LEFT(MD5(IF(seq MOD 500 = 3, {busy}, seq) DIV 10 MOD 40000), 16) AS fingerprint
  FROM seq_{first}_to_{last} WHERE {where} LIMIT 1000000000) s"""

CALLS = """INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at)
SELECT n DIV 5, CONCAT('01890a5d-ac96-774b-bcce-', LPAD(HEX(n DIV 5), 12, '0')), 'POST', '/api/v1/webhook', '{{}}', @body, 202, at
FROM {numbers}"""

ALERTS = """INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, alert_name, severity, instance, labels, annotations,
  created_at, updated_at, starts_at, status, opened_by, closed_at, dispatch_status, dispatch_reason, dispatch_target,
  dispatch_attempts, pending_at, attempted_at, next_attempt_at, dispatched_at, dispatch_route, guard_target, started_at,
  first_started_at)
SELECT n, GREATEST(n DIV 5, 1), fingerprint,
  CASE WHEN n MOD 20 = 1 THEN 'Alpha' WHEN n MOD 3 = 0 THEN 'HostDown' ELSE CONCAT('Alert', n MOD 50) END,
  CASE WHEN n MOD 20 = 2 THEN 'sigma' WHEN n MOD 7 = 0 THEN 'critical' ELSE 'warning' END,
  host, @labels, @annotations, at, at, at, IF(kind = 'e', 'resolved', 'firing'),
  CASE WHEN kind NOT IN ('r', 'e') THEN NULL WHEN n MOD 500 = 3 THEN {busy} ELSE opener END, IF(kind = 'd', at, NULL),
  CASE kind WHEN 'd' THEN 'dispatched' WHEN 'f' THEN 'failed' WHEN 'h' THEN 'held' WHEN 'q' THEN 'queued' ELSE 'skipped' END,
  CASE kind WHEN 'f' THEN IF(n MOD 2, 'expired', 'rejected') WHEN 'h' THEN IF(n MOD 100 = 5, 'approval', 'in_flight')
    WHEN 'r' THEN 'repeat' WHEN 'e' THEN 'resolved' END,
  IF(kind = 'd', 'action:remediation.host_down_workflow', NULL), IF(kind = 'd', 1, 0), at, IF(kind = 'd', at, NULL),
  IF(kind IN ('h', 'q'), @now + INTERVAL 1 DAY, NULL), IF(kind = 'd', at, NULL), IF(kind IN ('d', 'f', 'h'), route, NULL),
  IF(kind IN ('d', 'h'), host, NULL), IF(kind = 'd', at, NULL), IF(kind = 'd', at, NULL)
FROM {numbers}"""

LINKS = """INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at, fingerprint,
  route, guard_target, started_at, ended_at, end_status)
SELECT CONCAT('01890a5d-ac96-774b-bcce-', LPAD(HEX(n DIV 5), 12, '0')), n, CONCAT('6b0264acac6a4b12', LPAD(HEX(n), 8, '0')),
  CONCAT('remediation.', ELT(1 + n DIV 10 MOD 3, 'host_down_workflow', 'disk_cleanup', 'node_drain')), at, fingerprint, route, host,
  at, at + INTERVAL 40 SECOND, IF(n MOD 110 = 0, 'failed', 'succeeded')
FROM {numbers}"""

EXECUTIONS = """INSERT INTO execution_db (id, action, parameters, status, result, start_timestamp, end_timestamp, parent, context,
  tracking)
SELECT CONCAT('6b0264acac6a4b12', LPAD(HEX(n), 8, '0')),
  CONCAT('remediation.', ELT(1 + n DIV 10 MOD 3, 'host_down_workflow', 'disk_cleanup', 'node_drain')), '{{"host":"web-1"}}',
  CASE WHEN n MOD 20000 = 10 THEN NULL WHEN n MOD 1000000 = 20 THEN 'running' WHEN n MOD 50000 = 0 THEN 'abandoned' WHEN n MOD 110 = 0 THEN 'failed' ELSE 'succeeded' END, '{{"output":"done"}}', at,
  IF(n MOD 1000000 = 20, NULL, at + INTERVAL (5 + n MOD 90) SECOND), NULL, '{{}}',
  CASE WHEN n MOD 20000 = 10 THEN 'gone' WHEN n MOD 1000000 = 20 THEN 'overdue' ELSE 'done' END
FROM {numbers}"""

# Twenty generations of one alert, twenty tasks of each fiftieth execution of today, and a long audit log.
EXTRAS = """SET foreign_key_checks = 0;
UPDATE poundcake_alerts SET dispatch_generation = 20, dispatch_log = (SELECT CONCAT('[', GROUP_CONCAT(CONCAT(
  '{{"at":"2026-11-01T00:00:', LPAD(seq, 2, '0'), 'Z","event":"replayed","by":"ann","reason":"again"}}')), ']') FROM seq_1_to_20)
  WHERE id = {busy};
INSERT INTO poundcake_st2_execution_link (request_id, alert_id, st2_execution_id, st2_action_ref, created_at, fingerprint)
  SELECT l.request_id, {busy}, CONCAT('6b0264acac6a4b12', LPAD(HEX({busy} + 10 * seq), 8, '0')), l.st2_action_ref, l.created_at,
  l.fingerprint FROM seq_1_to_20, poundcake_st2_execution_link l WHERE l.alert_id = {busy};
INSERT INTO execution_db (id, action, status, start_timestamp, end_timestamp, parent, tracking)
  SELECT CONCAT('7', RIGHT(e.id, 17), LPAD(seq, 6, '0')), 'core.remote', 'succeeded', e.start_timestamp, e.end_timestamp, e.id, 'done'
  FROM seq_1_to_20 CROSS JOIN (SELECT id, start_timestamp, end_timestamp FROM execution_db
  WHERE start_timestamp > UTC_TIMESTAMP(6) - INTERVAL 1 DAY AND CONV(RIGHT(id, 8), 16, 10) MOD 500 = 0) e;
INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at, operator, ordered_at, result)
  SELECT {alerts} + seq, UUID(), 'POST', '/api/v1/replays', '{{}}',
  '{{"filter":{{"dispatch_status":"failed"}},"reason":"the network is back"}}', 200, at, CONCAT('operator-', seq MOD 20), at,
  '{{"matched":3,"replayed":3}}' FROM (SELECT seq, UTC_TIMESTAMP(6) - INTERVAL ({orders} - seq) * 250 SECOND AS at
  FROM seq_1_to_{orders} LIMIT 1000000000) s;"""


def fill(sql: Callable[[str], str], alerts: int, days: int) -> None:
    """Fills the empty tables of a migrated database."""
    begun = time.monotonic()
    begin = sql(f"SELECT UTC_TIMESTAMP(6) - INTERVAL {days} DAY").strip()
    built = {table: drop_keys(sql, table) for table in TABLES}
    for first in range(1, alerts + 1, CHUNK):
        last = min(first + CHUNK - 1, alerts)
        insert(sql, alerts, days, begin, first, last)
        say(begun, f"{last:,} alerts")
    for table, keys in built.items():
        sql(f"SET foreign_key_checks = 0, unique_checks = 0; ALTER TABLE {table} " + ", ".join(f"ADD {key}" for key in keys))
        say(begun, f"indexes of {table}")
    sql(EXTRAS.format(alerts=alerts, busy=BUSY, orders=ORDERS))
    sql(f"ANALYZE TABLE {', '.join(TABLES)}")
    say(begun, "filled")


def catch_up(sql: Callable[[str], str], alerts: int, days: int) -> None:
    """Adds what would have come since the newest alert: filling takes time, and the pages show the last hour."""
    step = days * 86_400_000_000 // alerts
    newest, begin, missing = sql(
        f"SELECT id, created_at - INTERVAL id * {step} MICROSECOND, TIMESTAMPDIFF(MICROSECOND, created_at, UTC_TIMESTAMP(6)) DIV {step} "
        "FROM poundcake_alerts ORDER BY id DESC LIMIT 1"
    ).strip().split("\t")
    if int(missing) > 0:
        insert(sql, alerts, days, begin, int(newest) + 1, int(newest) + int(missing))


def insert(sql: Callable[[str], str], alerts: int, days: int, begin: str, first: int, last: int) -> None:
    """The alerts of these numbers, and what belongs to them."""
    setup = SETUP.format(step=days * 86_400_000_000 // alerts, begin=begin)
    for text, where in ((CALLS, "seq MOD 5 = 0"), (ALERTS, "1"), (LINKS, "seq MOD 10 = 0"), (EXECUTIONS, "seq MOD 10 = 0")):
        numbers = NUMBERS.format(alerts=alerts, busy=BUSY, first=first, last=last, where=where)
        sql(setup + text.format(numbers=numbers, busy=BUSY))


def drop_keys(sql: Callable[[str], str], table: str) -> list[str]:
    """Drops the indexes that no foreign key needs; how they were defined."""
    table_text = sql(f"SHOW CREATE TABLE {table}")
    needed = set(re.findall(r"FOREIGN KEY \((`\w+`)\)", table_text))
    keys = re.findall(r"^\s+((?:UNIQUE )?KEY (`\w+`) \((`\w+`).*?\))", table_text, re.MULTILINE)
    dropped = [(text, name) for text, name, column in keys if column not in needed]
    sql(f"ALTER TABLE {table} " + ", ".join(f"DROP INDEX {name}" for _, name in dropped))
    return [text for text, _ in dropped]


def say(begun: float, what: str) -> None:
    print(f"{time.monotonic() - begun:6.0f} s: {what}", file=sys.stderr, flush=True)
