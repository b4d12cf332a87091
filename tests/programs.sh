#!/bin/sh
# Sees to it that tests find the programs that they run: PostgreSQL and MariaDB (SQL sources), PHP and Node (what is put
# into pages), and a provider of OpenID Connect (signing in), of npm. Installed ones, else Debian's where we are root.
# Where they cannot be had the tests say so.
set -u
cd "$(dirname "$0")" || exit 1
missing=""
ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || command -v postgres > /dev/null 2>&1 || missing="postgresql"
[ -x /usr/sbin/mariadbd ] || command -v mariadbd > /dev/null 2>&1 || missing="$missing mariadb-server"
command -v php > /dev/null 2>&1 || missing="$missing php-cli"
command -v node > /dev/null 2>&1 || missing="$missing nodejs"
command -v npm > /dev/null 2>&1 || missing="$missing npm"
if [ -n "$missing" ]; then
    had=""
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1; then
        echo "installing Debian's $missing for the tests"
        # shellcheck disable=SC2086  # several words
        if { apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends $missing; } > /dev/null 2>&1; then
            had=yes
        fi
    fi
    [ -n "$had" ] || echo "not to be had: $missing; the tests that need them are skipped"
fi
# The exact releases of provider/package-lock.json, each with its hash; none of their scripts is run.
if [ ! -e provider/node_modules/.package-lock.json ] ||
    [ provider/package-lock.json -nt provider/node_modules/.package-lock.json ]; then
    echo "installing the provider of OpenID Connect for the tests"
    (cd provider && npm ci --ignore-scripts --no-audit --no-fund) > /dev/null 2>&1 ||
        echo "not to be had: npm's oidc-provider; the tests that need it are skipped, and fail where CI is set"
fi
exit 0
