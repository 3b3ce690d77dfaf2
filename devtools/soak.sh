#!/usr/bin/env bash
# The packet path against its twins for a long time, each run with a fresh seed (printed when one fails).
# usage: soak.sh BUILDDIR [SECONDS]
set -euo pipefail
build=$1 until=$((SECONDS + ${2:-3600})) runs=0
while [ $SECONDS -lt $until ]; do
	for level in generic avx2 avx512; do
		for t in eswitch/test-bursts flow/test_flow_flat flow/test_flow_twin flow/test_flow_exact flow/test_flow_conn; do
			SOFTDPU_CPU=$level SOFTDPU_SOAK=20 "$build/tests/unit/$t" >/tmp/softdpu-soak.$$ 2>&1 ||
				{ echo "soak: $t failed on $level after $runs runs:"; cat /tmp/softdpu-soak.$$; exit 1; }
			runs=$((runs + 1))
		done
	done
done
rm -f /tmp/softdpu-soak.$$
echo "soak: $runs runs passed"
