#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Two daemons are one subsystem (disjoint controller ids, one backing file): kill the one that is in use
# while fio verifies; the host's native multipath goes on with the other.
. "$(dirname "$0")/guest.sh"
need_guest
P1=$(free_port) P2=$(free_port)
part() {
	echo "listen: [{address: 127.0.0.1, port: $1, id: $2, advertise: 10.0.2.2}]
subsystems:
  - {nqn: $NQN, serial: MULTI1, cntlid_min: $3, cntlid_max: $4, allow_any_host: true,
     namespaces: [{nsid: 1, backend: \"file:$TMP/disk?size=32M\", nguid: 00112233445566778899aabbccddeeff}]}"
}
nvmfd left "$(part "$P1" 1 1 1000)"
nvmfd right "$(part "$P2" 2 1001 2000)"
guest 290 "$GUEST_LIB
modprobe nvme-tcp
for p in $P1 $P2; do nvme connect -t tcp -a 10.0.2.2 -s \$p -n $NQN --reconnect-delay=1 --ctrl-loss-tmo=5 --keep-alive-tmo=2; done
wait_dev /dev/nvme0n1; nvme list-subsys /dev/nvme0n1 | grep -c live | sed 's/^/paths=/'; ls /sys/block | tr '\n' ' '
echo MARK-FIO
fio --name=v --filename=/dev/nvme0n1 --rw=randwrite --bs=4k --size=16m --iodepth=16 --ioengine=libaio --direct=1 --verify=crc32c --do_verify=1 --rate_iops=600 --output-format=terse 2>&1 | awk -F';' '{print \"fio-failover err=\"\$5}'
nvme disconnect-all; echo END" &
G=$!
wait_said MARK-FIO 200 || { not_ok "the guest connects"; finish; }
sleep 2
# the host's policy decides which path it uses: kill that one
writes() { rpc "$1" nvmf.status | tr -d ' \n' | grep -o '"writes":[0-9]*' | head -1 | cut -d: -f2; }
used=left other=right
[ "$(writes right)" -gt "$(writes left)" ] && used=right other=left
before=$(writes $other)
eval "kill -9 \$PID_$used"
wait $G
check "two live paths to one device" said 'paths=2'
check "fio verifies across the death of a path" said 'fio-failover err=0'
check "the other daemon took over" [ "$(writes $other)" -gt "$before" ]
finish
