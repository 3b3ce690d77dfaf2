#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""softdpu pipes, flows and explain against the program vlan, which runs: the graphs have its pipes and where they lead, and the
programs are those it asked for.

usage: test_explain.py SOFTDPU PROGRAM. Prints TAP.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

softdpu, program = sys.argv[1:3]
UNTAGGED = ("02fc00000005" "02fc00000001" "0800" "450000240001000040110000" "01010101" "02020202" "0035000200100000" "6162636465666768")


def run(*words, rc=0):
    r = subprocess.run([softdpu, *words], capture_output=True, text=True, timeout=60)
    assert r.returncode == rc, (words, r.returncode, r.stdout + r.stderr)
    return r.stdout + r.stderr


def dot_edges(text):
    names = dict(re.findall(r'^  ([po]\d+) \[(?:shape=plaintext, )?label="(.*?)"', text, re.M))
    return names, sorted((a, b, "miss" in rest) for a, b, rest in re.findall(r"^  (p\d+) -> ([po]\d+)(.*);$", text, re.M))


def mermaid_edges(text):
    return sorted((a, b, "miss" in arrow) for a, arrow, b in re.findall(r"^  (p\d+) (-->|-\. miss \.->) ([po]\d+)", text, re.M))


def graphs():
    text = run("pipes", "--graph", "dot")
    names, edges = dot_edges(text)
    assert mermaid_edges(run("pipes", "--graph", "mermaid")) == edges
    root, = (p["id"] for p in json.loads(run("pipes", "--json"))["pipes"] if p["name"] == "ROOT" and p["root"])
    reached, todo = set(), {f"p{root}"}
    while todo:
        reached |= todo
        todo = {b for a, b, miss in edges if a in todo} - reached
    assert {"ROOT", "OUTER_TAG", "LAST_TAG", "port 1"} <= {names[n] for n in reached}, (text, reached)
    # five entries, each with actions of its own in a pipe of its own beside the root: none of them leads back
    assert sum(names[n] == "ROOT" for n in reached) == 6, text
    assert not [e for e in edges if e[0] == e[1]], text
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=text, text=True, check=True, capture_output=True)


def a_pipe():
    text = run("explain", "OUTER_TAG")
    assert re.search(r"pipe \d+ 'OUTER_TAG' exact .*entries 1/", text), text
    assert "push-vlan 0x88a80014" in text and "port 1" in text, text
    assert "no pipe is called 'NONE'" in run("explain", "NONE", rc=1)


def an_entry():
    entries = [f["id"] for f in json.loads(run("flows", "--pipe", "ROOT", "--json"))["flows"]]
    for entry in entries:
        text = run("explain", str(entry))
        assert len(re.findall(r"^  entry ", text, re.M)) == 1 and "'ROOT'" in text, text
    texts = {run("explain", str(entry)) for entry in entries}
    assert len(texts) == len(entries) and len(entries) == 10, texts
    assert "no pipe has entry" in run("explain", str(max(entries) + 999), rc=1)


def a_packet():
    text = run("explain", "--port", "p0", "--packet", UNTAGGED)
    assert "wild 'ROOT'\n  hit" in text and "push-vlan 0x8100600a" in text and "resume at 'OUTER_TAG'" in text, text
    other = run("explain", "--port", "p0", "--packet", UNTAGGED.replace("00350002", "00350003"))
    assert "wild 'ROOT'\n  miss" in other and "push-vlan" not in other, other


def main():
    with tempfile.TemporaryDirectory(prefix="softdpu-explain-") as folder:
        card = f"{folder}/card.yaml"
        with open(card, "w") as f:
            f.write(f"name: explain\nrun_dir: {folder}/run\nports: {{p0: , p1: }}\n")
        os.environ["SOFTDPU_RUN"] = f"{folder}/run"
        proc = subprocess.Popen([program], env={**os.environ, "SOFTDPU_CARD": card}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
        said = []
        for line in proc.stdout:
            said.append(line)
            if "Wait" in line:
                break
        failed = 0
        for n, t in enumerate((graphs, a_pipe, an_entry, a_packet), 1):
            try:
                t()
                print(f"ok {n} - {t.__name__}")
            except Exception as e:
                failed = 1
                print(f"not ok {n} - {t.__name__}")
                print("\n".join("# " + x for x in (f"{type(e).__name__}: {e}\n" + "".join(said)).splitlines()))
        print("1..4")
        proc.communicate("\n", timeout=60)
        return failed or proc.returncode


sys.exit(main())
