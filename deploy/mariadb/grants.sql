-- The rights of PoundCake's database users: as few as each needs. Make the database and the users first (docs/install.md), then run this as
-- an administrator, before or after the tables exist:
--     mariadb < deploy/mariadb/grants.sql
-- compose/ and the tests run this file too; the tests with a database and users of their own.

-- `poundcake migrate`: the schema.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES ON `poundcake`.* TO `poundcake_migrate`@`%`;

-- ingest, dispatcher, tracker and the other commands: rows, never the schema.
GRANT SELECT, INSERT, UPDATE, DELETE ON `poundcake`.* TO `poundcake`@`%`;

-- Workflows of StackStorm that look at requests and alerts: two tables, read only. A GRANT on a table that does not exist yet needs CREATE,
-- which is taken away again.
GRANT SELECT, CREATE ON `poundcake`.`poundcake_api_calls` TO `poundcake_stackstorm`@`%`;
REVOKE CREATE ON `poundcake`.`poundcake_api_calls` FROM `poundcake_stackstorm`@`%`;
GRANT SELECT, CREATE ON `poundcake`.`poundcake_alerts` TO `poundcake_stackstorm`@`%`;
REVOKE CREATE ON `poundcake`.`poundcake_alerts` FROM `poundcake_stackstorm`@`%`;
