CREATE TABLE IF NOT EXISTS {prefix}workflow_db (
    id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'StackStorm''s id; compares like poundcake_st2_execution_link.st2_execution_id',
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'without the pack',
    pack VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'pack',
    description TEXT NULL COMMENT 'as registered',
    entry_point VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'file in the pack',
    PRIMARY KEY (id),
    KEY ix_workflow_db_pack_name (pack, name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'StackStorm''s actions whose runner is a workflow; kept by the tracker';
