#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The TLS key of NVMe/TCP by hand (TCP transport 3.6.1, RFC 5869, RFC 8446), independent of ours.

    psk.py make [32|48] [hash]                    a configured key's text
    psk.py derive KEY VERSION HOSTNQN SUBNQN      "<key in hex> <identity>"
"""
import base64, hashlib, hmac, os, struct, sys, zlib

HASH = {1: "sha256", 2: "sha384"}


def make(size, kind):
    key = os.urandom(size)
    return "NVMeTLSkey-1:%02d:%s:" % (kind, base64.b64encode(key + struct.pack("<I", zlib.crc32(key))).decode())


def expand_label(name, ikm, label, context, length):
    key = hmac.new(bytes(hashlib.new(name).digest_size), ikm, name).digest()
    info = struct.pack(">HB", length, 6 + len(label)) + b"tls13 " + label + bytes([len(context)]) + context
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(key, block + info + bytes([i]), name).digest()
        out, i = out + block, i + 1
    return out[:length]


def derive(text, version, host, subsystem):
    _, kind, encoded, _ = text.split(":")
    key, kind = base64.b64decode(encoded)[:-4], int(kind)
    if kind:
        key = expand_label(HASH[kind], key, b"HostNQN", host.encode(), len(key))
    kind = kind or (2 if len(key) == 48 else 1)
    name = HASH[kind]
    identity = "NVMe%dR%02d %s %s" % (version, kind, host, subsystem)
    context = identity
    if version:
        digest = hmac.new(key, ("%s %s NVMe-over-Fabrics" % (host, subsystem)).encode(), name).digest()
        context = "%02d %s" % (kind, base64.b64encode(digest).decode())
        identity += context[2:]
    return expand_label(name, key, b"nvme-tls-psk", context.encode(), hashlib.new(name).digest_size).hex(), identity


if sys.argv[1] == "make":
    print(make(int(sys.argv[2]), int(sys.argv[3])))
else:
    print(*derive(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]))
