#!/bin/bash
# Run by the service st2-register: registers the packs, makes PoundCake's API key unless the one in secrets/ works, and
# configures the pack poundcake. Running it again changes nothing.
set -eu
secrets=/compose/secrets
key=$secrets/poundcake/st2_api_key
until st2 login st2admin --password "$(cat $secrets/stackstorm/st2admin_password)"; do sleep 3; done
st2 pack register
if ! [ -s $key ] || ! (st2 action get core.noop --api-key "$(cat $key)" >/dev/null 2>&1); then
    st2 apikey create -k -m '{"used_by": "poundcake"}' >$key.new
    # In place: PoundCake reads it again.
    cat $key.new >$key
    rm $key.new
fi
cat >/opt/stackstorm/configs/poundcake.yaml <<YAML
---
url: http://proxy:8000
token: "$(cat $secrets/operator_token)"
webhook_token: "$(cat $secrets/alertmanager/alertmanager_token)"
alertmanager_url: http://alertmanager:9093
prometheus_url: http://prometheus:9090
YAML
st2 run packs.setup_virtualenv packs=poundcake
st2 run packs.load packs=poundcake register=all
