ALTER TABLE poundcake_st2_execution_link
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_created_at,
    DROP INDEX IF EXISTS ix_poundcake_st2_execution_link_action;
