#!/usr/bin/env bash
# Every public header compiles alone, first and without any other, as C11 and as C++17. Prints TAP.
# usage: headers.sh SOURCE_DIR
cd "$1/include" || exit 1
n=0 bad=0
for h in doca_*.h; do
	for how in 'gcc -std=c11 -x c -Wstrict-prototypes' 'g++ -std=c++17 -x c++'; do
		n=$((n + 1))
		if out=$(echo "#include <$h>" | $how -Wall -Wextra -Werror -Wpedantic -I. -fsyntax-only - 2>&1); then
			echo "ok $n $h ${how%% *}"
		else
			echo "not ok $n $h ${how%% *}"
			echo "$out" | sed 's/^/# /'
			bad=1
		fi
	done
done
echo "1..$n"
exit $bad
