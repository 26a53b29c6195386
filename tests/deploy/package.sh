#!/usr/bin/env bash
# Installs, removes and purges a .deb in a chroot of Debian 12, and runs lintian on it. Root only; nothing of the system is changed but
# that debootstrap and lintian are installed if they are missing.
#
#   tests/deploy/package.sh PACKAGE.deb      `make deb-test` builds the package first
set -euo pipefail
deb=$(realpath "$1")
cd "$(dirname "$0")/../.."
say() { echo "package: $*"; }
fail() { say "$*" >&2; exit 1; }

for tool in debootstrap lintian; do
    command -v $tool >/dev/null && continue
    say "installing $tool"
    apt-get -o DPkg::Lock::Timeout=600 update -qq
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends $tool >/dev/null
done

say "lintian"
lintian --fail-on error,warning --suppress-tags-from-file deploy/debian/lintian-explained "$deb"

root=$(mktemp -d /tmp/poundcake-package.XXXXXX)
trap 'rm -rf "$root"' EXIT
# The base system is kept: debootstrap takes a minute.
base=$PWD/target/debian-12.tar
if [ ! -e "$base" ]; then
    say "making a Debian 12"
    mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" $mirror >"$PWD/target/debootstrap.log"
    [ ! -e /etc/apt/sources.list.d/debian.sources ] || { cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"; : >"$root/etc/apt/sources.list"; }
    tar -C "$root" -cf "$base.part" . && mv "$base.part" "$base"
else
    tar -C "$root" -xf "$base"
fi
chmod 755 "$root" # apt reads as another user
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$deb" "$root/poundcake.deb"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod +x "$root/usr/sbin/policy-rc.d"
run() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

say "install"
run apt-get update -qq
run apt-get install -y -qq --no-install-recommends /poundcake.deb >"$root/install.log" 2>&1 || { cat "$root/install.log"; fail "it cannot be installed"; }
version=$(dpkg-deb --field "$deb" Version)
[ "poundcake ${version%-*}" = "$(run poundcake --version)" ] || fail "poundcake --version says $(run poundcake --version), the package is $version"
run poundcake config >/dev/null || fail "poundcake config fails"
[ "$(run stat -c '%U:%G %a' /etc/poundcake/secrets)" = 'root:poundcake 750' ] || fail "/etc/poundcake/secrets: $(run stat -c '%U:%G %a' /etc/poundcake/secrets)"
for unit in ingest dispatcher tracker standalone migrate; do
    [ -e "$root/lib/systemd/system/poundcake-$unit.service" ] || [ -e "$root/usr/lib/systemd/system/poundcake-$unit.service" ] || fail "no unit for $unit"
    [ -z "$(find "$root/etc/systemd/system" -name "poundcake-$unit.service")" ] || fail "poundcake-$unit is enabled and nobody has configured it"
    [ -e "$root/usr/share/man/man1/poundcake-$unit.1.gz" ] || fail "no man page for $unit"
done
for file in usr/share/man/man1/poundcake.1.gz usr/share/bash-completion/completions/poundcake usr/share/poundcake/grants.sql etc/poundcake/poundcake.env; do
    [ -e "$root/$file" ] || fail "$file is missing"
done

broken='1:10.11.18-0+deb12u1'
if run apt-cache madison libmariadb3 | grep -qF "$broken"; then
    ! run apt-get install -y -qq "libmariadb3=$broken" --no-remove --allow-downgrades >/dev/null 2>&1 || fail "libmariadb3 $broken is accepted"
else
    say "Debian has no libmariadb3 $broken any more: the conflict with it is not tried"
    dpkg-deb --field "$deb" Conflicts | grep -qF "libmariadb3 (= $broken)" || fail "no conflict with libmariadb3 $broken"
fi

say "install again, remove, purge"
echo '# mine' >>"$root/etc/poundcake/poundcake.env"
run dpkg -i --force-confold /poundcake.deb >/dev/null
grep -q '# mine' "$root/etc/poundcake/poundcake.env" || fail "an upgrade has changed poundcake.env"
run touch /etc/poundcake/secrets/database_url
run apt-get remove -y -qq poundcake >/dev/null
[ ! -e "$root/usr/bin/poundcake" ] && [ -e "$root/etc/poundcake/secrets/database_url" ] || fail "remove must take the program and leave the settings"
run apt-get purge -y -qq poundcake >/dev/null 2>&1
[ ! -e "$root/etc/poundcake" ] || fail "purge leaves $(ls -R "$root/etc/poundcake")"
say "$(basename "$deb") installs, upgrades, is removed and purged"
