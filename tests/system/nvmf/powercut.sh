#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 at random points under load, no guest: what was acknowledged is there, the configuration is the
# old or the new one, and the daemon comes back by itself every time.
. "$(dirname "$0")/guest.sh"
SEED=${SOFTDPU_SEED:-$RANDOM}
echo "# SOFTDPU_SEED=$SEED"
RANDOM=$SEED
PORT=$(free_port)
NVME="$BUILD/tools/nvme/softdpu-nvme -s $PORT -n $NQN"
CONFIG="listen: [{address: 127.0.0.1, port: $PORT, id: 1}]
subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"file:$TMP/disk?size=16M&block=4096\"}]}]"
lost=0 torn=0 dead=0
for round in 1 2 3 4 5 6; do
	nvmfd one "$CONFIG"
	# a load and configuration changes on top, then the lights go out
	$NVME perf --write 100 --seconds 3 --depth 16 >/dev/null 2>&1 &
	L=$!
	(while rpc one nvmf.namespace_set "{\"nqn\": \"$NQN\", \"nsid\": 1, \"iops\": $((RANDOM + 1000))}"; do :; done) >/dev/null 2>&1 &
	C=$!
	sleep "0.$((RANDOM % 9))"
	kill -9 "$PID_one"
	kill $L $C 2>/dev/null
	wait $L $C "$PID_one" 2>/dev/null
	python3 -c "import json; json.load(open('$TMP/one/nvmfd.json'))" 2>/dev/null || [ ! -e "$TMP/one/nvmfd.json" ] || torn=1
	nvmfd one "$CONFIG"
	$NVME read --lba 0 --blocks 1 >/dev/null || dead=1
	head -c 4096 /dev/urandom >"$TMP/one-block"
	$NVME write --lba 4095 --blocks 1 <"$TMP/one-block" || dead=1
	kill -9 "$PID_one"; wait "$PID_one" 2>/dev/null
	nvmfd one "$CONFIG"
	$NVME read --lba 4095 --blocks 1 | cmp -s - "$TMP/one-block" || lost=1
	kill "$PID_one"; wait "$PID_one" 2>/dev/null
done
check "acknowledged writes survive kill -9" [ $lost = 0 ]
check "the saved configuration is never half" [ $torn = 0 ]
check "the daemon starts and serves after each" [ $dead = 0 ]
finish
