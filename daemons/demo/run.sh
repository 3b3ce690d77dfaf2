#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# make run: the demo. usage: run.sh BUILDDIR   (KEEP=1 leaves the cluster up until Ctrl-C)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
if [ "$(id -u)" -ne 0 ]; then
	echo "make run needs root for its network namespaces: sudo make run" >&2
	exit 1
fi
exec /usr/bin/python3 -B "$here/demo.py" "$build" ${KEEP:+--keep}
