#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# What exporting an image costs over using it directly: CPU time per 4 KiB random read at QD32, target minus fio with
# librbd, all threads of either on CPU 0. The measure is what the target costs for a file, all of it: fio's own share
# of a file's I/O is larger than the target's, so a difference would be below zero. The target never polls here.
#   usage: bench/nvmf/rbd.sh BUILDDIR POOL/IMAGE CEPH.CONF      (a running cluster, an image full of data; reads only)
set -u
B=$1 IMAGE=$2 CONF=$3 TMP=$(mktemp -d) EACH=${SECONDS_EACH:-2} ROUNDS=${ROUNDS:-3}
FILE=${FILE_DIR:-/var/tmp}/softdpu-bench.$$ NQN=nqn.2026-11.softdpu:bench
trap 'kill ${PID:-} 2>/dev/null; wait 2>/dev/null; rm -rf "$TMP" "$FILE"' EXIT
PORT=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
dd if=/dev/urandom of="$FILE" bs=1M count=256 oflag=direct 2>/dev/null
cat >"$TMP/c.yaml" <<EOC
{name: bench, state: $TMP/s, reactors: [0], spin_us: 0, listen: [{address: 127.0.0.1, port: $PORT}],
 subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [
  {nsid: 1, backend: "rbd:$IMAGE?conf=$CONF&block=4096"}, {nsid: 2, backend: "file:$FILE?block=4096"}]}]}
EOC
SOFTDPU_RUN=$TMP/run taskset -c 0 "$B/daemons/softdpu-nvmfd" -c "$TMP/c.yaml" >"$TMP/log" 2>&1 & PID=$!
for _ in $(seq 100); do grep -q 'is ready' "$TMP/log" && break; sleep 0.1; done
grep -q 'is ready' "$TMP/log" || { cat "$TMP/log" >&2; exit 1; }
# exported NSID: microseconds of the target per I/O
exported() {
	"$B/bench/nvmf/nvmf-load" --cpu 1 --spin-us 0 --port "$PORT" --nqn $NQN --target-pid $PID --nsid "$1" --depth 32 \
		--seconds "$EACH" --warmup 0.2 | python3 -c 'import json,sys; r=json.load(sys.stdin); print(r["target_cpu_us_per_io"], r["iops"])'
}
# direct FIO-OPTIONS: the same of fio
direct() {
	python3 - "$EACH" "$@" <<'PY'
import json, resource, subprocess, sys
out = subprocess.run(["taskset", "-c", "0", "fio", "--name=d", "--rw=randread", "--bs=4k", "--iodepth=32", "--time_based",
                      "--runtime=" + sys.argv[1], "--thread", "--output-format=json"] + sys.argv[2:], stdout=subprocess.PIPE).stdout
use = resource.getrusage(resource.RUSAGE_CHILDREN)
read = json.loads(out[out.index(b"{"):])["jobs"][0]["read"]
print((use.ru_utime + use.ru_stime) * 1e6 / max(read["total_ios"], 1), read["iops"])
PY
}
for _ in $(seq "$ROUNDS"); do
	echo "$(exported 1) $(direct --ioengine=rbd --pool="${IMAGE%%/*}" --rbdname="${IMAGE#*/}" --clientname=admin) \
		$(exported 2) $(direct --ioengine=io_uring --direct=1 --filename="$FILE")"
done | python3 -c '
import json, statistics, sys
rows = [list(map(float, l.split())) for l in sys.stdin]
m = [statistics.median(c) for c in zip(*rows)]
rbd, file = m[0] - m[2], m[4] - m[6]
print(json.dumps({"must": 1.2, "ratio": round(rbd / m[4], 3), "verdict": "holds" if rbd <= 1.2 * m[4] else "short",
    "bench": "nvmf-rbd-4k-qd32", "rbd_target_us": round(m[0], 2), "rbd_direct_us": round(m[2], 2),
    "file_target_us": round(m[4], 2), "file_direct_us": round(m[6], 2), "added_rbd_us": round(rbd, 2),
    "added_file_us": round(file, 2), "iops_rbd": round(m[1]), "iops_rbd_direct": round(m[3])}))'
