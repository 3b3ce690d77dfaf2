#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The founding document's NVMe-oF programs: compiled through the installed headers and pkg-config, and
# talking to each other. usage: founding.sh SOURCE BUILD. Prints TAP.
src=$1 build=$2 dir=$(mktemp -d)
here=$src/tests/conformance/nvmf
trap 'kill $T 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$dir" >"$dir/log" 2>&1 || { echo "Bail out! install"; exit 1; }
pc=$(dirname "$(find "$dir" -name doca-nvmf.pc)")
root=$(sed -n 's/^prefix=//p' "$pc/doca-common.pc")
sed -i "s|^prefix=.*|prefix=$dir$root|" "$pc"/*.pc
export PKG_CONFIG_PATH=$pc LD_LIBRARY_PATH=$(dirname "$pc")
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 # as they stand, the programs never destroy what they make
san=; grep -q fsanitize=address "$build/build.ninja" && san='-fsanitize=address,undefined'
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
build() { # source binary -D...
	local s=$1 b=$2; shift 2
	# shellcheck disable=SC2046
	cc -std=gnu11 $san "$@" -o "$dir/$b" "$here/$s" $(pkg-config --cflags --libs doca-nvmf doca-dma) -Wl,-rpath-link,"$LD_LIBRARY_PATH" 2>"$dir/$b.cc"
}
n=0 bad=0
check() { n=$((n + 1)); if [ "$2" = 0 ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; bad=1; sed 's/^/# /' "$dir"/*.cc "$dir"/*.out 2>/dev/null | tail -20; fi; }
P=$(port) Q=$(port)
printf 'the founding target' >"$dir/disk"; truncate -s 64M "$dir/disk"
printf 'the second target' >"$dir/disk2"; truncate -s 64M "$dir/disk2"
build f3446_target.c one -DF_DEVICE="\"$dir/disk\"" -DF_PORT=$P; check "F:3446 compiles" $?
build f3986_both.c two -DF_DEVICE="\"$dir/disk2\"" -DF_PORT=$Q -DF_ANY_HOST=true -DF_ADDR='"127.0.0.1"' -DF_NQN='"nqn.2024-11.com.nvidia:nvme:storage01"'
check "F:3986 compiles" $?
build f3986_both.c three -DF_DEVICE='""' -DF_PORT=$P -DF_ANY_HOST=false -DF_ADDR='"::1"' -DF_NQN='"nqn.2024.io.storage"'
build f3986_both.c four -DF_DEVICE="\"$dir/disk2\"" -DF_PORT=$(port) -DF_ANY_HOST=false -DF_ADDR='"127.0.0.1"' -DF_NQN='"nqn.2024-11.com.nvidia:nvme:storage01"'
timeout 60 "$dir/one" >"$dir/one.out" 2>&1 & T=$!
sleep 1
timeout 30 "$dir/three" >"$dir/three.out" 2>&1; check "the initiator reads from the first target" $?
grep -q 'read: the founding target' "$dir/three.out"; check "what is on its disk" $?
timeout 30 "$dir/two" target+initiator >"$dir/two.out" 2>&1; check "the initiator reads from the second target" $?
grep -q 'read: the second target' "$dir/two.out"; check "what is on its disk" $?
timeout 30 "$dir/four" target+initiator >"$dir/four.out" 2>&1; [ $? = 1 ]
check "a host that is not allowed is refused" $?
echo "1..$n"
exit $bad
