#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Changes while the host is connected: a namespace appears, grows, turns read-only, goes; an ANA group
# becomes inaccessible and comes back; the target is restarted under a mounted file system's writer.
. "$(dirname "$0")/guest.sh"
need_guest
PORT=$(free_port)
CONFIG="listen: [{address: 127.0.0.1, port: $PORT, id: 1, advertise: 10.0.2.2}]
subsystems:
  - {nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"file:$TMP/disk?size=64M\"}]}"
nvmfd one "$CONFIG"
guest 290 "$GUEST_LIB
modprobe nvme-tcp; nvme connect -t tcp -a 10.0.2.2 -s $PORT -n $NQN --reconnect-delay=1 --ctrl-loss-tmo=60; wait_dev /dev/nvme0n1; echo MARK-CONNECTED
wait_dev /dev/nvme0n2 && echo ADDED; dd if=/dev/zero of=/dev/nvme0n2 bs=4k count=4 oflag=direct 2>/dev/null && echo ADDED_IO
wait_size nvme0n2 131072 && echo GROWN
wait_no_dev /dev/nvme0n2 && echo REMOVED
i=0; while [ \$i -lt 600 ] && [ \"\$(cat /sys/class/nvme/nvme0/nvme0c0n1/ana_state 2>/dev/null)\" != inaccessible ]; do sleep 0.1; i=\$((i+1)); done
[ \$i -lt 600 ] && echo ANA_SEEN
dd if=/dev/nvme0n1 of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && echo ANA_BACK_IO
echo MARK-FIO
fio --name=v --filename=/dev/nvme0n1 --rw=randwrite --bs=4k --size=16m --iodepth=16 --ioengine=libaio --direct=1 --verify=crc32c --do_verify=1 --rate_iops=1500 --output-format=terse 2>&1 | awk -F';' '{print \"fio-restart err=\"\$5}'
nvme disconnect-all; echo END" &
G=$!
wait_said MARK-CONNECTED 200 || { not_ok "the guest connects"; finish; }
rpc one nvmf.namespace_add "{\"nqn\": \"$NQN\", \"nsid\": 2, \"backend\": \"mem:32M\"}" >/dev/null
wait_said ADDED_IO 100
rpc one nvmf.namespace_set "{\"nqn\": \"$NQN\", \"nsid\": 2, \"size\": \"64M\"}" >/dev/null
wait_said GROWN 100
rpc one nvmf.namespace_remove "{\"nqn\": \"$NQN\", \"nsid\": 2}" >/dev/null
wait_said REMOVED 100
rpc one nvmf.ana_set '{"port": 1, "group": 1, "state": "inaccessible"}' >/dev/null
wait_said ANA_SEEN 100
rpc one nvmf.ana_set '{"port": 1, "group": 1, "state": "optimized"}' >/dev/null
wait_said MARK-FIO 100
sleep 2
kill -9 "$PID_one"
sleep 1
nvmfd one "$CONFIG"
wait $G
check "a namespace added live appears" said ADDED
check "and works" said ADDED_IO
check "resize is seen" said GROWN
check "removal is seen" said REMOVED
check "an inaccessible ANA group is seen" said ANA_SEEN
check "and I/O goes on when it is back" said ANA_BACK_IO
check "fio verifies across kill -9 and restart of the target" said 'fio-restart err=0'
check "live changes were saved" grep -q '"subsystems"' "$TMP/one/nvmfd.json"
finish
