#!/bin/sh
# Sees to it that the browser tests find a Chromium: an installed one, else Debian's where we are root, else
# Playwright's own. Where none can be had the tests say so (and fail where CI is set).
set -u
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" > /dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1; then
    echo "installing Debian's chromium for the browser tests"
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } > /dev/null 2>&1; then
        exit 0
    fi
fi
echo "downloading Playwright's Chromium for the browser tests"
"${PYTHON:-python3}" -m playwright install chromium || echo "no Chromium to be had: the browser tests cannot run"
