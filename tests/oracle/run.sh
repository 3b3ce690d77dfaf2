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
usual="doca-flow doca-dpdk-bridge doca-common libdpdk" # a line `modules:` in a program names others
export prefix usual san src

# One program: exit status, and its output for the case that it fails.
one() {
	local mods
	mods=$(sed -n 's|^ \* modules: ||p' "$src/tests/oracle/$1.c")
	# shellcheck disable=SC2046,SC2086
	cc -std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror -DALLOW_EXPERIMENTAL_API $san \
		-o "$prefix/$1" "$src/tests/oracle/$1.c" $(pkg-config --cflags --libs ${mods:-$usual}) -Wl,-rpath-link,"$LD_LIBRARY_PATH" &&
		timeout 200 "$src/tools/softdpu-oracle" --strict --enter --settle 0.3 "$src/tests/oracle/$1.yaml" -- "$prefix/$1"
	echo $? >"$prefix/$1.rc"
}
export -f one

n=0 failed=0
[ $# -gt 0 ] || set -- $(cd "$src/tests/oracle" && ls ./*.yaml | sed 's|^\./||; s|\.yaml$||')
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one {} >"$prefix/{}.out" 2>&1'
for p; do
	n=$((n + 1))
	if [ "$(cat "$prefix/$p.rc")" = 0 ]; then echo "ok $n $p"
	else echo "not ok $n $p"; sed 's/^/# /' "$prefix/$p.out" | cut -c1-400; failed=1; fi
done
echo "1..$n"
exit $failed
