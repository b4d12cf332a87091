#!/bin/sh
# Sees to it that tests find the programs that they run: PostgreSQL and MariaDB (SQL sources), PHP and Node (what is put
# into pages). Installed ones, else Debian's where we are root. Where they cannot be had the tests say so.
set -u
missing=""
ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || command -v postgres > /dev/null 2>&1 || missing="postgresql"
[ -x /usr/sbin/mariadbd ] || command -v mariadbd > /dev/null 2>&1 || missing="$missing mariadb-server"
command -v php > /dev/null 2>&1 || missing="$missing php-cli"
command -v node > /dev/null 2>&1 || missing="$missing nodejs"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1; then
    echo "installing Debian's $missing for the tests"
    # shellcheck disable=SC2086  # several words
    if { apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing; } > /dev/null 2>&1; then
        exit 0
    fi
fi
echo "not to be had: $missing; the tests that need them are skipped"
