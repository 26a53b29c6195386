#!/bin/bash
# Run by the service st2-keys, as root: the key that encrypts secrets in StackStorm's datastore.
set -eu
key=/etc/st2/keys/datastore_key.json
[ -s $key ] || st2-generate-symmetric-crypto-key --key-path $key
chown -R st2:st2 /etc/st2/keys
chmod -R u=rwX,g=rX,o= /etc/st2/keys
