#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The limits of profiles/*.yaml as rows of a C table.

usage: profiles.py PROFILE.yaml... >limits_profiles.h
"""
import os
import re
import sys

LINE = re.compile(r"(?:(?P<key>\w+): *(?P<value>\d+))? *(?:#.*)?$")

for path in sys.argv[1:]:
    print(f'{{.profile = "{os.path.basename(path).removesuffix(".yaml")}",')
    for number, line in enumerate(open(path), 1):
        m = LINE.match(line.rstrip())
        if not m:
            sys.exit(f"{path}:{number}: neither 'limit: number' nor a comment")
        if m["key"]:
            print(f"\t.{m['key']} = {m['value']},")
    print("},")
