#!/usr/bin/env bash
# make check: the plain build runs every suite but the system ones, the sanitizer build the fast parts.
# usage: check.sh BUILDDIR SANITIZED_BUILDDIR
cd "$(dirname "$0")/.." || exit 1
plain=$1 san=$2
patience=4 # times the tests' own timeouts, which fit a quiet machine: a busy one must not fail a test
devtools/build.sh "$plain" || exit 1
devtools/build.sh "$san" -Dsanitize=true || exit 1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0} UBSAN_OPTIONS=print_stacktrace=1
meson test -C "$plain" --no-rebuild --print-errorlogs -t "$patience" --no-suite system --no-suite system-nvmf --no-suite bench
meson test -C "$san" --no-rebuild --print-errorlogs -t "$patience" --no-suite system --no-suite system-nvmf --no-suite bench --no-suite slow --no-suite tidy
python3 devtools/count.py "$plain/meson-logs/testlog.json" "$san/meson-logs/testlog.json"
