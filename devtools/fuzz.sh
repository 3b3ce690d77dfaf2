#!/usr/bin/env bash
# Fuzz every parser of untrusted bytes: SECONDS_EACH (60) each, one line per target, exit status 1 if any
# crashed. New inputs that reach new code stay in build-fuzz/corpus; a crash is written to build-fuzz/crash-*:
# put it into tests/fuzz/corpus/<name>/ with the fix. usage: fuzz.sh [name...]
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-60}
dir=build-fuzz
if ! command -v clang >/dev/null || ! compgen -G "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*" >/dev/null; then
	mapfile -t want < <(grep -v '^#' devtools/packages-fuzz.txt | grep .)
	[ "$(id -u)" -eq 0 ] || { echo "fuzz: needs ${want[*]} (run as root to install them)" >&2; exit 1; }
	echo "fuzz: installing ${want[*]}"
	apt-get install -y -qq --no-install-recommends "${want[@]}" >/tmp/softdpu-fuzz-setup.log 2>&1 ||
		{ tail -5 /tmp/softdpu-fuzz-setup.log >&2; exit 1; }
fi
if [ ! -f $dir/build.ninja ]; then
	CC='ccache clang' meson setup $dir -Dfuzz=true -Dsanitize=true -Dwerror=false -Db_lundef=false >/tmp/softdpu-fuzz-meson.log ||
		{ tail -20 /tmp/softdpu-fuzz-meson.log >&2; exit 1; }
fi
ninja -C $dir --quiet fuzz-targets >/tmp/softdpu-fuzz-build.log 2>&1 || { tail -30 /tmp/softdpu-fuzz-build.log >&2; exit 1; }
# an allocation that no machine could serve fails as it would without the sanitizer, instead of ending the run
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=1} UBSAN_OPTIONS=print_stacktrace=1
failed=0
for exe in $dir/tests/fuzz/fuzz_*; do
	[ -x "$exe" ] && [ -f "$exe" ] || continue
	name=${exe##*/fuzz_}
	[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
	mkdir -p "$dir/corpus/$name"
	log=$dir/fuzz-$name.log
	"$exe" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -verbosity=1 -print_final_stats=1 \
		-artifact_prefix="$dir/crash-$name-" "$dir/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1
	rc=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if [ $rc -eq 0 ]; then
		echo "fuzz $name: ok, ${runs:-0} inputs in ${seconds}s"
	else
		failed=1
		echo "fuzz $name: FAILED (exit $rc), $(ls -t "$dir"/crash-"$name"-* 2>/dev/null | head -1); see $log"
		grep -m1 -E 'ERROR: |runtime error|Assertion' "$log"
	fi
done
exit $failed
