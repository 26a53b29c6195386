CREATE TABLE IF NOT EXISTS {prefix}liveaction_db (
    id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'StackStorm''s id; compares like poundcake_st2_execution_link.st2_execution_id',
    action VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'the action''s ref, pack.name',
    parameters LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'secret ones are masked by StackStorm',
    status VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'StackStorm''s word; a terminal one is never replaced by another',
    start_timestamp DATETIME(6) NULL COMMENT 'UTC, StackStorm''s clock',
    callback LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'what StackStorm was asked to call at its end',
    context LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'trace tag, poundcake, user',
    PRIMARY KEY (id),
    KEY ix_liveaction_db_start_timestamp (start_timestamp)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'StackStorm''s calls behind the executions of execution_db; kept by the tracker';
