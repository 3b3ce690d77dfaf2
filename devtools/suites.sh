#!/usr/bin/env bash
# Run meson test suites and end with `N passed, N failed`. usage: suites.sh BUILDDIR [meson test options]
cd "$(dirname "$0")/.." || exit 1
dir=$1; shift
meson test -C "$dir" --no-rebuild --print-errorlogs "$@"
python3 devtools/count.py "$dir/meson-logs/testlog.json"
