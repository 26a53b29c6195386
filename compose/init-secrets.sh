#!/bin/sh
# Makes compose/secrets/: random passwords and tokens, and the URLs that hold them. What is there is kept; only StackStorm's
# key is taken from .env again each time. The service `secrets` runs it at every `docker compose up`; by hand it does the same.
set -eu
cd "$(dirname "$0")"
setting() { sed -n "s/^$1=//p" .env 2>/dev/null || true; }
key=$(setting ST2_API_KEY)
url=${ST2_API_URL:-$(setting ST2_API_URL)}
# stackstorm.yml has a service that makes the key later.
if [ -n "$url" ] && [ -z "$key" ] && [ -z "${ST2_API_KEY_LATER:-}" ]; then
    echo "ST2_API_KEY is missing: write ST2_API_KEY=… to compose/.env (st2 apikey create -k)" >&2
    exit 1
fi
if [ "${1:-}" = --in-compose ] && [ -z "$url" ] && ! getent hosts st2 >/dev/null; then
    echo "no StackStorm: write ST2_API_URL=…, ST2_API_KEY=… and ST2_STREAM_URL=… to compose/.env," >&2
    echo "or try it with a stand-in: docker compose --profile demo up --build -d --wait" >&2
    exit 1
fi
umask 022
mkdir -p secrets
# Containers read the files as their own users, so the files are readable and the directory above them is not.
chmod 700 secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# keep DIRECTORY/NAME TEXT: each service sees its own directory only. Older versions had all files in secrets/.
keep() {
    mkdir -p "secrets/${1%/*}"
    chmod 755 "secrets/${1%/*}"
    if [ ! -e "secrets/$1" ]; then
        if [ -f "secrets/${1##*/}" ] && [ ! -L "secrets/${1##*/}" ]; then
            mv "secrets/${1##*/}" "secrets/$1"
        else
            printf '%s' "$2" >"secrets/$1"
        fi
    fi
    chmod 644 "secrets/$1"
}
value() { cat "secrets/$1"; }

keep mariadb/mariadb_root_password "$(random)"
keep mariadb/mariadb_migrate_password "$(random)"
keep mariadb/mariadb_app_password "$(random)"
keep migrate/migrate_database_url "mysql://poundcake_migrate:$(value mariadb/mariadb_migrate_password)@mariadb:3306/poundcake"
keep poundcake/database_url "mysql://poundcake:$(value mariadb/mariadb_app_password)@mariadb:3306/poundcake"
password=$(random)
keep rabbitmq/rabbitmq_user.conf "default_user = poundcake
default_pass = $password
"
password=$(sed -n 's/^default_pass = //p' secrets/rabbitmq/rabbitmq_user.conf)
keep poundcake/amqp_url "amqp://poundcake:$password@rabbitmq:5672/%2f"
keep alertmanager/alertmanager_token "$(random)"
keep poundcake/webhook_tokens "alertmanager:$(value alertmanager/alertmanager_token)
"
# For cluster.yml.
keep mariadb/mariadb_sst_password "$(random)"
keep rabbitmq/erlang_cookie "$(random)"
keep grafana/grafana_admin_password "$(random)"
# For people: the tokens of the operator page and of the webhook.
ln -sf alertmanager/alertmanager_token secrets/alertmanager_token
keep ./operator_token "$(random)"
keep poundcake/operator_tokens "operator:$(value operator_token)
"
if [ -n "$key" ] || [ -z "$url" ]; then printf '%s' "${key:-poundcake-demo-key}" >secrets/poundcake/st2_api_key; fi
[ ! -e secrets/poundcake/st2_api_key ] || chmod 644 secrets/poundcake/st2_api_key
chmod 700 secrets
if [ "$(id -u)" = 0 ]; then chown -R --reference=. secrets; fi
echo "compose/secrets/ is complete; the operator token is in compose/secrets/operator_token"
