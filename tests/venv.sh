#!/usr/bin/env bash
# A Python environment that tests need: made once, made again when its requirements change, and never the system's own.
#
#   tests/venv.sh NAME REQUIREMENT...    prints its directory, target/test-venvs/NAME; REQUIREMENTs as pip takes them
#
# Needs Python 3.11 or newer; where Debian has split venv off, python3-venv is installed (root or sudo).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "venv: $*" >&2; }
[ $# -ge 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
name=$1
shift
dir=$PWD/target/test-venvs/$name
# What it was made from: the words, the files among them, and Python itself.
made_from=$(python3 --version; for word in "$@"; do echo "$word"; [ ! -f "$word" ] || cat "$word"; done)

mkdir -p target/test-venvs
exec 9>"target/test-venvs/$name.lock"
flock 9 # tests run side by side
if [ "$(cat "$dir/made-from" 2>/dev/null)" != "$made_from" ]; then
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        command -v apt-get >/dev/null || { say "Python lacks venv; install it for $(python3 --version)"; exit 1; }
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo)
        say "installing python3-venv"
        "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=600 update >&2
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends python3-venv >&2
    fi
    say "making $dir"
    rm -rf "$dir"
    python3 -m venv "$dir" >&2
    "$dir/bin/pip" install --quiet --disable-pip-version-check --retries 5 "$@" >&2
    echo "$made_from" >"$dir/made-from"
fi
echo "$dir"
