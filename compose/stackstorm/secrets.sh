#!/bin/sh
# Run by the service st2-secrets: StackStorm's passwords in compose/secrets/stackstorm, once.
set -eu
cd "$(dirname "$0")/../secrets"
umask 022
mkdir -p stackstorm
chmod 755 stackstorm
cd stackstorm
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
[ -s rabbitmq_password ] || random >rabbitmq_password
[ -s st2admin_password ] || random >st2admin_password
# StackStorm speaks AMQP 0.9.1 to the vhost of its own.
printf '[messaging]\nurl = amqp://stackstorm:%s@rabbitmq:5672/stackstorm\n' "$(cat rabbitmq_password)" >st2.user.conf
[ -s htpasswd ] || printf 'st2admin:%s\n' "$(openssl passwd -apr1 -in st2admin_password)" >htpasswd
chmod 644 ./*
chown -R --reference=.. .
