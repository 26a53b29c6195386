ALTER TABLE poundcake_st2_execution_link
    ADD INDEX ix_poundcake_st2_execution_link_created_at (created_at),
    ADD INDEX ix_poundcake_st2_execution_link_action (st2_action_ref, created_at);
