#!/bin/sh
# Install the project into a virtual environment, from files whose hashes are pinned and from nothing else.
# Usage, from the repository's root: sh deploy/supply/install.sh VENV WHAT [OPTION FOR PIP]…
#   WHAT: lienquan, or with extras lienquan[postgresql]; EDITABLE=yes leaves the code where it is.
# Only wheels are installed: building a package would run its code and fetch what it needs for that without hashes.
set -eu
venv=$1 what=$2
shift 2

install() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: "$@"
}

install --no-deps "$@" -r deploy/supply/pip.txt
# The project itself: from this directory, with the setuptools of the line above, asking no index.
"$venv/bin/python" -m pip install -qq --no-index --no-deps --no-build-isolation ${EDITABLE:+--editable} .
install --no-deps "$@" -r deploy/supply/torch-cpu.txt ||
    echo "No CPU build of PyTorch could be installed. The build of PyPI follows, for Linux with CUDA (see README.md)." >&2
install -c constraints.txt "$@" "$what"
