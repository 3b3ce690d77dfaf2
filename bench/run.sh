#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# make bench: every bench program, one JSON line per case, on one core. usage: run.sh BUILDDIR
set -euo pipefail
build=$1
for exe in "$build"/bench/bench-* "$build"/bench/comch/bench-comch "$build"/bench/accel/bench-accel; do
	[ -f "$exe" ] && [ -x "$exe" ] || continue
	taskset -c "${BENCH_CPU:-1}" "$exe"
done
