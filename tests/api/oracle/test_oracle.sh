#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# softdpu oracle: a right file passes, one with a wrong expectation fails and says what is missing. Prints TAP.
# And our own DOCA Flow programs against their files.
# usage: test_oracle.sh SOURCE_DIR ECHO_PROGRAM CT_PROGRAM
src=$1 echo=$2 ct=$3
/usr/bin/python3 -c 'import scapy, yaml' 2>/dev/null || { echo "1..0 # SKIP python3-scapy or python3-yaml is missing"; exit 0; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
run() { timeout 100 "$src/tools/softdpu-oracle" --strict "$1" -- "$echo" --log-level='*:error' -a pci:00:00.0 >"$dir/out" 2>&1; }
echo 1..3
run "$src/tests/api/oracle/echo.yaml" && echo "ok 1 - packets cross" || { sed 's/^/# /' "$dir/out"; echo "not ok 1 - packets cross"; }
sed "0,/expected_packets/! s/b'bb'/b'cc'/" "$src/tests/api/oracle/echo.yaml" >"$dir/wrong.yaml"
run "$dir/wrong.yaml"; rc=$?
if [ $rc = 1 ] && grep -q 'missing' "$dir/out" && grep -q 'not expected' "$dir/out"; then echo "ok 2 - a wrong packet is told"
else sed 's/^/# /' "$dir/out"; echo "not ok 2 - a wrong packet is told"; fi
timeout 100 "$src/tools/softdpu-oracle" --strict "$src/tests/api/oracle/ct.yaml" -- "$ct" >"$dir/out" 2>&1 && echo "ok 3 - connections open from the inside" ||
	{ sed 's/^/# /' "$dir/out"; echo "not ok 3 - connections open from the inside"; }
