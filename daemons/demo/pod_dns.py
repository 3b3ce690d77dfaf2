#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The name server of the demo, in CoreDNS' place: answers A and AAAA of <service>.<namespace>.svc.cluster.local.

usage: pod_dns.py NAME=ADDRESS...    (several addresses per name; UDP port 53, both families)
"""
import ipaddress
import socket
import struct
import sys

names = {}
for arg in sys.argv[1:]:
    name, _, address = arg.partition("=")
    names.setdefault(name.lower().rstrip("."), []).append(ipaddress.ip_address(address))


def question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    kind, _ = struct.unpack_from("!HH", packet, at + 1)
    return ".".join(labels).lower(), kind, packet[12:at + 5]


def answer(packet):
    name, kind, asked = question(packet)
    want = {1: 4, 28: 6}.get(kind)
    records = [a for a in names.get(name, []) if a.version == want]
    code = 0 if name in names else 3
    head = packet[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0)
    body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 30, len(a.packed)) + a.packed for a in records)
    return head + asked + body


s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 53))
while True:
    data, peer = s.recvfrom(4096)
    try:
        s.sendto(answer(data), peer)
    except (IndexError, struct.error):
        pass  # not a question; a name server does not argue
