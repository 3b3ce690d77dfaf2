#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The own programs against their packet oracles, compiled as a user compiles: against an installation, by pkg-config.
# Prints TAP. usage: run.sh SOURCE_DIR BUILD_DIR [PROGRAM...]
src=$1 build=$2; shift 2
/usr/bin/python3 -c 'import scapy, yaml' 2>/dev/null || { echo "1..0 # SKIP python3-scapy or python3-yaml is missing"; exit 0; }
prefix=$(mktemp -d) || exit 1
trap 'rm -rf "$prefix"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$prefix" >"$prefix/install.log" 2>&1 || {
	sed 's/^/# /' "$prefix/install.log"; echo "Bail out! installation failed"; exit 1; }
pc=$(dirname "$(find "$prefix" -name doca-common.pc)")
root=$(sed -n 's/^prefix=//p' "$pc/doca-common.pc")
sed -i "s|^prefix=.*|prefix=$prefix$root|" "$pc"/*.pc
export PKG_CONFIG_PATH=$pc LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(dirname "$pc")
san=; grep -q fsanitize=address "$build/build.ninja" && san='-fsanitize=address,undefined'
mods="doca-flow doca-dpdk-bridge doca-common libdpdk"
n=0 failed=0
[ $# -gt 0 ] || set -- $(cd "$src/tests/oracle" && ls ./*.yaml | sed 's|^\./||; s|\.yaml$||')
for p; do
	n=$((n + 1)) out=$prefix/$p.out
	# shellcheck disable=SC2046,SC2086
	if cc -std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror -DALLOW_EXPERIMENTAL_API $san -o "$prefix/$p" \
		"$src/tests/oracle/$p.c" $(pkg-config --cflags --libs $mods) -Wl,-rpath-link,"$LD_LIBRARY_PATH" >"$out" 2>&1 &&
		timeout 100 "$src/tools/softdpu-oracle" --strict --settle 1 "$src/tests/oracle/$p.yaml" -- "$prefix/$p" >>"$out" 2>&1; then
		echo "ok $n $p"
	else
		echo "not ok $n $p"; sed 's/^/# /' "$out" | cut -c1-400; failed=1
	fi
done
echo "1..$n"
exit $failed
