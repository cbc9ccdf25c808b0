#!/bin/sh
# Installs what is missing, builds, and runs all tests. Root, for containers are the subject.
set -eu
cd "$(dirname "$0")"
tools/deps test
# A build that was made before the tests' packages were here has none of them.
[ ! -e build/build.ninja ] || meson configure build -Dtests=enabled
make --no-print-directory MESON_FLAGS=-Dtests=enabled
exec tests/run "$@"
