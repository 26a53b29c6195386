CREATE TABLE poundcake_st2_execution_link (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    alert_id BIGINT NOT NULL,
    st2_execution_id TEXT NOT NULL,
    st2_rule_ref TEXT NULL,
    st2_action_ref TEXT NULL,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT uq_poundcake_st2_execution_link_alert_execution UNIQUE (alert_id, st2_execution_id),
    CONSTRAINT fk_poundcake_st2_execution_link_alert FOREIGN KEY (alert_id) REFERENCES poundcake_alerts (id)
);
CREATE INDEX ix_poundcake_st2_execution_link_request_id ON poundcake_st2_execution_link (request_id);
CREATE INDEX ix_poundcake_st2_execution_link_st2_execution_id ON poundcake_st2_execution_link (st2_execution_id);
