#!/bin/sh
# Makes compose/secrets/: random passwords and tokens, and the URLs that hold them. What is there is kept; only StackStorm's
# key is taken from .env again each time.
set -eu
cd "$(dirname "$0")"
key=$(sed -n 's/^ST2_API_KEY=//p' .env 2>/dev/null || true)
[ -n "$key" ] || { echo "write ST2_API_URL=… and ST2_API_KEY=… to $(pwd)/.env first" >&2; exit 1; }
mkdir -p secrets
# Containers read the files as their own users, so the files are readable and the directory is not.
chmod 700 secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -e "secrets/$1" ] || { printf '%s' "$2" >"secrets/$1" && chmod 644 "secrets/$1"; }; }

for name in mariadb_root_password mariadb_migrate_password mariadb_app_password rabbitmq_password \
    alertmanager_token operator_token; do
    keep $name "$(random)"
done
value() { cat "secrets/$1"; }
keep migrate_database_url "mysql://poundcake_migrate:$(value mariadb_migrate_password)@mariadb:3306/poundcake"
keep database_url "mysql://poundcake:$(value mariadb_app_password)@mariadb:3306/poundcake"
keep amqp_url "amqp://poundcake:$(value rabbitmq_password)@rabbitmq:5672/%2f"
keep rabbitmq_user.conf "default_user = poundcake
default_pass = $(value rabbitmq_password)
"
keep webhook_tokens "alertmanager:$(value alertmanager_token)
"
keep operator_tokens "operator:$(value operator_token)
"
# Written in place: a container sees the file that it was started with, and PoundCake reads it again.
printf '%s' "$key" >secrets/st2_api_key
chmod 644 secrets/st2_api_key
echo "secrets/ is complete; the operator token is in secrets/operator_token"
