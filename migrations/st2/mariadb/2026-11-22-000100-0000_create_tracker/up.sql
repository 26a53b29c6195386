CREATE TABLE IF NOT EXISTS {prefix}tracker_state (
    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'migration <version>, or links_read_to',
    value VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'when it was applied, or the id of a link: every one up to it has its row in execution_db',
    PRIMARY KEY (name)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci COMMENT = 'PoundCake: what was done to these tables, and how far the tracker has read the links';
