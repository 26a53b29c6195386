#!/bin/bash
# Honours what compose/ uses of the public image's entrypoint: the first start makes the data directory, the database and its
# user (MARIADB_*, *_FILE), then runs the init scripts.
set -eu
case ${1:-} in -*) set -- mariadbd "$@" ;; esac
value() {
    local file=${1}_FILE
    if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-}"; fi
}
if [ "$1" = mariadbd ] && [ ! -d /var/lib/mysql/mysql ]; then
    chown mysql:mysql /var/lib/mysql
    gosu mysql mariadb-install-db --datadir=/var/lib/mysql --auth-root-authentication-method=normal >/dev/null
    gosu mysql "$@" --skip-networking --wsrep-on=OFF --socket=/run/mysqld/first.sock &
    server=$!
    sql() { mariadb -uroot --socket=/run/mysqld/first.sock "$@"; }
    for _ in $(seq 120); do sql -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.5; done
    database=${MARIADB_DATABASE:-}
    docker_process_sql() { sql ${database:+--database=$database} "$@"; }
    [ -z "$database" ] || sql -e "CREATE DATABASE \`$database\`"
    [ -z "${MARIADB_USER:-}" ] || sql -e "CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY '$(value MARIADB_PASSWORD)'; GRANT ALL ON \`$database\`.* TO '$MARIADB_USER'@'%'"
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            # shellcheck source=/dev/null
            *.sh) . "$script" ;;
            *.sql) docker_process_sql <"$script" ;;
        esac
    done
    password=$(value MARIADB_ROOT_PASSWORD)
    sql -e "CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '$password'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION; CREATE USER healthcheck@'127.0.0.1'; ALTER USER root@localhost IDENTIFIED BY '$password'"
    kill "$server"
    wait "$server"
fi
[ "$1" = mariadbd ] && [ "$(id -u)" = 0 ] && exec gosu mysql "$@"
exec "$@"
