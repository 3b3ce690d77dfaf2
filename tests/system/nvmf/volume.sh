#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# `softdpu volume`: a disk for a host, grown while in use, gone with its data; all of it there after kill -9.
. "$(dirname "$0")/guest.sh"
PORT=$(free_port)
nvmfd one "listen: [{address: 127.0.0.1, port: $PORT, id: 1}]"
volume() { "$BUILD/tools/nvme/softdpu-volume" --name one "$@" 2>&1; }
ALICE=nqn.2026-11.test:alice BOB=nqn.2026-11.test:bob
V=nqn.2026-11.io.softdpu:volume.data
nvme() { local who=$1; shift; "$BUILD/tools/nvme/softdpu-nvme" -s "$PORT" -q "$who" -n $V "$@" 2>&1; }
head -c 65536 /dev/urandom >"$TMP/a"
says() { local want=$1; shift; "$@" | grep -q "$want"; }
create() { volume create data 8M >/dev/null; }
check "create" create
second() { ! volume create data 8M >/dev/null; }
check "a second of that name is refused" second
check "a bad name is refused" says 'expected 1 to 64' volume create ../etc/passwd 8M
check "nobody sees it before it is attached" says 'Invalid\|not' nvme $ALICE list
check "attach says what to run" says "nvme connect .*$V" volume attach data $ALICE
write() { nvme $ALICE write --lba 4 --blocks 16 <"$TMP/a"; }
read_back() { nvme $ALICE read --lba 4 --blocks 16 | cmp -s - "$TMP/a"; }
check "the host writes" write
check "another host is refused" says 'Invalid Host\|not' nvme $BOB list
volume resize data 16M >/dev/null
check "resize" says 16777216 nvme $ALICE list
kill -9 "$PID_one"; wait "$PID_one" 2>/dev/null
nvmfd one "listen: [{address: 127.0.0.1, port: $PORT, id: 1}]"
check "list after kill -9" says data volume list
check "size and data after kill -9" says 16777216 nvme $ALICE list
check "the data is there" read_back
volume detach data $ALICE >/dev/null
check "detached" says 'Invalid\|not' nvme $ALICE list
volume delete data >/dev/null
check "deleted with its data" [ ! -e "$TMP/one/volumes/data" ]
gone() { ! volume list | grep -q data; }
check "and from the list" gone
finish
