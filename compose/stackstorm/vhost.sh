#!/bin/bash
# Run by the service st2-vhost: StackStorm's vhost and user on PoundCake's RabbitMQ. Running it again changes nothing.
set -eu
ctl() { rabbitmqctl --node rabbit@rabbitmq --quiet "$@"; }
password=$(cat /run/secrets/rabbitmq_password)
ctl list_vhosts | grep -qx stackstorm || ctl add_vhost stackstorm
ctl list_users | grep -q '^stackstorm\b' || ctl add_user stackstorm "$password"
ctl change_password stackstorm "$password"
ctl set_permissions -p stackstorm stackstorm '.*' '.*' '.*'
