#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Man pages: each lints (where mandoc is) and names every option and command of its tool.

usage: test_man.py SOURCE_ROOT DIRECTORY_OF_TOOLS. Prints TAP.
"""
import os
import re
import shutil
import subprocess
import sys

root, tools = sys.argv[1:3]
man = os.path.join(root, "docs/man")
pages = sorted(os.listdir(man))


def text_of(page):
    return open(os.path.join(man, page)).read().replace("\\-", "-")


def help_of(*words):
    return subprocess.run([os.path.join(tools, words[0]), *words[1:], "--help"], capture_output=True, text=True,
                          timeout=20).stdout


def lint():
    if not shutil.which("mandoc"):
        return
    for page in pages:
        r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(man, page)], capture_output=True, text=True)
        yield from (line for line in r.stdout.splitlines() if "unusual Xr order" not in line)


def options_are_told():
    page = text_of("softdpu.1")
    commands = re.findall(r"^  ([a-z]+) ", help_of("softdpu"), re.M)
    if len(commands) < 10:
        yield "softdpu --help lists too few commands"
    for command in commands:
        if f"\n.It Cm {command}" not in page:
            yield f"softdpu.1 lacks the command {command}"
        for letter in re.findall(r"^  -(\w), --", help_of("softdpu", command), re.M):
            if not re.search(rf"Fl {letter}\b", page):
                yield f"softdpu.1 lacks -{letter} of {command}"
    for tool in ("doca-flow-stats", "doca-query"):
        for name in re.findall(r" --(\w+)", help_of(tool)):
            if name != "help" and f"Fl -{name}" not in text_of(tool + ".1"):
                yield f"{tool}.1 lacks --{name}"


failed = 0
print("1..2")
for n, check in enumerate((lint, options_are_told), 1):
    complaints = list(check())
    failed += bool(complaints)
    print("".join(f"# {c}\n" for c in complaints) + f"{'not ok' if complaints else 'ok'} {n} - {check.__name__}")
sys.exit(1 if failed else 0)
