CREATE TABLE IF NOT EXISTS {prefix}rule_db (
    id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'StackStorm''s id; compares like poundcake_st2_execution_link.st2_execution_id',
    name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'without the pack',
    pack VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'pack',
    description TEXT NULL COMMENT 'as registered',
    enabled TINYINT(1) NOT NULL COMMENT '0: it matches nothing',
    `trigger` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'what it listens to',
    criteria LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'when it matches',
    action LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'what it runs',
    tags LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'as registered',
    PRIMARY KEY (id),
    KEY ix_rule_db_pack_name (pack, name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'StackStorm''s rules; kept by the tracker';
