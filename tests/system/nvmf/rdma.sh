#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# RDMA, all inside one guest because only there is a verbs device: Soft-RoCE (rdma_rxe) on its Ethernet
# interface, softdpu-nvmfd as the target, the kernel's nvme-rdma as the host; then our own initiator, and the
# founding document's program (F:3986-4055) as it stands.
. "$(dirname "$0")/guest.sh"
need_guest
# a second archive behind the guest's: the daemon, its libraries, the verbs provider of rxe
X=$TMP/extra V=/usr/lib/x86_64-linux-gnu/libibverbs
mkdir -p "$X/bin" "$X$V" "$X/etc/libibverbs.d"
[ -e $V/librxe-rdmav34.so ] || skip_all "no librxe (package ibverbs-providers)"
add() { ldd "$1" | grep -o '/[^ ]*' | sort -u | while read -r l; do mkdir -p "$X/$(dirname "$l")"; [ -e "$X/$l" ] || cp -L "$l" "$X/$l"; done; }
cp "$BUILD/daemons/softdpu-nvmfd" "$BUILD/tools/nvme/softdpu-nvme" "$X/bin/"
# as it stands: RDMA; what the document elides is the device, the addresses and the host
cc -std=gnu11 -I"$SRC/include" -DF_TRANSPORT=DOCA_NVMF_TRANSPORT_RDMA -DF_DEVICE='"/tmp/disk"' -DF_PORT=4421 -DF_LISTEN='"10.0.2.15"' \
	-DF_ANY_HOST=true -DF_ADDR='"10.0.2.15"' -DF_NQN='"nqn.2024-11.com.nvidia:nvme:storage01"' -o "$X/bin/f3986" \
	"$SRC/tests/conformance/nvmf/f3986_both.c" -L"$BUILD/src/doca/nvmf" -ldoca_nvmf -Wl,-rpath-link,"$BUILD/src/doca/common" >"$TMP/cc.log" 2>&1 ||
	{ sed 's/^/# cc: /' "$TMP/cc.log"; not_ok "F:3986 compiles with RDMA"; finish; }
export LD_LIBRARY_PATH=$BUILD/src/doca/nvmf:$BUILD/src/doca/common
strip "$X/bin/softdpu-nvmfd" "$X/bin/softdpu-nvme"
cp /usr/bin/rdma "$X/bin/" 2>/dev/null || skip_all "no rdma tool (package iproute2)"
cp -L $V/librxe-rdmav34.so "$X$V/"; cp /etc/libibverbs.d/rxe.driver "$X/etc/libibverbs.d/"
add "$X/bin/softdpu-nvmfd"; add "$X/bin/softdpu-nvme"; add "$X/bin/f3986"; add "$X/bin/rdma"; add $V/librxe-rdmav34.so
ROOT=$W
mkdir "$TMP/w"; ln -s "$ROOT/vmlinux" "$TMP/w/vmlinux"
strip --strip-debug "$X$BUILD"/src/doca/*/*.so* 2>/dev/null
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
subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"mem:64M\"}, {nsid: 2, backend: \"mem:16M\"}]}]
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
OURS=\"softdpu-nvme --transport rdma -a 10.0.2.15 -s 4420\"
\$OURS discover
\$OURS -n $NQN -i 2 --verify --write 50 --depth 16 --seconds 2 perf | sed 's/^/ours: /'
\$OURS -n $NQN write --lba 1000 --blocks 8192 < /tmp/a && \$OURS -n $NQN read --lba 1000 --blocks 8192 | cmp - /tmp/a && echo OURS_VERIFY_OK
softdpu-nvme --transport rdma -a 10.0.2.15 -s 4499 -n $NQN list 2>&1 | sed 's/^/nobody: /'
kill %1; wait %1; echo nvmfd ended rc=\$?
truncate -s 64M /tmp/disk; printf 'over RDMA' | dd of=/tmp/disk conv=notrunc 2>/dev/null
LD_LIBRARY_PATH=$LD_LIBRARY_PATH f3986 target+initiator 2>&1 | sed 's/^/F3986: /'
cat /tmp/nvmfd.log | tail -5; dmesg | grep -iE 'nvme|rxe' | tail -12; echo END"
check "discovery over RDMA" said 'trtype:  rdma'
check "connect" said CONNECTED
check "data written is data read" said VERIFY_OK
check "fio verify" said 'fio verify err=0'
check "discard" said DISCARD_OK
check "connect again" said AGAIN
check "our initiator discovers" said 'nvme connect -t rdma -a 10.0.2.15'
check "and verifies under load" said 'ours: .*IOPS.* 0 errors, 0 mismatches'
check "and in large commands" said OURS_VERIFY_OK
check "nobody there: refused, with the reason" said 'nobody: .*4499'
check "F:3986 as it stands" said 'F3986: read: over RDMA'
check "the target ends cleanly" said 'nvmfd ended rc=0'
finish
