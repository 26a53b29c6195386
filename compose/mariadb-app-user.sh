#!/bin/sh
# Run once by MariaDB's image, when its volume is empty: the users and exactly the rights of deploy/mariadb/grants.sql. The image has
# made poundcake_migrate, with all rights. The image sources this file, which gives it docker_process_sql.
docker_process_sql <<SQL
CREATE USER poundcake@'%' IDENTIFIED BY '$(cat /run/secrets/mariadb_app_password)';
-- For StackStorm's workflows, once somebody gives it a password: ALTER USER … IDENTIFIED BY '…' ACCOUNT UNLOCK
CREATE USER poundcake_stackstorm@'%' ACCOUNT LOCK;
REVOKE ALL PRIVILEGES, GRANT OPTION FROM poundcake_migrate@'%';
SQL
docker_process_sql </etc/poundcake/grants.sql
