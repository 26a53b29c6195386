CREATE TABLE IF NOT EXISTS {prefix}action_db (
    id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'StackStorm''s id; compares like poundcake_st2_execution_link.st2_execution_id',
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'without the pack',
    pack VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'pack',
    description TEXT NULL COMMENT 'as registered',
    enabled TINYINT(1) NOT NULL COMMENT '0: StackStorm refuses to run it',
    entry_point VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'file in the pack',
    runner_type VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'what runs it',
    parameters LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'its declaration',
    tags LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'as registered',
    metadata_file VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'file in the pack',
    PRIMARY KEY (id),
    KEY ix_action_db_pack_name (pack, name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'StackStorm''s actions; kept by the tracker';
