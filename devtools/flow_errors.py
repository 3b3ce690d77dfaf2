#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of DOCA Flow's refusals, docs/flow/errors.md.

usage: flow_errors.py write CHECKOUT TEST_PROGRAM     rewrite the page
       flow_errors.py check CHECKOUT TEST_PROGRAM     TAP: the page is what sources and test say, every refusal is provoked

Sources give the sentences (dcore_fail in src/doca/flow), the test program (tests/conformance/test_errors.c) an example of each.
"""
import glob
import os
import re
import subprocess
import sys

# Not provoked here: why.
EXEMPT = [
    (r"no memory", "needs an allocation to fail"),
    (r"more than %u actions or %u bytes", "a template larger than any union of members fills"),
    (r"no counter left", "four billion counters"),
    (r"has connections;", "connection tracking: tests/conformance/test_ct.c"),
    (r"tune_server", "the tune server's own test"),
    (r"a shared %s chosen by the entry", "shared encapsulations"),
]
CALL = re.compile(r"dcore_fail\(\s*(DOCA_ERROR_\w+),\s*((?:\"(?:[^\"\\]|\\.)*\"|PRI\w+|\s)+)")


def refusals(checkout):
    """[(file, error, format)] in the order of the sources, each sentence once."""
    seen = {}
    for path in sorted(glob.glob(f"{checkout}/src/doca/flow/*.[ch]")):
        text = open(path).read()
        for m in CALL.finditer(text):
            text_only = re.sub(r"\"\s*PRI(\w)\w+\s*\"", r"\1", m[2])
            sentence = "".join(re.findall(r"\"((?:[^\"\\]|\\.)*)\"", text_only))
            seen.setdefault((m[1], sentence), os.path.basename(path))
    return [(where, error, sentence) for (error, sentence), where in seen.items()]


def pattern(sentence):
    parts = re.split(r"%(?:#x|zu|[sudxc])", sentence)
    return re.compile("^" + ".*".join(re.escape(p) for p in parts) + "$")


def provoked(program):
    out = subprocess.run([program], capture_output=True, text=True, env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
    rows = [line.split("\t", 1) for line in out.stdout.splitlines() if line.startswith("DOCA_ERROR_") and "\t" in line]
    return rows, out


def page(table):
    lines = ["# What DOCA Flow refuses", "",
             "Written by `devtools/flow_errors.py write`, checked by `make check`. Each refusal is logged and kept for",
             "`doca_softdpu_last_refusal()`; the sentence names the call or the pipe, the value, and what would be legal.", "",
             "| error | sentence | for example |", "|---|---|---|"]
    for _, error, sentence, example in table:
        lines.append(f"| {error.removeprefix('DOCA_ERROR_')} | {sentence} | {example or ''} |".replace("|'", "| '"))
    return "\n".join(lines) + "\n"


def build(checkout, program):
    rows, out = provoked(program)
    table, missing = [], []
    for where, error, sentence in refusals(checkout):
        p = pattern(sentence)
        example = next((text for name, text in rows if name == error and p.match(text)), None)
        excused = where.startswith("ct_") or any(re.search(e, sentence) for e, _ in EXEMPT)
        if not example and not excused:
            missing.append((where, error, sentence))
        table.append((where, error, sentence, example))
    return table, missing, out


def check(checkout, program):
    table, missing, out = build(checkout, program)
    path = f"{checkout}/docs/flow/errors.md"
    failed = 0
    print("1..3")
    for n, (good, what, why) in enumerate([
            (out.returncode == 0, "the test provokes refusals", out.stdout + out.stderr),
            (not missing, f"every refusal is provoked ({len(table)} sentences)", "\n".join(map(str, missing))),
            (os.path.exists(path) and open(path).read() == page(table), "docs/flow/errors.md says the same",
             "run devtools/flow_errors.py write")], 1):
        print(f"{'ok' if good else 'not ok'} {n} - {what}")
        if not good:
            failed = 1
            print("\n".join("# " + line for line in why.splitlines()))
    return failed


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("write", "check"):
        sys.exit(__doc__)
    checkout, program = sys.argv[2:]
    if sys.argv[1] == "check":
        sys.exit(check(checkout, program))
    os.makedirs(f"{checkout}/docs/flow", exist_ok=True)
    with open(f"{checkout}/docs/flow/errors.md", "w") as f:
        f.write(page(build(checkout, program)[0]))


main()
