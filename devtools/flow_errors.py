#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of DOCA Flow's refusals, docs/flow/errors.md.

usage: flow_errors.py write CHECKOUT TEST_PROGRAM...     rewrite the page
       flow_errors.py check CHECKOUT TEST_PROGRAM...     TAP: the page is what sources and tests say, every refusal is provoked

Sources give the sentences: dcore_fail in libdoca_flow, the older dialect and the DPDK bridge, and refuse in the files of rooms flow
and card that work for them. The test programs (tests/conformance/errors) give an example of each, and with it the error a caller gets.
"""
import glob
import os
import re
import subprocess
import sys

DOORS = ["src/doca/flow/*.[ch]", "src/doca/compat/flow.c", "src/doca/dpdk_bridge/bridge.c"]
ROOM = ["src/flow/%s.c" % name for name in ("acl", "custom", "entry", "exact", "field", "meter", "pipe", "pipe_*", "qset", "wild")] + ["src/card/limits.c"]

# Sentences no caller of DOCA Flow can get: why.
IMPOSSIBLE = [
    (r"^acl: ", "the door makes ranges of 2 bytes in the ports, outside the mask, two at most"),
    (r"^exact table: capacity", "pipes only grow in a resize, within what was reserved"),
    (r"^exact table '.*': data_len", "the door's own template is refused first (TOO_BIG)"),
    (r"^pipe '%s': an action's data \[", "the door lays the data out itself"),
    (r"^pipe '%s': no field number", "the door knows fields by name"),
    (r"^pipe '%s': operation %u is not", "the door has actions only"),
    (r"^pipe '%s': an encap of %u bytes", "the door's headers are never longer"),
    (r"^pipe '%s': a connection pipe", "CT pipes of DOCA Flow are exact tables; these are the node's"),
    (r"^pipe '%s': connections are added to", "the same"),
    (r"^pipe '%s': a longest-prefix pipe needs", "the door chooses the field, or refuses"),
    (r"^forward to a pipe: no pipe given", "the door asks first"),
    (r"^flow: no memory for pipes", "the switch does not start then"),
    (r"^pipe '%s': action %u of %u", "the door asks first"),
    (r"^pipe '%s': %u actions in one entry", "the door's template is refused first (TOO_BIG)"),
    (r"^pipe '%s': cannot shrink", "a resize doubles"),
    (r"^pipe '%s': condition on '%s', which cannot", "all fields with a name can be matched today"),
    (r"^wildcard table '%s': (?!out of memory$)", "the pipe's own sentence stands in its place"),
    (r"^flow meters: ", "the switch is made before DOCA Flow"),
    (r"^meter: kind|^meter %u: no such", "the door asks first, and names its own meters only"),
    (r"^%s: no limit is called", "the door names limits that there are"),
    (r"^limits profile", "the card's file is refused when it is read"),
]
STRING = r"\"(?:[^\"\\]|\\.)*\""
FAIL = re.compile(r"dcore_fail\(\s*(DOCA_ERROR_\w+),\s*((?:%s|PRI\w+|\s)+)" % STRING)
REFUSE = re.compile(r"\brefuse\(\s*([-\w>.]+),\s*((?:%s|PRI\w+|\s)+)" % STRING)


def text_of(literals):
    """The sentence of adjoining string literals and PRI macros."""
    literals = re.sub(r"\"\s*PRI(\w)\w+\s*\"", r"l\1", literals)
    return "".join(re.findall(r"\"((?:[^\"\\]|\\.)*)\"", literals))


def refusals(checkout):
    """[(file, error or "", sentence)] in the order of the sources, each once; room flow's come without an error of DOCA."""
    seen = {}
    for globs, call in (DOORS, FAIL), (ROOM, REFUSE):
        for path in (p for g in globs for p in sorted(glob.glob(f"{checkout}/{g}"))):
            for m in call.finditer(open(path).read()):
                error = m[1] if call is FAIL else ""
                seen.setdefault((error, text_of(m[2])), os.path.basename(path))
    return [(where, error, sentence) for (error, sentence), where in seen.items()]


def pattern(sentence):
    kinds = {"s": ".*", "c": ".", "d": r"-?\d+", "u": r"\d+", "x": "[0-9a-f]+", "#x": "0x[0-9a-f]+|0"}
    parts = re.split(r"%(?:l|ll|z)?(#x|[sudxc])", sentence)
    made = [re.escape(p.replace("\\\"", '"')) if i % 2 == 0 else "(?:%s)" % kinds[p] for i, p in enumerate(parts)]
    return re.compile("^%s$" % "".join(made))


def provoked(programs):
    """[(error, sentence)] that the programs print as ERROR<TAB>sentence, and their complaints."""
    rows, complaints = [], ""
    for program in programs:
        out = subprocess.run([program], capture_output=True, text=True, env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
        rows += [tuple(line.split("\t", 1)) for line in out.stdout.splitlines() if line.startswith("DOCA_ERROR_") and "\t" in line]
        if out.returncode:
            complaints += f"{program} ended with {out.returncode}\n{out.stdout[-3000:]}{out.stderr[-3000:]}"
    return rows, complaints


def page(table):
    reach = [row for row in table if row[3]]
    lines = ["# What DOCA Flow refuses", "",
             "Written by `devtools/flow_errors.py write`, checked by `make check`, which provokes each. A refusal is logged and kept for",
             "`doca_softdpu_last_refusal()`; the sentence names the call or the pipe, the value, and what would be legal.", "",
             "| error | sentence | for example |", "|---|---|---|"]
    lines += [f"| {error.removeprefix('DOCA_ERROR_')} | {sentence} | {example} |" for _, error, sentence, example, _ in reach]
    lines += ["", "## Never seen by a program", "",
              "Sentences behind a check that comes first: no program gets them, the unit tests of rooms flow and card do.", "", "| sentence | why |", "|---|---|"]
    lines += [f"| {sentence} | {why} |" for _, _, sentence, example, why in table if not example]
    return "\n".join(line.replace("|'", "| '") for line in lines) + "\n"


def build(checkout, programs):
    rows, complaints = provoked(programs)
    table, missing, used = [], [], set()
    for where, error, sentence in refusals(checkout):
        p = pattern(sentence)
        got, example = next(((name, text) for name, text in rows if (not error or name == error) and p.match(text)), (error, None))
        why = next((why for excuse, why in IMPOSSIBLE if re.search(excuse, sentence)), None)
        used |= {excuse for excuse, _ in IMPOSSIBLE if re.search(excuse, sentence) and not example}
        if not example and not why:
            missing.append((where, error, sentence))
        table.append((where, got, sentence, example, why))
    missing += [("flow_errors.py", "", f"an excuse for nothing: {excuse}") for excuse, _ in IMPOSSIBLE if excuse not in used]
    return table, missing, complaints


def without_memory(program):
    """Sanitizers have the allocator to themselves: what only fails without memory is not provoked there."""
    return "__asan_init" in subprocess.run(["nm", "-D", program], capture_output=True, text=True).stdout


def check(checkout, programs):
    table, missing, complaints = build(checkout, programs)
    path = f"{checkout}/docs/flow/errors.md"
    results = [(not complaints, "the tests provoke refusals", complaints)]
    if not without_memory(programs[0]):
        results += [(not missing, f"every refusal is provoked ({len(table)} sentences)", "\n".join(map(str, missing))),
                    (os.path.exists(path) and open(path).read() == page(table), "docs/flow/errors.md says the same",
                     "run devtools/flow_errors.py write")]
    print(f"1..{len(results)}")
    for n, (good, what, why) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {n} - {what}")
        if not good:
            print("\n".join("# " + line for line in why.splitlines()))
    return any(not good for good, _, _ in results)


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("write", "check"):
        sys.exit(__doc__)
    checkout, programs = sys.argv[2], sys.argv[3:]
    if sys.argv[1] == "check":
        sys.exit(check(checkout, programs))
    os.makedirs(f"{checkout}/docs/flow", exist_ok=True)
    text = page(build(checkout, programs)[0])
    with open(f"{checkout}/docs/flow/errors.md", "w") as f:
        f.write(text)


main()
