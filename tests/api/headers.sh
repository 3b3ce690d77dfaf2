#!/usr/bin/env bash
# Every public header compiles alone, first and without any other, as C11 and as C++17; those of include/compat as well, which
# lean on #include_next and so are not pedantic. Prints TAP.
# usage: headers.sh SOURCE_DIR
cd "$1/include" || exit 1
n=0 bad=0
alone() { # header, flags...
	local h=$1 how out; shift
	for how in 'gcc -std=c11 -x c -Wstrict-prototypes' 'g++ -std=c++17 -x c++'; do
		n=$((n + 1))
		if out=$(echo "#include <${h##*/}>" | $how -Wall -Wextra -Werror "$@" -I. -fsyntax-only - 2>&1); then
			echo "ok $n $h ${how%% *}"
		else
			echo "not ok $n $h ${how%% *}"
			echo "$out" | sed 's/^/# /'
			bad=1
		fi
	done
}
for h in doca_*.h; do alone "$h" -Wpedantic; done
for h in compat/*.h; do
	case $h in
	compat/doca_flow_fwd.h | compat/doca_flow_match.h | compat/doca_flow_net.h) ;; # parts of compat/doca_flow.h
	*) alone "$h" -Icompat ;;
	esac
done
echo "1..$n"
exit $bad
