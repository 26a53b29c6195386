#!/bin/sh
# Run once by MariaDB's image on the first node: the users of the state transfer and of the health check.
# The image sources this file, which gives it docker_process_sql.
docker_process_sql <<SQL
CREATE USER sst@localhost IDENTIFIED BY '$(cat /run/secrets/mariadb_sst_password)';
GRANT RELOAD, PROCESS, LOCK TABLES, BINLOG MONITOR, REPLICA MONITOR ON *.* TO sst@localhost;
CREATE USER monitor@'%' WITH MAX_USER_CONNECTIONS 20;
SQL
