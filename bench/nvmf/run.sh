#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# NVMe/TCP over loopback: target on CPU 0, initiator on CPU 1. The rows of the table in turn, ROUNDS (3) times;
# one JSON line per row, that of the median.
#   usage: bench/nvmf/run.sh BUILDDIR [TARGET-PORT TARGET-NQN TARGET-PID]   (a foreign target, already running)
#   ROWS="read-4k-qd1 ..." only these; SECONDS_EACH=1; RT=1 both ends at real-time priority (a busy machine);
#   FILE_DIR=/var/tmp where the file of the file rows lies
set -u
B=$1 N=1000 TMP=$(mktemp -d) ROUNDS=${ROUNDS:-3} EACH=${SECONDS_EACH:-1}
FILE=${FILE_DIR:-/var/tmp}/softdpu-bench.$$
PIDS=()
trap 'kill "${PIDS[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$TMP" "$FILE"' EXIT
RTP=(); [ -z "${RT:-}" ] || RTP=(chrt -r 1)
FOREIGN=$(($# >= 4))
NQN=nqn.2026-11.softdpu:bench

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

# target NAME SPIN-US NAMESPACES: sets PORT_NAME and PID_NAME
target() {
	local port; port=$(free_port)
	{
		echo "{name: $1, state: $TMP/$1, reactors: [0], spin_us: $2, listen: [{address: 127.0.0.1, port: $port}],"
		echo " subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [$3]}]}"
	} >"$TMP/$1.yaml"
	SOFTDPU_RUN=$TMP/run "${RTP[@]}" "$B/daemons/softdpu-nvmfd" -c "$TMP/$1.yaml" >"$TMP/$1.log" 2>&1 &
	PIDS+=($!)
	eval "PID_$1=$! PORT_$1=$port"
	for _ in $(seq 100); do grep -q 'is ready' "$TMP/$1.log" && return; sleep 0.1; done
	cat "$TMP/$1.log" >&2
	exit 1
}

# go TARGET ROW options: one measurement
go() {
	local t=$1 row=$2 port pid; shift 2
	port=PORT_$t pid=PID_$t
	"${RTP[@]}" "$B/bench/nvmf/nvmf-load" --cpu 1 --port "${!port}" --nqn "$NQN" --target-pid "${!pid}" \
		--name "nvmf-$row" --seconds "$EACH" --warmup 0.2 "$@"
}

# What io_uring does on the same file without a network: the measure of the file row.
raw_file() {
	"${RTP[@]}" taskset -c 0 fio --name=raw --filename="$FILE" --rw=randread --bs=4k --iodepth=32 --ioengine=io_uring --direct=1 \
		--registerfiles=1 --fixedbufs=1 --runtime=$(((${EACH%.*} + 0) > 0 ? ${EACH%.*} : 1)) --time_based --output-format=json |
		python3 -c 'import json,sys; r=json.load(sys.stdin)["jobs"][0]["read"]; print(json.dumps({"bench": "raw-file-4k-qd32", "iops": round(r["iops"]), "mean_us": round(r["clat_ns"]["mean"] / 1e3, 1)}))'
}

row() {
	case $1 in
	read-4k-qd1) go poll "$1" --depth 1 ;;
	write-4k-qd1) go poll "$1" --depth 1 --write 100 ;;
	read-4k-qd1-shipped) go shipped "$1" --depth 1 --spin-us 50 ;; # as the daemon comes: polls 50 us, then sleeps
	read-4k-qd1-sleeping) go sleep "$1" --depth 1 ;;		 # a target that never polls
	read-4k-qd128) go poll "$1" --depth 128 ;;
	write-4k-qd128) go poll "$1" --depth 128 --write 100 ;;
	read-128k-qd32) go poll "$1" --block 131072 --depth 32 ;;
	write-128k-qd32) go poll "$1" --block 131072 --depth 32 --write 100 ;;
	read-4k-128x1) go poll "$1" --depth 1 --connections 128 ;;
	read-4k-qd128-digests) go poll "$1" --depth 128 --digests ;;
	read-4k-qd128-1000ns) go poll "$1" --depth 128 --nsid 2 --namespaces $N ;;
	read-4k-qd128-1000m) go poll "$1" --depth 128 --nsid 1002 ;; # one namespace as large as the thousand together
	file-4k-qd32) go file "$1" --depth 32 ;;
	raw-file-4k-qd32) raw_file ;;
	*) echo "no row $1" >&2; exit 1 ;;
	esac
}

ALL="read-4k-qd1 write-4k-qd1 read-4k-qd128 write-4k-qd128 read-128k-qd32 write-128k-qd32 read-4k-128x1 read-4k-qd128-digests"
if [ $FOREIGN = 1 ]; then
	NQN=$3 PORT_poll=$2 PID_poll=$4
	ROWS=${ROWS:-$ALL}
else
	ROWS=${ROWS:-$ALL read-4k-qd1-shipped read-4k-qd1-sleeping read-4k-qd128-1000ns read-4k-qd128-1000m file-4k-qd32 raw-file-4k-qd32}
	many=; case $ROWS in *1000*)
		for i in $(seq 2 $((N + 1))); do many+=", {nsid: $i, backend: \"mem:1M\"}"; done
		many+=", {nsid: $((N + 2)), backend: \"mem:${N}M\"}" ;;
	esac
	target poll 1000 "{nsid: 1, backend: \"mem:512M\"}$many"
	case $ROWS in *sleeping*) target sleep 0 '{nsid: 1, backend: "mem:64M"}' ;; esac
	case $ROWS in *shipped*) target shipped 50 '{nsid: 1, backend: "mem:64M"}' ;; esac
	case $ROWS in *file*)
		dd if=/dev/urandom of="$FILE" bs=1M count=256 oflag=direct 2>/dev/null
		target file 1000 "{nsid: 1, backend: \"file:$FILE?block=4096\"}" ;;
	esac
fi
# first touch is not what is measured
go poll fill --block 131072 --depth 32 --write 100 --sequential --seconds 1 >/dev/null
case $ROWS in *1000*)
	go poll fill --block 131072 --depth 32 --write 100 --sequential --seconds 1 --nsid 2 --namespaces $N >/dev/null
	go poll fill --block 131072 --depth 32 --write 100 --sequential --seconds 1 --nsid $((N + 2)) >/dev/null ;;
esac
for _ in $(seq "$ROUNDS"); do for r in $ROWS; do row "$r" >>"$TMP/rows"; done; done
python3 - "$TMP/rows" <<'PY'
import json, sys
rows = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    rows.setdefault(row["bench"], []).append(row)
for runs in rows.values():
    runs.sort(key=lambda r: r["iops"])
    print(json.dumps(runs[len(runs) // 2]))
PY
[ $FOREIGN = 1 ] || [ -n "${NO_IDLE:-}" ] || "$B/bench/nvmf/nvmf-idle" "$PORT_poll" "$NQN" 100 10 "$PID_poll"
