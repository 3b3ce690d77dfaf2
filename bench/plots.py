#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""make bench-plots: how the cost of a packet grows, as SVG in docs/performance.

Cycles per packet (source and sink included) over the number of flows, of chained pipes, and of wildcard masks
when the cache does not help. Each point is the best of --times runs: the machine's noise only adds.

usage: plots.py BUILDDIR [--out DIR] [--times N] [--seconds S]
"""
import argparse
import json
import os
import subprocess
import sys

CURVES = [
    ("flows", "flows (exact 5-tuple entries, DNAT)", "logscale x 10",
     [("dnat-100k", "--flows", n) for n in (1, 1000, 10_000, 100_000, 1_000_000, 4_000_000)]),
    ("chain", "pipes one behind the other (1,000 flows)", "",
     [("chain", "--steps", n) for n in range(1, 9)]),
    ("masks", "masks of wildcard rules (no cache hit)", "logscale xy 10",
     [("masks", "--steps", n) for n in (1, 4, 16, 64, 256, 1024, 4096, 10_000)]),
]


def measure(build, case, option, n, args):
    best = None
    for _ in range(args.times):
        out = subprocess.run(["taskset", "-c", str(args.cpu), f"{build}/bench/bench-esw", "--case", case, option,
                              str(n), "--seconds", str(args.seconds)], capture_output=True, text=True, check=False)
        if out.returncode:
            sys.exit(f"plots: {case} {option} {n}: {out.stderr.strip()}")
        line = json.loads(out.stdout.splitlines()[-1])
        if best is None or line["cycles_per_packet"] < best["cycles_per_packet"]:
            best = line
    return best


def plot(name, xlabel, scale, points, out):
    data = "\n".join(f"{x} {y}" for x, y in points)
    script = f"""
set terminal svg size 640,400 background rgb 'white' font 'sans,13'
set output '{out}/{name}.svg'
set xlabel '{xlabel}'
set ylabel 'cycles per packet'
set grid
unset key
{'set ' + scale if scale else ''}
{'' if 'y' in scale else 'set yrange [0:*]'}
plot '-' with linespoints pointtype 7 linewidth 2 linecolor rgb '#1f6feb'
{data}
e
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def machine():
    model = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="ascii")
                 if line.startswith("model name"))
    return f"{os.cpu_count()} cores of {model}, Linux {os.uname().release}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--out", default="docs/performance")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--cpu", type=int, default=(os.cpu_count() or 1) - 1)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    lines, where = [], ""
    for name, xlabel, scale, runs in CURVES:
        points = []
        for case, option, n in runs:
            got = measure(args.build, case, option, n, args)
            points.append((n, got["cycles_per_packet"]))
            where = f"{got['cpu']} code, {'with' if got['hugepages'] else 'without'} hugepages"
            print(json.dumps({"bench": "plots", "curve": name, "x": n, "cycles_per_packet": points[-1][1]}), flush=True)
        plot(name, xlabel, scale, points, args.out)
        lines += [f"![{xlabel}]({name}.svg)", "", f"| {xlabel} | " + " | ".join(f"{x:,}" for x, _ in points) + " |",
                  "|---" * (len(points) + 1) + "|",
                  "| cycles per packet | " + " | ".join(f"{y:,.0f}" for _, y in points) + " |", ""]
    with open(f"{args.out}/growth.md", "w", encoding="utf-8") as f:
        f.write("# How the cost of a packet grows\n\nMade by `make bench-plots`; source and sink included, best of "
                f"{args.times} runs. {machine()}; {where}.\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
