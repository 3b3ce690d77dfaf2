#!/usr/bin/env python3
"""Add up the test cases of meson's testlog.json files and end with `N passed, N failed`.

A test that speaks TAP counts its cases; any other counts as one. A test that crashed after
some cases passed still counts as a failure. Exit status 1 when anything failed or nothing ran.
"""
import json
import re
import sys

passed = failed = 0
for path in sys.argv[1:]:
    with open(path) as f:
        for line in f:
            t = json.loads(line)
            if t["result"] in ("SKIP",):
                continue
            out = t.get("stdout") or ""
            ok = len(re.findall(r"^ok \d+", out, re.M))
            bad = len(re.findall(r"^not ok \d+", out, re.M))
            good = t["result"] in ("OK", "EXPECTEDFAIL")
            passed += ok if ok + bad else int(good)
            failed += bad if bad else int(not good)
            if not good:
                print(f"FAILED {t['name']} ({t['result']})")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
