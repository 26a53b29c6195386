#!/usr/bin/env bash
# The tests' private MariaDB and RabbitMQ: own directory, ports, socket and epmd; the system's services are never touched.
#
#   tests/services.sh install        Debian packages the tests need (root or sudo; asks nothing, starts no service)
#   tests/services.sh run CMD...     start both, run CMD with TEST_* in its environment, stop both
#   tests/services.sh start|stop     the same by hand; `start` leaves them running for `cargo test`
#   tests/services.sh env            the `export TEST_*` lines of what `start` started
#   tests/services.sh rabbitmqctl …  rabbitmqctl on the private node
#   tests/services.sh revive-mariadb|revive-rabbitmq   after a kill -9: the same data, the same port
#
# POUNDCAKE_TEST_DIR is where it all lives; `run` makes a temporary one, the others use target/test-services.
# POUNDCAKE_TEST_MARIADB_OPTIONS are more words for mariadbd, POUNDCAKE_TEST_RABBITMQ_CONF is a file of more lines for rabbitmq.conf.
# With POUNDCAKE_TEST_DURABLE=1 every commit reaches the disk and RabbitMQ runs without a plug-in, as in production: for `make bench`.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(mariadb-server rabbitmq-server libmariadb-dev pkg-config openssl prometheus prometheus-alertmanager libfaketime systemd
    chromium fonts-inter fonts-dejavu-core mariadb-backup sqlite3)
rabbit_bin=/usr/lib/rabbitmq/bin # not /usr/sbin: those wrappers change the user to `rabbitmq`

say() { echo "services: $*" >&2; }
fail() { say "$*"; exit 1; }

missing() {
    local path
    PATH=$PATH:/usr/sbin
    for path in mariadbd mariadb-install-db prometheus prometheus-alertmanager pkg-config openssl systemd-analyze chromium mariabackup sqlite3; do
        command -v "$path" >/dev/null || { echo "$path"; return; }
    done
    [ -x $rabbit_bin/rabbitmq-server ] || echo rabbitmq-server
    pkg-config --exists libmariadb || echo libmariadb-dev
    compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || echo libfaketime
}

install() {
    [ -n "$(missing)" ] || return 0
    command -v apt-get >/dev/null || fail "$(missing) is missing and there is no apt-get; install: ${packages[*]}"
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    say "installing ${packages[*]}"
    # One install at a time: the lock is let go by `-o` before anything that could outlive us starts.
    "${as_root[@]}" flock -o /run/poundcake-test-install.lock "$PWD/tests/services.sh" install-locked
    [ -z "$(missing)" ] || fail "$(missing) is still missing after the install"
}

# What a build with MariaDB needs; `make lint` runs before `make test` on a fresh machine.
install_build() {
    command -v pkg-config >/dev/null && pkg-config --exists libmariadb && return 0
    install
}

install_locked() {
    [ -n "$(missing)" ] || return 0
    # Debian starts what it installs; policy-rc.d (and RUNLEVEL, where there is no systemd) forbids it.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap "rm -f $policy" EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    fi
    export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=600 update
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${packages[@]}"
}

# Starts a server that outlives this script and holds none of its descriptors (a lock's, a pipe's).
detached() {
    local log=$1
    shift
    setsid "$@" </dev/null >"$log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
}

# Takes free ports and holds them until the servers are stopped: bound and not listened on. A server that asks for
# SO_REUSEADDR, as all of these do, can bind such a port, again after a kill; nothing else gets it.
hold_ports() {
    rm -f "$dir/ports"
    detached "$dir/ports" python3 -uc '
import signal, socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
signal.pause()' "$1"
    echo $! >"$dir/ports.pid"
    until grep -q . "$dir/ports"; do
        kill -0 "$(cat "$dir/ports.pid")" 2>/dev/null || fail "no free ports: $(cat "$dir/ports")"
        sleep 0.05
    done
}

release_ports() {
    [ ! -e "$dir/ports.pid" ] || kill "$(cat "$dir/ports.pid")" 2>/dev/null || true
    rm -f "$dir/ports.pid"
}

# Whether the servers' own logs say that a port was taken: 98 is EADDRINUSE.
port_was_taken() {
    grep -qsiE 'address already in use|eaddrinuse|errno: 98' "$dir"/maria/*.log "$dir"/rabbit/startup.log "$dir"/rabbit/log/*
}

# --no-defaults must come first, or /etc/mysql is read.
mariadb_root() { mariadb"$1" --no-defaults --socket="$dir/maria/m.sock" -uroot "${@:2}"; }

start_mariadb() {
    local maria=$dir/maria port=$1
    PATH=$PATH:/usr/sbin
    # A temporary directory of its own: mariadbd deletes every other server's temporary tables from it when it starts.
    mkdir -p "$maria/tmp"
    # The installation runs a server too. Half of one is nothing to try again with.
    [ -d "$maria/data" ] || TMPDIR=$maria/tmp mariadb-install-db --no-defaults --datadir="$maria/data" --user="$(id -un)" \
        --auth-root-authentication-method=normal --skip-test-db >"$maria/install.log" 2>&1 || { rm -rf "$maria/data"; return 1; }
    # Commits reach the kernel, not the disk: safe against kill -9, which is all a test does. 128 MiB packets take the largest webhook.
    local options=(--innodb-buffer-pool-size=256M --innodb-flush-log-at-trx-commit=2 --sync-frm=0)
    [ -z "${POUNDCAKE_TEST_DURABLE:-}" ] || options=(--innodb-buffer-pool-size="${POUNDCAKE_BENCH_BUFFER_POOL:-1G}")
    local more=()
    read -ra more <<<"${POUNDCAKE_TEST_MARIADB_OPTIONS:-}"
    detached "$maria/out.log" mariadbd --no-defaults --user="$(id -un)" --datadir="$maria/data" --socket="$maria/m.sock" \
        --pid-file="$maria/m.pid" --port="$port" --bind-address=127.0.0.1 --skip-name-resolve --log-error="$maria/err.log" --tmpdir="$maria/tmp" \
        --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci --max-connections=500 \
        "${options[@]}" --max-allowed-packet=128M "${more[@]}"
    local server=$!
    for _ in $(seq 600); do
        mariadb_root -admin ping >/dev/null 2>&1 && break
        kill -0 $server 2>/dev/null || return 1
        sleep 0.1
    done
    mariadb_root "" -e "CREATE USER IF NOT EXISTS poundcake_test@'%' IDENTIFIED BY 'test';
        GRANT ALL PRIVILEGES ON *.* TO poundcake_test@'%' WITH GRANT OPTION"
}

rabbit_environment() {
    export HOME=$dir/rabbit # the cookie
    # Its own epmd: stopping it hurts no other node.
    export ERL_EPMD_PORT=$2 ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_DIST_PORT=$3
    export RABBITMQ_NODENAME=poundcake@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$1
    export RABBITMQ_MNESIA_BASE=$HOME/mnesia RABBITMQ_LOG_BASE=$HOME/log RABBITMQ_PID_FILE=$HOME/rabbit.pid
    export RABBITMQ_ENABLED_PLUGINS_FILE=$HOME/enabled_plugins RABBITMQ_CONF_ENV_FILE=/dev/null
    export RABBITMQ_CONFIG_FILE=$HOME/rabbitmq RABBITMQ_ADVANCED_CONFIG_FILE=$HOME/advanced.config
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' LANG=C.UTF-8 LC_ALL=C.UTF-8
}

start_rabbitmq() (
    rabbit_environment "$1" "$2" "$3"
    mkdir -p "$HOME"
    # The plug-in is the tests' fast way to make vhosts and to read depths; PoundCake needs none. Depths are fresh twice a second.
    if [ -n "${POUNDCAKE_TEST_DURABLE:-}" ]; then
        echo '[].' >"$HOME/enabled_plugins"
        printf '%s\n' 'loopback_users = none' 'log.console = false' >"$HOME/rabbitmq.conf"
        echo '[].' >"$HOME/advanced.config"
    else
        echo '[rabbitmq_management].' >"$HOME/enabled_plugins"
        printf '%s\n' 'loopback_users = none' 'log.console = false' 'management.tcp.ip = 127.0.0.1' "management.tcp.port = $4" \
            'collect_statistics_interval = 500' >"$HOME/rabbitmq.conf"
        echo '[{rabbit, [{quorum_tick_interval, 500}]}].' >"$HOME/advanced.config"
    fi
    [ -z "${POUNDCAKE_TEST_RABBITMQ_CONF:-}" ] || cat "$POUNDCAKE_TEST_RABBITMQ_CONF" >>"$HOME/rabbitmq.conf"
    rm -f "$RABBITMQ_PID_FILE" # survives kill -9
    detached "$HOME/startup.log" $rabbit_bin/rabbitmq-server
    local server=$!
    # await_startup fails at once until the node has registered with epmd; an open port alone would be too early.
    for _ in $(seq 120); do
        timeout 90 $rabbit_bin/rabbitmqctl --quiet await_startup >/dev/null 2>&1 && return 0
        kill -0 $server 2>/dev/null || return 1
        sleep 0.2
    done
    return 1
)

start() {
    [ -z "$(missing)" ] || fail "$(missing) is missing; run: tests/services.sh install"
    if [ -e "$dir/env" ]; then
        mariadb_root -admin ping >/dev/null 2>&1 && { say "already running in $dir"; return 0; }
        stop # what a reboot left
    fi
    mkdir -p "$dir"
    # The socket's path may have 107 bytes.
    [ ${#dir} -le 90 ] || fail "the path $dir is too long; set POUNDCAKE_TEST_DIR"
    local attempt maria amqp epmd dist api
    for attempt in 1 2 3; do
        hold_ports 5
        read -r maria amqp epmd dist api <"$dir/ports"
        say "starting MariaDB on port $maria and RabbitMQ on port $amqp in $dir"
        echo "$amqp $epmd $dist $api" >"$dir/rabbit-ports"
        echo "$maria" >"$dir/maria-port"
        if start_mariadb "$maria" && start_rabbitmq "$amqp" "$epmd" "$dist" "$api"; then
            cat >"$dir/env" <<EOF
export TEST_DATABASE_URL=mysql://poundcake_test:test@127.0.0.1:$maria
export TEST_AMQP_URL=amqp://guest:guest@127.0.0.1:$amqp
export TEST_AMQP_API_URL=http://guest:guest@127.0.0.1:$api
EOF
            return 0
        fi
        say "attempt $attempt failed; the logs:"
        tail -n 20 "$dir"/maria/*.log "$dir"/rabbit/startup.log >&2 || true
        stop_servers
        # Anything else would fail again.
        port_was_taken || break
        say "a port was taken; trying others"
        rm -rf "$dir/rabbit" "$dir"/maria/*.log
    done
    fail "the servers do not start"
}

stop_servers() {
    local pid
    release_ports
    if pid=$(cat "$dir/maria/m.pid" 2>/dev/null); then
        mariadb_root -admin shutdown 2>/dev/null || kill -9 "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    [ -e "$dir/rabbit-ports" ] || return 0
    # Nothing of the node is worth keeping: kill it and its epmd.
    (
        # shellcheck disable=SC2046
        rabbit_environment $(cat "$dir/rabbit-ports")
        if pid=$(cat "$RABBITMQ_PID_FILE" 2>/dev/null); then
            kill -9 "$pid" 2>/dev/null || true
            while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
        fi
        for _ in $(seq 50); do
            epmd -port "$ERL_EPMD_PORT" -kill 2>/dev/null | grep -q Killed && break # refuses until the node's name is gone
            epmd -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1 || break
            sleep 0.1
        done
    )
}

stop() {
    [ -d "$dir" ] || return 0
    stop_servers
    rm -rf "$dir"
}

run() {
    # Servers from outside (another script, a CI's service containers) are used as they are.
    if [ -n "${TEST_DATABASE_URL:-}" ] && [ -n "${TEST_AMQP_URL:-}" ] && [ -n "${TEST_AMQP_API_URL:-}" ]; then exec "$@"; fi
    dir=${POUNDCAKE_TEST_DIR:-$(mktemp -d /tmp/poundcake-test.XXXXXX)}
    trap stop EXIT
    trap 'exit 130' INT TERM HUP
    start
    # shellcheck source=/dev/null
    . "$dir/env"
    "$@"
}

dir=${POUNDCAKE_TEST_DIR:-$PWD/target/test-services}
case ${1:-} in
    install) install ;;
    install-build) install_build ;;
    install-locked) install_locked ;;
    start) start && cat "$dir/env" ;;
    stop) stop ;;
    env) cat "$dir/env" ;;
    run) shift && run "$@" ;;
    revive-mariadb) start_mariadb "$(cat "$dir/maria-port")" ;;
    # shellcheck disable=SC2046
    revive-rabbitmq) start_rabbitmq $(cat "$dir/rabbit-ports") ;;
    rabbitmqctl)
        shift
        # shellcheck disable=SC2046
        rabbit_environment $(cat "$dir/rabbit-ports")
        $rabbit_bin/rabbitmqctl "$@"
        ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
