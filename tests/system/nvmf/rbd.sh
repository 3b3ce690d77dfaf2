#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Ceph images as namespaces: a one-node cluster, random operations against a model, a load that verifies, resize,
# kill -9, two daemons as two paths to one image.
. "$(dirname "$0")/guest.sh"
CEPH=${SOFTDPU_CEPH_TOOLS:-$(dirname "$TOOLS")/ceph}
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -x "$CEPH/ceph_one.sh" ] || [ -f "$CEPH/ceph_one.sh" ] || skip_all "no Ceph tools at $CEPH"
for p in ceph-mon ceph-osd ceph-mgr rbd uuidgen bc; do command -v $p >/dev/null || skip_all "no $p"; done
export D=$TMP/ceph CEPH_CONF=$TMP/ceph/ceph.conf
bash "$CEPH/ceph_one.sh" start memstore >"$TMP/ceph.log" 2>&1 </dev/null
for p in osd mgr mon; do [ -f "$D/$p.pid" ] && PIDS+=("$(cat "$D/$p.pid")"); done
rbd create rbd/small --size 2M && rbd create rbd/disk --size 32M || { sed 's/^/# ceph: /' "$TMP/ceph.log"; not_ok "a cluster"; finish; }
PORT=$(free_port) PORT2=$(free_port)
part() {
	echo "listen: [{address: 127.0.0.1, port: $1, id: $2}]
subsystems: [{nqn: $NQN, serial: RBD1, cntlid_min: $3, cntlid_max: $4, allow_any_host: true,
  namespaces: [{nsid: 1, backend: \"rbd:rbd/disk?conf=$CEPH_CONF\", nguid: 00112233445566778899aabbccddeeff}]}]"
}
nvme() { local port=$1; shift; "$BUILD/tools/nvme/softdpu-nvme" -s "$port" -n $NQN "$@"; }
model() { SOFTDPU_RBD="rbd:rbd/small?conf=$CEPH_CONF" "$BUILD/tests/unit/blk/test_blk" >"$TMP/model.log" 2>&1; }
check "random operations against a model" model
nvmfd one "$(part "$PORT" 1 1 1000)"
loads() { nvme "$PORT" perf --verify --write 50 --seconds 2 --depth 32 >"$TMP/perf"; }
check "a load verifies" loads
rpc one nvmf.namespace_set "{\"nqn\": \"$NQN\", \"nsid\": 1, \"size\": \"64M\"}" >/dev/null
grown() { nvme "$PORT" list | grep -q 67108864 && rbd info rbd/disk | grep -q '64 MiB'; }
check "resize changes the image" grown
head -c 1048576 /dev/urandom >"$TMP/a"
nvme "$PORT" write --lba 64 --blocks 2048 <"$TMP/a"
kill -9 "$PID_one"; wait "$PID_one" 2>/dev/null
nvmfd one "$(part "$PORT" 1 1 1000)"
same() { nvme "$1" read --lba 64 --blocks 2048 | cmp -s - "$TMP/a"; }
check "acknowledged writes survive kill -9" same "$PORT"
nvmfd two "$(part "$PORT2" 2 1001 2000)"
check "the other path reads the same" same "$PORT2"
exported() { rbd export "$1" - 2>/dev/null | tail -c +32769 | head -c 1048576 | cmp -s - "$TMP/a"; }
check "and so does the rbd tool" exported rbd/disk
missing() { rpc one nvmf.namespace_add "{\"nqn\": \"$NQN\", \"backend\": \"rbd:rbd/nothing?conf=$CEPH_CONF\"}" 2>&1 | grep -q "Ceph image 'nothing'"; }
check "a missing image is refused with its name" missing
finish
