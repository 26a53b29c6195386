CREATE TABLE IF NOT EXISTS {prefix}webhook_db (
    id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'StackStorm''s id; compares like poundcake_st2_execution_link.st2_execution_id',
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'its trigger''s name',
    type VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'its trigger type''s ref',
    url VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'what stands behind /v1/webhooks/',
    PRIMARY KEY (id),
    KEY ix_webhook_db_url (url)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'StackStorm''s webhooks; kept by the tracker';
