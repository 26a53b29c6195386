ALTER TABLE poundcake_st2_execution_link
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_created_at (created_at),
    ADD INDEX IF NOT EXISTS ix_poundcake_st2_execution_link_action (st2_action_ref, created_at);
