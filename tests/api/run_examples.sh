#!/usr/bin/env bash
# Build and run examples/ the way a user does: against an installation, through pkg-config. Prints TAP.
#
# usage: run_examples.sh SOURCE_DIR BUILD_DIR [EXAMPLE...]
#
# The head of an example says what it needs, in lines of its opening comment:
#    pkg-config: doca-common doca-argp      modules
#    cc: -DX                                more compiler flags (optional)
#    run: -d 03:00.0                        arguments; several lines, several runs. "run:" alone = none
#    shell: "$E/server" & "$E/client"       instead of run: a bash line, $E = where the binaries are, $S = the source
#    expect: some text                      must occur in the output (all lines must)
#    skip-unless: test -e /dev/x            reported as SKIP when this fails
src=$1 build=$2; shift 2
prefix=$(mktemp -d) || exit 1
trap 'rm -rf "$prefix"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$prefix" >"$prefix/install.log" 2>&1 || {
	sed 's/^/# /' "$prefix/install.log"; echo "Bail out! installation failed"; exit 1; }
pc=$(dirname "$(find "$prefix" -name doca-common.pc)")
root=$(sed -n 's/^prefix=//p' "$pc/doca-common.pc")
sed -i "s|^prefix=.*|prefix=$prefix$root|" "$pc"/*.pc
export PKG_CONFIG_PATH=$pc LD_LIBRARY_PATH=$(dirname "$pc") E=$prefix/bin S=$src SOFTDPU_RUN_DIR=$prefix/run
mkdir -p "$E" "$SOFTDPU_RUN_DIR"
san=; grep -q fsanitize=address "$build/build.ninja" && san='-fsanitize=address,undefined'

head_lines() { sed -n "1,/\*\//s|^[ /*]*$2:[ ]*||p" "$1"; }

compile() { # source binary
	# shellcheck disable=SC2046
	cc -std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter -Werror $san $(head_lines "$1" cc) -o "$2" "$1" \
		$(pkg-config --cflags --libs $(head_lines "$1" pkg-config)) -Wl,-rpath-link,"$LD_LIBRARY_PATH"
}

run() { # source binary
	if [ -n "$(head_lines "$1" shell)" ]; then
		timeout 60 bash -c "$(head_lines "$1" shell)" </dev/null || return
		return
	fi
	head_lines "$1" run | while read -r args; do
		eval "timeout 60 '$2' $args" </dev/null || exit
	done
}

expected() { # source output
	local text bad=0
	while read -r text; do
		grep -qF -- "$text" "$2" || { echo "expected in the output: $text"; bad=1; }
	done < <(head_lines "$1" expect)
	return $bad
}

set -o pipefail
n=0 failed=0
[ $# -gt 0 ] || set -- $(cd "$src/examples" && ls ./*.c 2>/dev/null | sed 's|^\./||; s|\.c$||')
for e; do # all first: a shell line may use several binaries
	compile "$src/examples/$e.c" "$E/$e" >"$prefix/$e.cc" 2>&1 && rm "$prefix/$e.cc"
done
for e; do
	n=$((n + 1)) c=$src/examples/$e.c out=$prefix/$e.out
	need=$(head_lines "$c" skip-unless)
	if [ -n "$need" ] && ! bash -c "$need" >/dev/null 2>&1; then
		echo "ok $n example $e # SKIP $need"
	elif [ -e "$prefix/$e.cc" ]; then
		echo "not ok $n example $e: does not compile"; sed 's/^/# /' "$prefix/$e.cc"; failed=1
	elif run "$c" "$E/$e" >"$out" 2>&1 && expected "$c" "$out" >>"$out"; then
		echo "ok $n example $e"
	else
		echo "not ok $n example $e"; sed 's/^/# /' "$out"; failed=1
	fi
done
echo "1..$n"
exit $failed
