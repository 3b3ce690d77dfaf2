#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# TLS with pre-shared keys on real sockets: our initiator, and openssl's s_client with a key derived elsewhere.
# No guest: Debian's kernel has no NVMe/TCP TLS.
. "$(dirname "$0")/guest.sh"
command -v openssl >/dev/null || skip_all "no openssl"
PLAIN=$(free_port) SECURE=$(free_port)
PSK="python3 $(dirname "$0")/psk.py"
KEY=$($PSK make 32 1) KEY48=$($PSK make 48 2) OTHER=$($PSK make 32 1)
ALICE=nqn.2026-11.test:alice BOB=nqn.2026-11.test:bob
nvmfd one "listen:
  - {address: 127.0.0.1, port: $PLAIN, id: 1}
  - {address: 127.0.0.1, port: $SECURE, id: 2, secure: true}
hosts: [{nqn: $ALICE, psk: \"$KEY\"}]
subsystems: [{nqn: $NQN, allow_any_host: true, namespaces: [{nsid: 1, backend: \"mem:16M\"}, {nsid: 2, backend: \"mem:16M\"}]}]"
rpc one nvmf.host_set "{\"nqn\": \"$BOB\", \"psk\": \"$KEY48\"}" >/dev/null
echo "$KEY" >"$TMP/alice.key"; echo "$KEY48" >"$TMP/bob.key"; echo "$OTHER" >"$TMP/other.key"
nvme() { local who=$1 key=$2 port=$3; shift 3; "$BUILD/tools/nvme/softdpu-nvme" -s "$port" -q "$who" ${key:+--psk "@$TMP/$key.key"} "$@" 2>&1; }
# s_client VERSION HOST KEY: does a foreign TLS 1.3 get its ICResp (PDU type 01)? (s_client -psk is SHA-256 only)
s_client() {
	local hex identity; read -r hex identity < <($PSK derive "$3" "$1" "$2" "$NQN")
	{ python3 -c 'import sys; sys.stdout.buffer.write(bytes([0, 0, 128, 0, 128, 0, 0, 0]) + bytes(120))' 2>/dev/null; sleep 1; } |
		timeout 5 openssl s_client -quiet -tls1_3 -psk "$hex" -psk_identity "$identity" -connect "127.0.0.1:$SECURE" 2>/dev/null |
		head -c 1 | od -An -tx1 | grep -q 01
}
head -c 1048576 /dev/urandom >"$TMP/a"
discovers() { nvme $ALICE alice "$SECURE" discover | grep -q "$NQN"; }
verifies() {
	nvme $ALICE alice "$SECURE" -n $NQN write --lba 8 --blocks 2048 <"$TMP/a" && nvme $ALICE alice "$SECURE" -n $NQN read --lba 8 --blocks 2048 | cmp - "$TMP/a"
}
check "discovery over TLS" discovers
check "data written is data read" verifies
bob_lists() { nvme $BOB bob "$SECURE" -n $NQN list | grep -q 16777216; }
check "a key of 48 bytes set live" bob_lists
refused() { ! nvme "$@" >"$TMP/why" && grep -q "$WHY" "$TMP/why"; }
WHY='TLS handshake failed'
check "another key is refused, with the reason" refused $ALICE other "$SECURE" -n $NQN list
check "the target says why" grep -q 'TLS handshake failed' "$TMP/one.log"
check "another host's key is refused" refused $BOB alice "$SECURE" -n $NQN list
WHY=.
check "a plain host on the secure port is refused" refused $BOB "" "$SECURE" -n $NQN list
check "a host with a key may not come without it" refused $ALICE "" "$PLAIN" -n $NQN list
check "the target says that too" grep -q 'came to .* without TLS' "$TMP/one.log"
loads() { nvme $ALICE alice "$SECURE" -n $NQN -i 2 perf --verify --write 50 --seconds 1 --depth 16 >/dev/null; }
check "perf verifies over TLS" loads
check "openssl s_client, identity version 0" s_client 0 $ALICE "$KEY"
check "openssl s_client, identity version 1" s_client 1 $ALICE "$KEY"
no_s_client() { ! s_client "$@"; }
check "openssl s_client with another key gets nothing" no_s_client 0 $ALICE "$OTHER"
kill -9 "$PID_one"; wait "$PID_one" 2>/dev/null
nvmfd one ""
check "keys survive kill -9" bob_lists
check "the saved keys are root's alone" [ "$(stat -c %a "$TMP/one/nvmfd.json")" = 600 ]
finish
