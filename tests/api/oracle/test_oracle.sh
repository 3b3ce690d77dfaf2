#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# softdpu oracle: a right file passes; each thing that can be wrong fails in its own words. Prints TAP.
# usage: test_oracle.sh SOURCE_DIR ECHO_PROGRAM CT_PROGRAM
src=$1 echo=$(realpath "$2") ct=$(realpath "$3")
/usr/bin/python3 -c 'import scapy, yaml' 2>/dev/null || { echo "1..0 # SKIP python3-scapy or python3-yaml is missing"; exit 0; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
run() { timeout 100 "$src/tools/softdpu-oracle" --enter --settle 0.5 --strict "$1" -- "$echo" --log-level='*:error' -a pci:00:00.0 >"$dir/out" 2>&1; }
n=0
check() { n=$((n + 1)); if [ "$1" = 0 ]; then echo "ok $n - $2"; else sed 's/^/# /' "$dir/out"; echo "not ok $n - $2"; fi; }

run "$src/tests/api/oracle/echo.yaml"; check $? "packets cross"

sed "0,/expected_packets/! s/b'bb'/b'cc'/" "$src/tests/api/oracle/echo.yaml" >"$dir/wrong.yaml"
run "$dir/wrong.yaml"; [ $? = 1 ] && grep -q missing "$dir/out" && grep -q 'not expected' "$dir/out" && grep -q 'the nearest that came: UDP.chksum is' "$dir/out"
check $? "a wrong packet is told with the field that differs"

sed 's/- forwarding_port: 0/- forwarding_port: 1/' "$src/tests/api/oracle/echo.yaml" >"$dir/wrong.yaml"
run "$dir/wrong.yaml"; [ $? = 1 ] && grep -q 'it came out of port 0' "$dir/out"; check $? "a packet at the wrong port is told with the right one"

sed 's/3 packets crossed/4 packets crossed/' "$src/tests/api/oracle/echo.yaml" >"$dir/wrong.yaml"
run "$dir/wrong.yaml"; [ $? = 1 ] && grep -q 'not in the program.s output: 4 packets crossed' "$dir/out"; check $? "a line that is not printed is told"

timeout 100 "$src/tools/softdpu-oracle" --junit "$dir/junit.xml" "$src/tests/api/oracle/echo.yaml" -- sh -c 'echo not today' >"$dir/out" 2>&1
[ $? = 1 ] && grep -q 'ended without saying.*not today' "$dir/out" && grep -q 'failures="1"' "$dir/junit.xml"; check $? "a program that ends early, in words and as JUnit"

echo 'number_of_ports: 2' >"$dir/wrong.yaml"
run "$dir/wrong.yaml"; [ $? = 2 ] && grep -q 'no use_cases' "$dir/out"; check $? "a file without a test is refused"

sed 's/ARP(/APR(/' "$src/tests/api/oracle/echo.yaml" >"$dir/wrong.yaml"
run "$dir/wrong.yaml"; [ $? = 2 ] && grep -q 'cannot be built: NameError' "$dir/out"; check $? "a packet that is none is named"

# nobody: no root, no hugepages, no interface
if [ "$(id -u)" = 0 ]; then
	as_nobody='setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all'
	install -d -o 65534 "$dir/nobody"; chmod 755 "$dir"
	(cd / && HOME=$dir/nobody TMPDIR=$dir/nobody timeout 100 $as_nobody "$src/tools/softdpu-oracle" --enter --settle 0.5 --strict "$src/tests/api/oracle/echo.yaml" -- \
		"$echo" --log-level='*:error' -a pci:00:00.0) >"$dir/out" 2>&1
	check $? "without privileges"
fi

timeout 100 "$src/tools/softdpu-oracle" --strict "$src/tests/api/oracle/ct.yaml" -- "$ct" >"$dir/out" 2>&1; check $? "connections open from the inside"
echo "1..$n"
