#!/usr/bin/env python3
"""Check the arrows between rooms against LAYERS, and that no room includes another's insides.

usage: layers.py [CHECKOUT]. Prints TAP.
"""
import fnmatch
import os
import re
import sys

root = sys.argv[1] if len(sys.argv) > 1 else "."
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([a-z_0-9/]+)/([a-z_0-9]+\.h)[">]')


def read_layers():
    rules, allow = {}, []
    for n, line in enumerate(open(os.path.join(root, "LAYERS")), 1):
        body, _, reason = line.partition("#")
        words = body.split()
        if not words:
            continue
        if words[0] == "allow":
            if not reason.strip():
                sys.exit(f"LAYERS:{n}: an exception needs a reason")
            allow.append((words[1], words[2]))
        else:
            rules[words[0].rstrip(":")] = words[1:]
    return rules, allow


def room_of(path):
    parts = path.split("/")
    if parts[0] == "src":
        return "/".join(parts[1:3]) if parts[1] == "doca" and len(parts) > 3 else parts[1]
    return parts[0]


def rule_for(room, rules):
    if room in rules:
        return rules[room]
    return next((r for pat, r in rules.items() if fnmatch.fnmatch(room, pat)), [])


def check(rules, allow):
    known = {d for d in os.listdir(os.path.join(root, "src"))}
    for top in ("src", "daemons", "tools", "dpdk"):
        for folder, _, files in os.walk(os.path.join(root, top)):
            for name in files:
                if not name.endswith((".c", ".h")):
                    continue
                path = os.path.relpath(os.path.join(folder, name), root)
                room = room_of(path)
                may = rule_for(room, rules)
                for n, line in enumerate(open(os.path.join(root, path), errors="replace"), 1):
                    if room not in ("daemons", "tools") and not room.startswith("doca") \
                            and re.match(r'\s*#\s*include\s+[<"]doca_', line):
                        yield f"{path}:{n}: a room never includes public DOCA headers; the door translates"
                    m = INCLUDE.match(line)
                    if not m:
                        continue
                    target = m[1] if m[1].startswith("doca/") else m[1].split("/")[0]
                    if m[1].split("/")[0] not in known or target == room:
                        continue
                    if m[2].endswith("_int.h"):
                        yield f"{path}:{n}: includes the insides of room {target}"
                    if "*" in may or target in may:
                        continue
                    if any(fnmatch.fnmatch(room, a) or a == path for a, b in allow if b == target):
                        continue
                    yield f"{path}:{n}: room {room} may not include room {target} (LAYERS)"


bad = list(check(*read_layers()))
for b in bad:
    print("#", b)
print("1..1\n" + ("not ok 1 layers" if bad else "ok 1 layers"))
sys.exit(bool(bad))
