#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# RDMA, all inside one guest because only there is a verbs device: Soft-RoCE (rdma_rxe) on its Ethernet
# interface, softdpu-nvmfd as the target, the kernel's nvme-rdma as the host.
. "$(dirname "$0")/guest.sh"
need_guest
# a second archive behind the guest's: the daemon, its libraries, the verbs provider of rxe
X=$TMP/extra V=/usr/lib/x86_64-linux-gnu/libibverbs
mkdir -p "$X/bin" "$X$V" "$X/etc/libibverbs.d"
[ -e $V/librxe-rdmav34.so ] || skip_all "no librxe (package ibverbs-providers)"
add() { ldd "$1" | grep -o '/[^ ]*' | sort -u | while read -r l; do mkdir -p "$X/$(dirname "$l")"; [ -e "$X/$l" ] || cp -L "$l" "$X/$l"; done; }
cp "$BUILD/daemons/softdpu-nvmfd" "$X/bin/"; strip "$X/bin/softdpu-nvmfd"
cp /usr/bin/rdma "$X/bin/" 2>/dev/null || skip_all "no rdma tool (package iproute2)"
cp -L $V/librxe-rdmav34.so "$X$V/"; cp /etc/libibverbs.d/rxe.driver "$X/etc/libibverbs.d/"
add "$X/bin/softdpu-nvmfd"; add "$X/bin/rdma"; add $V/librxe-rdmav34.so
ROOT=$W
mkdir "$TMP/w"; ln -s "$ROOT/vmlinux" "$TMP/w/vmlinux"
(cd "$X" && find . | cpio -o -H newc --quiet) >"$TMP/extra.cpio"
cat "$ROOT/initramfs.cpio" "$TMP/extra.cpio" >"$TMP/w/initramfs.cpio"
export W=$TMP/w MEM=1536
guest 290 "$GUEST_LIB
for m in ib_core ib_uverbs rdma_ucm crc32_generic rdma_rxe nvme-rdma; do modprobe \$m || echo no module \$m; done
rdma link add rxe0 type rxe netdev eth0; rdma link
mkdir -p /var/lib /run
cat > /tmp/c.yaml <<EOC
name: guest
state: /var/lib/nvmfd
listen: [{transport: rdma, address: 10.0.2.15, port: 4420, id: 1}]
subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"mem:64M\"}]}]
EOC
softdpu-nvmfd -c /tmp/c.yaml > /tmp/nvmfd.log 2>&1 &
i=0; while ! grep -q 'is ready' /tmp/nvmfd.log && [ \$i -lt 300 ]; do sleep 0.1; i=\$((i+1)); done; cat /tmp/nvmfd.log
nvme discover -t rdma -a 10.0.2.15 -s 4420 2>&1 | grep -E 'trtype|subnqn'
nvme connect -t rdma -a 10.0.2.15 -s 4420 -n $NQN && wait_dev /dev/nvme0n1 && echo CONNECTED
dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null
dd if=/tmp/a of=/dev/nvme0n1 bs=64k oflag=direct 2>/dev/null; dd if=/dev/nvme0n1 of=/tmp/b bs=128k count=32 iflag=direct 2>/dev/null
cmp /tmp/a /tmp/b && echo VERIFY_OK
fio --name=v --filename=/dev/nvme0n1 --rw=randwrite --bs=4k --size=2m --iodepth=16 --ioengine=libaio --direct=1 --verify=crc32c --do_verify=1 --output-format=terse 2>&1 | awk -F';' '{print \"fio verify err=\"\$5}'
blkdiscard -o 0 -l 1048576 /dev/nvme0n1 && echo DISCARD_OK
nvme disconnect -n $NQN
nvme connect -t rdma -a 10.0.2.15 -s 4420 -n $NQN && wait_dev /dev/nvme0n1 && echo AGAIN; nvme disconnect -n $NQN
kill %1; wait %1; echo nvmfd ended rc=\$?
cat /tmp/nvmfd.log | tail -5; dmesg | grep -iE 'nvme|rxe' | tail -12; echo END"
check "discovery over RDMA" said 'trtype:  rdma'
check "connect" said CONNECTED
check "data written is data read" said VERIFY_OK
check "fio verify" said 'fio verify err=0'
check "discard" said DISCARD_OK
check "connect again" said AGAIN
check "the target ends cleanly" said 'nvmfd ended rc=0'
finish
