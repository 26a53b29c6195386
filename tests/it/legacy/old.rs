//! Old databases: the columns as its models declared them, and rows as it and its operators left them.

use crate::harness::TestDatabase;

/// With the extension tables: no link table yet, latin1, no foreign keys, hardly a constraint.
pub fn with_extensions() -> TestDatabase {
    let database = TestDatabase::mariadb();
    create_with_extensions(&database);
    database
}

pub fn create_with_extensions(database: &TestDatabase) {
    for statement in [
        "CREATE TABLE poundcake_api_calls (id INT AUTO_INCREMENT PRIMARY KEY, request_id VARCHAR(36) UNIQUE, method VARCHAR(10), \
         path VARCHAR(500), headers TEXT, query_params TEXT, body LONGTEXT, client_host VARCHAR(100), status_code INT, \
         created_at TIMESTAMP NULL, completed_at DATETIME) CHARSET latin1",
        "CREATE TABLE poundcake_alerts (id INT AUTO_INCREMENT PRIMARY KEY, api_call_id INT, fingerprint VARCHAR(64) NOT NULL UNIQUE, \
         status VARCHAR(20), alert_name VARCHAR(300), severity VARCHAR(100), instance VARCHAR(300), labels TEXT, annotations TEXT, \
         raw_data TEXT, starts_at DATETIME, ends_at VARCHAR(40), st2_rule_matched VARCHAR(200), \
         processing_status VARCHAR(50), error_message TEXT, created_at DATETIME, updated_at DATETIME) CHARSET latin1",
        "CREATE TABLE poundcake_st2_execution_extensions (id INT AUTO_INCREMENT PRIMARY KEY, request_id VARCHAR(36), alert_id INT, \
         st2_execution_id VARCHAR(100), step_order INT, expected_result TEXT, result_matched TINYINT(1), created_at DATETIME) \
         CHARSET utf8mb4",
        "CREATE TABLE custom_action_buckets (id INT PRIMARY KEY, name VARCHAR(100))",
        "CREATE TABLE actions (id INT PRIMARY KEY, name VARCHAR(100))",
        "CREATE TABLE custom_action_bucket_steps (id INT PRIMARY KEY, bucket_id INT, action_id INT, \
         FOREIGN KEY (bucket_id) REFERENCES custom_action_buckets (id), FOREIGN KEY (action_id) REFERENCES actions (id))",
        "CREATE TABLE poundcake_st2_action_extensions (id INT PRIMARY KEY, st2_action_id VARCHAR(100))",
        "CREATE TABLE poundcake_st2_rule_extensions (id INT PRIMARY KEY, cab_name VARCHAR(100))",
        "CREATE TABLE poundcake_st2_webhook_extensions (id INT PRIMARY KEY, webhook_id VARCHAR(100))",
        "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, client_host, status_code, created_at) VALUES \
         (1, '5e9a7c1e-1111-4222-8333-944455566677', 'POST', '/api/v1/webhook', \
         '{\"Authorization\":\"Bearer s3cret\",\"Cookie\":\"a=s3cret\",\"User-Agent\":\"Alertmanager/0.25\"}', '{\"alerts\":[]}', \
         '10.0.0.9', 202, '2026-01-14 12:00:00'), \
         (2, '5e9a7c1e-1111-4222-8333-944455566688', NULL, NULL, '{broken', NULL, NULL, NULL, '2026-01-14 13:00:00'), \
         (3, '', 'POST', '/api/v1/webhook', NULL, 'x', NULL, 500, '2026-01-14 14:00:00')",
        "INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, status, alert_name, severity, instance, labels, raw_data, starts_at, \
         ends_at, processing_status, error_message, created_at, updated_at) VALUES \
         (10, 1, 'a040726554fc8521', 'firing', 'HostDown', 'critical', 'web-1', '{\"alertname\":\"HostDown\",\"instance\":\"web-1\"}', \
         '{\"startsAt\":\"2026-01-15T09:00:00Z\"}', '2026-01-14 11:59:00', NULL, 'completed', NULL, '2026-01-14 12:00:00', '2026-01-15 09:01:00'), \
         (11, 1, 'test123', 'resolved', 'DiskFull', NULL, NULL, '{\"alertname\":\"DiskFull\",\"cpu\":3}', '{broken', '2026-01-14 11:00:00', \
         '2026-01-14T11:30:00Z', 'failed', 'ST2 said no', '2026-01-14 12:00:00', NULL), \
         (12, 2, 'weird', 'completed', NULL, NULL, NULL, '{broken', NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
         (13, 99, 'b040726554fc8521', 'firing', 'Orphan', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO poundcake_st2_execution_extensions (id, request_id, alert_id, st2_execution_id, step_order, result_matched, created_at) \
         VALUES (5, '5e9a7c1e-1111-4222-8333-944455566677', 10, '5f9e8a7b6c5d4e3f2a1b0c9d', 1, 1, '2026-01-14 12:00:02'), \
         (6, '5e9a7c1e-1111-4222-8333-944455566677', 10, '5f9e8a7b6c5d4e3f2a1b0c9e', 2, 0, '2026-01-14 12:00:05'), \
         (7, '5e9a7c1e-1111-4222-8333-944455566677', 10, '5f9e8a7b6c5d4e3f2a1b0c9d', 3, 0, '2026-01-14 12:00:06'), \
         (8, 'gone', 999, '5f9e8a7b6c5d4e3f2a1b0c9f', 1, 0, NULL), (9, 'x', 10, NULL, 1, 0, NULL), \
         (20, '5e9a7c1e-1111-4222-8333-944455566688', NULL, '5f9e8a7b6c5d4e3f2a1b0ca0', 1, 0, NULL), \
         (21, 'x', 13, '5f9e8a7b6c5d4e3f2a1b0ca1', 1, 0, NULL), (22, 'x', NULL, '5f9e8a7b6c5d4e3f2a1b0ca2', 1, 0, NULL)",
        "INSERT INTO actions VALUES (1, 'ping'), (2, 'restart'), (3, 'notify')",
        "INSERT INTO custom_action_buckets VALUES (1, 'host_down')",
        "INSERT INTO custom_action_bucket_steps VALUES (1, 1, 1), (2, 1, 2)",
        // Ids that were used and are gone.
        "ALTER TABLE poundcake_alerts AUTO_INCREMENT = 5000",
    ] {
        database.execute(statement);
    }
}

/// The last models before us: a link table of our own name, foreign keys, JSON columns; `rows` webhooks, alerts and links.
pub fn with_links(rows: u32) -> TestDatabase {
    let database = TestDatabase::mariadb();
    create_with_links(&database, rows);
    database
}

pub fn create_with_links(database: &TestDatabase, rows: u32) {
    let seq = format!("seq_1_to_{rows}");
    for statement in [
        "CREATE TABLE poundcake_api_calls (id INT AUTO_INCREMENT PRIMARY KEY, request_id VARCHAR(36) NOT NULL, method VARCHAR(10) NOT NULL, \
         path VARCHAR(500) NOT NULL, headers JSON, query_params JSON, body JSON, client_host VARCHAR(100), status_code INT, \
         processing_time_ms INT, created_at DATETIME NOT NULL, completed_at DATETIME, UNIQUE KEY (request_id)) CHARSET utf8mb4",
        "CREATE TABLE poundcake_alerts (id INT AUTO_INCREMENT PRIMARY KEY, api_call_id INT NOT NULL, fingerprint VARCHAR(64) NOT NULL UNIQUE, \
         status VARCHAR(20) NOT NULL, alert_name VARCHAR(200) NOT NULL, severity VARCHAR(50), instance VARCHAR(200), labels JSON, \
         annotations JSON, raw_data JSON, starts_at DATETIME, ends_at DATETIME, generator_url VARCHAR(500), st2_rule_matched VARCHAR(200), \
         created_at DATETIME NOT NULL, updated_at DATETIME, FOREIGN KEY (api_call_id) REFERENCES poundcake_api_calls (id)) CHARSET utf8mb4",
        "CREATE TABLE poundcake_st2_execution_link (id INT AUTO_INCREMENT PRIMARY KEY, request_id VARCHAR(36) NOT NULL, alert_id INT, \
         st2_execution_id VARCHAR(100) NOT NULL, st2_rule_ref VARCHAR(200), st2_action_ref VARCHAR(200), created_at DATETIME NOT NULL, \
         KEY (alert_id), FOREIGN KEY (alert_id) REFERENCES poundcake_alerts (id)) CHARSET utf8mb4",
        &format!(
            "INSERT INTO poundcake_api_calls (id, request_id, method, path, headers, body, status_code, created_at) SELECT seq, \
             CONCAT('5e9a7c1e-1111-4222-8333-', LPAD(seq, 12, '0')), 'POST', '/api/v1/webhook', '{{\"host\":\"x\"}}', '{{}}', 202, \
             '2026-01-14 12:00:00' + INTERVAL seq SECOND FROM {seq}"
        ),
        &format!(
            "INSERT INTO poundcake_alerts (id, api_call_id, fingerprint, status, alert_name, severity, instance, labels, annotations, \
             starts_at, created_at, updated_at) SELECT seq, seq, LPAD(LOWER(HEX(seq)), 16, '0'), 'firing', 'HostDown', 'critical', \
             CONCAT('web-', seq), CONCAT('{{\"alertname\":\"HostDown\",\"instance\":\"web-', seq, '\"}}'), '{{}}', '2026-01-14 12:00:00', \
             '2026-01-14 12:00:01', '2026-01-14 12:00:02' FROM {seq}"
        ),
        &format!(
            "INSERT INTO poundcake_st2_execution_link (id, request_id, alert_id, st2_execution_id, st2_action_ref, created_at) SELECT seq, \
             CONCAT('5e9a7c1e-1111-4222-8333-', LPAD(seq, 12, '0')), seq, LPAD(LOWER(HEX(seq)), 24, '5'), 'remediation.host_down', \
             '2026-01-14 12:00:03' FROM {seq} WHERE seq MOD 2 = 0"
        ),
    ] {
        database.execute(statement);
    }
}
