#!/bin/bash
# As the public image's entrypoint: the data belongs to the user rabbitmq, and the server and its tools run as that user.
set -eu
if [[ $1 == rabbitmq* ]] && [ "$(id -u)" = 0 ]; then
    find /var/lib/rabbitmq ! -user rabbitmq -exec chown rabbitmq {} +
    exec gosu rabbitmq "$@"
fi
exec "$@"
