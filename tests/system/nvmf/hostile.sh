#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Hosts that mean no good: a flood of connections, half-open ones, noise, TLS hellos that never go on. A host at work
# notices nothing, memory stays bounded, the log and the counters say it.
. "$(dirname "$0")/guest.sh"
PORT=$(free_port) SECURE=$(free_port)
nvmfd one "max_connections: 100
listen: [{address: 127.0.0.1, port: $PORT, id: 1}, {address: 127.0.0.1, port: $SECURE, id: 2, secure: true}]
subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"mem:16M\"}]}]"
rss() { awk '/VmRSS/ {print $2}' "/proc/$PID_one/status"; }
status() { rpc one nvmf.status | python3 -c "import json,sys; print(json.load(sys.stdin)['connections']['$1'])"; }
nvme() { "$BUILD/tools/nvme/softdpu-nvme" -s "$PORT" -n $NQN "$@"; }
nvme perf --verify --write 50 --depth 8 --seconds 12 >"$TMP/work" 2>&1 & WORK=$!
sleep 1
before=$(rss)
python3 - "$PORT" "$SECURE" <<'PY' >"$TMP/flood" 2>&1
import os, random, socket, sys, time
port, secure = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(7)
def dial(p):
    s = socket.create_connection(("127.0.0.1", p), timeout=5)
    return s
icreq = bytes([0, 0, 128, 0, 128, 0, 0, 0]) + bytes(120)
held = []
for i in range(600):                       # far more than max_connections, kept open
    try:
        held.append(dial(port if i % 2 else secure))
        held[-1].send([icreq, icreq[:50], b"", bytes([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])][i % 4])
    except OSError:
        pass
time.sleep(1)
for s in held:
    s.close()
for i in range(300):                       # noise, with and without a proper beginning
    try:
        s = dial(port if i % 3 else secure)
        s.send((icreq if i % 2 else b"") + rng.randbytes(rng.randrange(1, 5000)))
        s.close()
    except OSError:
        pass
print("done")
PY
wait $WORK
check "the flood ended" grep -q done "$TMP/flood"
check "the host at work noticed nothing" grep -q ' 0 errors, 0 mismatches' "$TMP/work"
check "connections over the limit were refused" [ "$(status refused)" -gt 300 ]
check "broken protocol was counted" [ "$(status protocol_errors)" -gt 50 ]
check "and logged" grep -q 'PDU type' "$TMP/one.log"
for _ in $(seq 150); do [ "$(status open)" = 0 ] && break; sleep 0.2; done
check "nothing of it is left" [ "$(status open)" = 0 ]
after=$(rss)
echo "# resident memory: $before KiB before, $after KiB after"
check "memory is bounded" [ $((after - before)) -lt 65536 ]
connects() { nvme read --lba 0 --blocks 1 >"$TMP/block"; }
check "a host connects as before" connects
nvme --nsid foo list >"$TMP/foo" 2>&1; RC=$?
check "a namespace that is no number is refused" [ $RC = 2 ]
check "in words" grep -q "^softdpu nvme: --nsid: 'foo' is not a number from 1 to 4294967294$" "$TMP/foo"
finish
