#!/usr/bin/env bash
# clang-tidy (.clang-tidy says which checks) and cppcheck over our own C files; silent and 0 when all is well.
# usage: tidy.sh BUILDDIR [FILE.c...]      without files: all that git tracks below src daemons tools dpdk
set -uo pipefail
cd "$(dirname "$0")/.."
dir=${1:-build}; shift || true
if ! command -v clang-tidy >/dev/null || ! command -v cppcheck >/dev/null; then
	[ "$(id -u)" -eq 0 ] || { echo "tidy: needs clang-tidy and cppcheck (run as root to install them)" >&2; exit 1; }
	apt-get install -y -qq --no-install-recommends clang-tidy cppcheck >/tmp/softdpu-tidy-setup.log 2>&1 ||
		{ tail -5 /tmp/softdpu-tidy-setup.log >&2; exit 1; }
fi
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.c' 'daemons/*.c' 'tools/*.c' 'dpdk/*.c')
# only what this build compiles: clang-tidy needs the flags
mapfile -t known < <(python3 - "$dir" "${files[@]}" <<'PY'
import json, os, sys
built = {os.path.realpath(os.path.join(c["directory"], c["file"])) for c in json.load(open(sys.argv[1] + "/compile_commands.json"))}
print("\n".join(f for f in sys.argv[2:] if os.path.realpath(f) in built))
PY
)
status=0
printf '%s\n' "${known[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p "$dir" --quiet \
	--extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-error 2>/tmp/softdpu-tidy.$$ || status=1
[ $status -eq 0 ] || grep -E 'error:' /tmp/softdpu-tidy.$$
rm -f /tmp/softdpu-tidy.$$
cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr -j "$(nproc)" \
	--suppress=missingInclude --suppress=preprocessorErrorDirective --suppress=unknownMacro \
	--suppress=nullPointerRedundantCheck --suppress=uninitvar --suppress=uninitStructMember \
	--suppress=ctunullpointer --suppress=varFuncNullUB --suppress=bufferAccessOutOfBounds \
	--suppress=pointerOutOfBoundsCond \
	-D_GNU_SOURCE -D__x86_64__ -I src "${files[@]}" || status=1
exit $status
