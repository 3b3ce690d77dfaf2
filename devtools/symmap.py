#!/usr/bin/env python3
"""Symbol maps of the public libraries, from the public headers.

usage: symmap.py write CHECKOUT          rewrite src/doca/*/lib*.map
       symmap.py check CHECKOUT BUILD    TAP: every map is what its headers declare, every library exports
                                         exactly its map, and no function is declared by two libraries

Which headers a library answers for stands in the first line of its map: `# headers: doca_dma.h`. A line
`# private: a_* b_*` adds a node SOFTDPU_PRIVATE with these patterns, for our own libraries only.
"""
import glob
import os
import re
import subprocess
import sys

DECLARATION = re.compile(r"^(?!static|typedef|#)[\w\s\*]*?\b(doca_\w+)\s*\(", re.M)


def functions(header):
    text = open(header).read()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"^\s*#.*?(?<!\\)$", " ", text, flags=re.M | re.S)
    text = re.sub(r"static inline.*?\n}", " ", text, flags=re.S)
    return {m[1] for m in DECLARATION.finditer(text) if not m[0].lstrip().startswith("typedef")}


def directives(path):
    headers, private = [], []
    for line in open(path):
        if m := re.match(r"#\s*headers:\s*(.*)", line):
            headers += m[1].split()
        if m := re.match(r"#\s*private:\s*(.*)", line):
            private += m[1].split()
    return headers, private


def render(root, path):
    headers, private = directives(path)
    names = sorted(set().union(*(functions(os.path.join(root, "include", h)) for h in headers)))
    out = ["# headers: " + " ".join(headers)]
    if private:
        out.append("# private: " + " ".join(private))
    out += ["DOCA_3.3 {", "\tglobal:"] + [f"\t\t{n};" for n in names]
    if private:
        out += ["};", "SOFTDPU_PRIVATE {", "\tglobal:"] + [f"\t\t{p};" for p in private]
    out += ["\tlocal:", "\t\t*;", "};", ""]
    return "\n".join(out), set(names)


def exported(library):
    text = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return {w for line in text.splitlines() if (w := line.split()[-1].split("@")[0]).startswith("doca_")}


def check(root, build):
    owner, bad, n = {}, 0, 0
    for path in sorted(glob.glob(f"{root}/src/doca/*/lib*.map")):
        name = os.path.basename(path)[:-4]
        text, names = render(root, path)
        complaints = [] if open(path).read() == text else ["the map differs: run devtools/symmap.py write ."]
        complaints += [f"{f} is also declared for {owner[f]}" for f in names if owner.setdefault(f, name) != name]
        library = next(iter(glob.glob(f"{build}/**/{name}.so", recursive=True)), None)
        if library:
            got = exported(library)
            complaints += [f"{f} is declared but not exported" for f in sorted(names - got)]
            complaints += [f"{f} is exported but not declared" for f in sorted(got - names)]
        else:
            complaints.append("no library in the build")
        n += 1
        bad += bool(complaints)
        print(("not ok" if complaints else "ok"), n, name)
        for c in complaints:
            print("#", c)
    print(f"1..{n}")
    return bool(bad)


if sys.argv[1] == "write":
    for p in glob.glob(f"{sys.argv[2]}/src/doca/*/lib*.map"):
        rendered, _ = render(sys.argv[2], p)
        open(p, "w").write(rendered)
else:
    sys.exit(check(sys.argv[2], sys.argv[3]))
