#!/usr/bin/env bash
# Makes sure that every image that compose/ names is on this engine: pulls it, or makes a look-alike from Debian's packages.
#
#   tests/containers/images.sh           those of compose/docker-compose.yml without a profile of its own
#   tests/containers/images.sh --rust    also the image that the release build uses
#
# Prints one line per look-alike. A look-alike needs debootstrap (installed if missing), so Debian or Ubuntu and root.
set -euo pipefail
cd "$(dirname "$0")"
export DOCKER_BUILDKIT=1
# Debian's client builds with the engine's own BuildKit; newer ones need buildx.
docker=docker
docker buildx version >/dev/null 2>&1 || [ ! -x /usr/bin/docker ] || docker=/usr/bin/docker
label=poundcake.look-alike
work=

say() { echo "images: $*" >&2; }

# Whether the image is there, or can be pulled. A look-alike is made again: unchanged layers cost nothing.
is_public() {
    local like
    like=$($docker image inspect --format "{{ index .Config.Labels \"$label\" }}" "$1" 2>/dev/null) || { $docker pull --quiet "$1" >/dev/null 2>&1; return; }
    [ -z "$like" ]
}

mirror() { awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null | grep . || awk '/^deb / { print $2; exit }' /etc/apt/sources.list; }

base() {
    ! $docker image inspect "$1" >/dev/null 2>&1 || return 0
    ! $docker pull --quiet "$1" >/dev/null 2>&1 || return 0
    [ "$(id -u)" = 0 ] || { say "cannot pull $1, and debootstrap needs root"; exit 1; }
    command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap >/dev/null; }
    say "cannot pull $1; making it with debootstrap"
    local from
    from=$(mirror)
    debootstrap --variant=minbase bookworm "$work/root" "$from" >/dev/null
    # As in the public image: security fixes too.
    printf 'deb %s bookworm main\ndeb %s-security bookworm-security main\n' "$from" "${from%/}" >"$work/root/etc/apt/sources.list"
    tar -C "$work/root" -c . | $docker import --change "LABEL $label=1" - "$1" >/dev/null
    rm -rf "$work/root"
}

like() {
    local image=$1 directory=$2
    is_public "$image" || { say "$image is a look-alike"; $docker build --quiet --label $label=1 --tag "$image" "$directory" >/dev/null; }
}

rust() {
    local image=rust:1-bookworm
    ! is_public $image || return 0
    say "$image is a look-alike"
    ! $docker image inspect $image >/dev/null 2>&1 || return 0
    mkdir -p "$work/rust/toolchain" "$work/rust/ca"
    cp rust/Dockerfile "$work/rust/"
    cp -a "$(rustc --print sysroot)/bin" "$(rustc --print sysroot)/lib" "$work/rust/toolchain/"
    cp /usr/local/share/ca-certificates/*.crt "$work/rust/ca/" 2>/dev/null || true
    $docker build --quiet --label $label=1 --tag $image "$work/rust" >/dev/null
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
base debian:bookworm-slim
# Name and tag as compose/docker-compose.yml has them.
like mariadb:10.11 mariadb
like rabbitmq:3.13 rabbitmq
like haproxy:2.8-alpine haproxy
like prom/alertmanager:v0.28.1 alertmanager
like prom/prometheus:v2.55.1 prometheus
[ "${1:-}" != --rust ] || rust
