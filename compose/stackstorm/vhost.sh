#!/bin/bash
# Run by the service st2-vhost: StackStorm's vhost and user on PoundCake's RabbitMQ. Running it again changes nothing.
set -eu
rabbitmqctl --node rabbit@rabbitmq import_definitions --format json <<JSON
{
  "vhosts": [{"name": "stackstorm"}],
  "users": [{"name": "stackstorm", "password": "$(cat /run/secrets/rabbitmq_password)", "tags": ""}],
  "permissions": [{"user": "stackstorm", "vhost": "stackstorm", "configure": ".*", "write": ".*", "read": ".*"}]
}
JSON
