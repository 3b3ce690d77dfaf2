#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# NVMe/TCP over loopback: target on CPU 0, initiator on CPU 1, memory-backed; one JSON line per case.
#   usage: bench/nvmf/run.sh BUILDDIR [TARGET-PORT TARGET-NQN TARGET-PID]   (a foreign target, already running)
set -u
B=$1 N=1000 TMP=$(mktemp -d)
LOAD="$B/bench/nvmf/nvmf-load --cpu 1"
trap 'kill ${PID:-} 2>/dev/null; wait 2>/dev/null; rm -rf "$TMP"' EXIT
if [ $# -ge 4 ]; then
	PORT=$2 NQN=$3 T=$4
else
	NQN=nqn.2026-11.softdpu:bench
	PORT=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
	{
		echo "{name: bench, state: $TMP/state, reactors: [0], spin_us: ${SPIN_US:-1000},"
		echo " listen: [{address: 127.0.0.1, port: $PORT}],"
		echo " subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"mem:512M\"}"
		for i in $(seq 2 $((N + 1))); do echo ", {nsid: $i, backend: \"mem:1M\"}"; done
		echo "]}]}"
	} >"$TMP/c.yaml"
	SOFTDPU_RUN=$TMP/run "$B/daemons/softdpu-nvmfd" -c "$TMP/c.yaml" >"$TMP/log" 2>&1 & PID=$!
	T=$PID
	for _ in $(seq 100); do grep -q 'is ready' "$TMP/log" && break; sleep 0.1; done
fi
go() { local name=$1; shift; $LOAD --port "$PORT" --nqn "$NQN" --target-pid "$T" --name "nvmf-$name" --seconds "${SECONDS_EACH:-5}" "$@"; }
go fill --block 131072 --depth 32 --write 100 --sequential --seconds 3 >/dev/null # first touch is not what is measured
go read-4k-qd1 --depth 1
go write-4k-qd1 --depth 1 --write 100
go read-4k-qd128 --depth 128
go write-4k-qd128 --depth 128 --write 100
go read-128k-qd32 --block 131072 --depth 32
go write-128k-qd32 --block 131072 --depth 32 --write 100
go read-4k-128x1 --depth 1 --connections 128
go read-4k-qd128-digests --depth 128 --digests
[ $# -ge 4 ] || go read-4k-qd128-1000ns --depth 128 --nsid 2 --namespaces $N
"$B/bench/nvmf/nvmf-idle" "$PORT" "$NQN" 100 10 "$T"
