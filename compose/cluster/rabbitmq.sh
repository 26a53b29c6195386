#!/bin/bash
# Starts a RabbitMQ node of the cluster: all nodes have one Erlang cookie.
set -eu
cookie=/var/lib/rabbitmq/.erlang.cookie
cp /run/secrets/erlang_cookie $cookie
chown rabbitmq:rabbitmq $cookie
chmod 400 $cookie
exec docker-entrypoint.sh "$@"
