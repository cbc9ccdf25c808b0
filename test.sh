#!/bin/sh
# Installs what is missing, builds, and runs all tests. Root, for containers are the subject.
set -eu
cd "$(dirname "$0")"
tools/deps test
make --no-print-directory
exec tests/run "$@"
