#!/bin/sh
# Run once by MariaDB's image, when its volume is empty: the user of ingest and dispatcher, who cannot change the schema.
# The image sources this file, which gives it docker_process_sql.
docker_process_sql <<SQL
CREATE USER poundcake@'%' IDENTIFIED BY '$(cat /run/secrets/mariadb_app_password)';
GRANT SELECT, INSERT, UPDATE, DELETE ON poundcake.* TO poundcake@'%';
SQL
