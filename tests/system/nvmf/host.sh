#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Debian's kernel as the host: discover, connect, verify, discard, write zeroes, compare, fio, a file
# system, disconnect; then connect-all, and the same with digests on.
. "$(dirname "$0")/guest.sh"
need_guest
PORT=$(free_port)
nvmfd one "listen: [{address: 127.0.0.1, port: $PORT, id: 1, advertise: 10.0.2.2}]
subsystems:
  - {nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"mem:128M\"}]}
  - {nqn: $NQN-second, hosts: [$HOSTNQN], namespaces: [{backend: \"mem:16M?block=4096\"}]}
  - {nqn: $NQN-hidden, hosts: [nqn.2026-11.test:somebody], namespaces: [{backend: \"mem:16M\"}]}"
guest 290 "ADDR=10.0.2.2; PORT=$PORT; NQN=$NQN
$(cat "$TOOLS/job-nvme-host.sh")
$GUEST_LIB
echo CONNECT-ALL; nvme connect-all -t tcp -a 10.0.2.2 -s $PORT; i=0; while [ \$(ls /sys/block | grep -cE '^nvme[0-9]+n1\$') != 2 ] && [ \$i -lt 600 ]; do sleep 0.1; i=\$((i+1)); done; [ \$i -lt 600 ] && echo ALL_OK
nvme list-subsys | grep -c NQN | sed 's/^/subsystems=/'; cat /sys/block/nvme*n1/queue/logical_block_size | sort | tr '\n' ' '
nvme disconnect-all
nvme connect -t tcp -a 10.0.2.2 -s $PORT -n $NQN-hidden 2>&1 | sed 's/^/hidden: /'
nvme connect -t tcp -a 10.0.2.2 -s $PORT -n $NQN -g -G && wait_dev /dev/nvme0n1
dd if=/tmp/a of=/dev/nvme0n1 bs=64k oflag=direct 2>/dev/null; dd if=/dev/nvme0n1 of=/tmp/d bs=128k count=32 iflag=direct 2>/dev/null
cmp /tmp/a /tmp/d && echo DIGEST_OK
nvme disconnect-all; echo END"
check "discovery lists the subsystem" said "subnqn:  $NQN"
check "data written is data read" said VERIFY_OK
check "discard" said DISCARD_OK
check "write zeroes" said ZEROOUT_OK
check "compare" said 'compare: Success'
check "fio verify" said 'fio verify err=0'
check "mkfs, mount, fsck" said FS_OK
check "log pages" said 'effects-log ok'
check "connect-all finds both subsystems this host may use" said ALL_OK
check "a host that is not allowed is refused" said 'hidden: .*'
check "the target says why" grep -q "is not allowed to use $NQN-hidden" "$TMP/one.log"
check "header and data digests" said DIGEST_OK
check "everything disconnected" said 'END'
for _ in $(seq 20); do rpc one nvmf.status | grep -q '"open": 0' && break; sleep 0.2; done
check "no connection is left" sh -c "$BUILD/tools/nvme/softdpu-nvme --name one target nvmf.status | grep -q '\"open\": 0'"
finish
