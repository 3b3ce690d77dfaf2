# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the NVMe-oF stories: a Debian guest (its kernel is the judge) and a softdpu-nvmfd.
#
#   guest 10.0.2.15 --(QEMU user network)--> 10.0.2.2 = 127.0.0.1 of this machine: softdpu-nvmfd
#
# The guest is made of Debian's packages once, kept in $SOFTDPU_GUEST (default /var/tmp/softdpu-guest).
set -u
SRC=${SOFTDPU_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)}
BUILD=${SOFTDPU_BUILD:-$SRC/build}
TOOLS=${SOFTDPU_GUEST_TOOLS:-$SRC/../shared/tools/guest}
[ -d "$TOOLS" ] || TOOLS=/work/shared/tools/guest
export W=${SOFTDPU_GUEST:-/var/tmp/softdpu-guest}
TMP=$(mktemp -d /tmp/softdpu-nvmf.XXXXXX)
export SOFTDPU_RUN=$TMP/run
PIDS=()
NQN=nqn.2026-11.test:story
HOSTNQN=nqn.2014-08.org.nvmexpress:uuid:10000000-0000-4000-8000-00000000beef
COUNT=0 FAILED=0

cleanup() {
	for p in "${PIDS[@]}"; do kill "$p" 2>/dev/null; done
	for _ in $(seq 30); do kill -0 "${PIDS[@]}" 2>/dev/null || break; sleep 0.1; done
	for p in "${PIDS[@]}"; do kill -9 "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$TMP"
}
trap cleanup EXIT

skip_all() { echo "1..0 # SKIP $*"; exit 0; }
ok() { COUNT=$((COUNT + 1)); echo "ok $COUNT - $*"; }
not_ok() { COUNT=$((COUNT + 1)); FAILED=1; echo "not ok $COUNT - $*"; }
# check NAME COMMAND...: one test point
check() { local n=$1; shift; if "$@"; then ok "$n"; else not_ok "$n"; fi; }
finish() { echo "1..$COUNT"; [ "$FAILED" = 0 ] || cat "$TMP"/guest*.log 2>/dev/null | sed 's/^/# guest: /' | tail -60; exit "$FAILED"; }

need_guest() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	[ -d "$TOOLS" ] || skip_all "no guest tools at $TOOLS"
	command -v qemu-system-x86_64 >/dev/null || skip_all "no qemu-system-x86"
	mkdir -p "$W"
	(
		flock 9
		[ -f "$W/initramfs.cpio" ] && [ -f "$W/vmlinux" ] && exit 0
		"$TOOLS/fetch-kernel.sh" && EXTRA_MODS="rdma_rxe ib_core nvme-rdma rdma_ucm ib_uverbs crc32_generic rdma_cm" \
			"$TOOLS/mkinitramfs.sh"
	) 9>"$W/lock" >"$TMP/guest-build.log" 2>&1 || skip_all "the guest cannot be built: $(tail -1 "$TMP/guest-build.log")"
}

# Below the ports that the kernel gives to outgoing connections (ip_local_port_range): one of those may go to somebody's client
# while the daemon that will listen on it again is down.
free_port() {
	python3 -c '
import random, socket
while True:
    try:
        s = socket.create_server(("127.0.0.1", random.randrange(20000, 32000)))
        break
    except OSError:
        pass
print(s.getsockname()[1])'
}

# nvmfd NAME CONFIG-TEXT: start one, wait until it answers
nvmfd() {
	local name=$1
	printf '%s\n' "name: $name" "state: $TMP/$name" "$2" >"$TMP/$name.yaml"
	"$BUILD/daemons/softdpu-nvmfd" -c "$TMP/$name.yaml" >"$TMP/$name.log" 2>&1 &
	PIDS+=($!)
	eval "PID_$name=$!"
	for _ in $(seq 100); do grep -q 'is ready' "$TMP/$name.log" && return 0; sleep 0.1; done
	sed "s/^/# $name: /" "$TMP/$name.log"
	not_ok "$name starts"
	finish
}

rpc() { local name=$1; shift; "$BUILD/tools/nvme/softdpu-nvme" --name "$name" target "$@"; }

# guest SECONDS SCRIPT [NAME]: run a job inside, log in $TMP/guest$NAME.log
guest() {
	printf '%s\n' "$2" >"$TMP/job${3:-}.sh"
	# line buffered all the way, or the markers a story waits for come 4 KiB late
	T=$1 stdbuf -oL "$TOOLS/guest.sh" "$TMP/job${3:-}.sh" "" >"$TMP/guest${3:-}.log" 2>&1
}
said() { grep -q -- "$1" "$TMP/guest${2:-}.log"; }
# wait_said WORD SECONDS
wait_said() { for _ in $(seq $(($2 * 5))); do said "$1" && return 0; sleep 0.2; done; return 1; }

# Inside the guest: wait for a block device, for a size.
GUEST_LIB='
wait_dev() { i=0; while [ ! -b $1 ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done; [ -b $1 ]; }
wait_no_dev() { i=0; while [ -b $1 ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done; [ ! -b $1 ]; }
wait_size() { i=0; while [ "$(cat /sys/block/$1/size 2>/dev/null)" != $2 ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done; [ "$(cat /sys/block/$1/size 2>/dev/null)" = $2 ]; }
'
