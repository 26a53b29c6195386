CREATE TABLE IF NOT EXISTS poundcake_st2_execution_link (
    id BIGINT NOT NULL AUTO_INCREMENT,
    request_id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'the webhook''s request_id',
    alert_id BIGINT NOT NULL COMMENT 'the alert that was dispatched',
    st2_execution_id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'StackStorm''s execution id',
    st2_rule_ref VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'rule mode: the rule that ran it',
    st2_action_ref VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'the action that was run',
    created_at DATETIME(6) NOT NULL COMMENT 'UTC, the database''s clock',
    PRIMARY KEY (id),
    UNIQUE KEY uq_poundcake_st2_execution_link_alert_execution (alert_id, st2_execution_id),
    KEY ix_poundcake_st2_execution_link_request_id (request_id),
    KEY ix_poundcake_st2_execution_link_st2_execution_id (st2_execution_id),
    CONSTRAINT fk_poundcake_st2_execution_link_alert FOREIGN KEY (alert_id) REFERENCES poundcake_alerts (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'PoundCake: which StackStorm executions an alert led to';
