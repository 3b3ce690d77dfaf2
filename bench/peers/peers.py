#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""make bench-peers: every row of the table (rows.py), ours and the peer's taking turns.

Open vSwitch with DPDK is fed by the same source and sink as we are (bench/peers/source.c is port `mem` as a DPDK
device) on the same core: A B A B, at least 20 pairs per row; the one that is not measured is stopped (SIGSTOP). Mpps
are packets per second of the measuring thread's own CPU time. A row holds when the median of what counts (the pairs'
ratios, or a figure of ours) less its 95% confidence half-width reaches what it must. A row that cannot be measured
(the peer forwards nothing, a program fails) says so; the others go on.

usage: peers.py BUILDDIR [--pairs N] [--seconds S] [--case NAME]... [--out FILE] [--json] [--list] [--cpu N]

--out gets a JSON line per pair; stdout a table for the README, or with --json a line per row.
Root only: it reserves hugepages for the time of the run and works in a network namespace of its own.
"""
import argparse
import itertools
import json
import os
import random
import statistics
import sys
import time

from ovs import Failed, Hugepages, Ovs, run
from rows import ROWS, Latency, Switch


class Bench:
    """What rows measure with."""

    def __init__(self, args):
        self.build, self.seconds, self.count, self.cpu = args.build, args.seconds, args.pairs, args.cpu
        self.plugin = os.path.realpath(f"{args.build}/bench/peers/librte_net_benchsource.so")
        self.private = None
        self.told = set()

    @property
    def ovs(self):
        if not self.private:
            self.private = Ovs(self.build, self.cpu)
            self.private.start()
        return self.private

    def run(self, program, *argv, pinned=True, timeout=120):
        return run(*(["taskset", "-c", str(self.cpu)] if pinned else []), f"{self.build}/bench/{program}", *argv,
                   timeout=timeout)

    def esw(self, case, *argv, pinned=True):
        out = self.run("bench-esw", "--case", case, "--seconds", str(self.seconds), *argv, pinned=pinned)
        line = json.loads(out.splitlines()[-1])
        if not line["hugepages"] and case not in self.told:
            self.told.add(case)
            print(f"peers: {case}: no reserved hugepages were left for us, only transparent ones", file=sys.stderr)
        return line

    def thread_ns(self, pid, *names):
        """CPU time of a process's first thread that is named like that."""
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as f:
                if not f.read().startswith(names):
                    continue
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                return int(f.read().split()[0])
        return 0

    def close(self):
        if self.private:
            self.private.close()
        self.private = None


def half_width(values):
    """Of the median's 95% confidence interval, by bootstrap; seeded, so the same numbers say the same."""
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(2000))
    return (medians[1949] - medians[50]) / 2


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def judge(row, pairs):
    mine, theirs = [p[0] for p in pairs], [p[1] for p in pairs if p[1] is not None]
    result = {"row": row.name, "title": row.title, "unit": row.unit, "pairs": len(pairs), "softdpu": summary(mine)}
    counts = mine
    if theirs:
        ratios = [b / a if row.better == "less" else a / b for a, b in pairs]
        result |= {"peer": row.peer, "theirs": summary(theirs), "ratio": statistics.median(ratios), "half_width": half_width(ratios)}
        counts = mine if row.least else ratios
    sure = statistics.median(counts) - half_width(counts)
    result |= {"sure": sure, "must": row.must, "kind": "figure" if row.least else "ratio", "aim": row.aim}
    result["verdict"] = "" if row.must is None else "holds" if sure >= row.must else "short"
    return result


def as_text(r):
    def spread(s):
        return f"{s['median']:.3g} ({s['min']:.3g} to {s['max']:.3g})"

    if "failed" in r:
        return f"| {r['title']} | {r['failed'].splitlines()[0]} | | | | | failed |"
    theirs = f"{spread(r['theirs'])} {'' if r['peer'] == 'OVS-DPDK' else r['peer']}".strip() if "theirs" in r else ""
    ratio = f"{r['ratio']:.2f} ± {r['half_width']:.2f}" if "ratio" in r else ""
    must = "" if r["must"] is None else f"{r['must']:g} {r['unit']}" if r["kind"] == "figure" else f"{r['must']:g}x"
    return f"| {r['title']} | {spread(r['softdpu'])} {r['unit']} | {theirs} | {ratio} | {r['sure']:.3g} | {must} | {r['verdict']} |"


HEAD = ("| row | softdpu: median (min to max) | peer (OVS-DPDK unless said) | times better | sure of | must | |\n"
        "|---|---|---|---|---|---|---|")


def measure(row, bench, out):
    """Its pairs; each is on record at once."""
    pairs = []
    for pair in itertools.islice(row.pairs(bench), bench.count):
        pairs.append(pair)
        out.write(json.dumps({"bench": "peers", "row": row.name, "pair": len(pairs) - 1, "unit": row.unit,
                              "softdpu": round(pair[0], 4), "peer": pair[1] and round(pair[1], 4)}) + "\n")
        out.flush()
        if sys.stderr.isatty():
            print(f"\r{row.name}: pair {len(pairs)}/{bench.count}", end="", file=sys.stderr)
    return judge(row, pairs)


def run_rows(rows, bench, out):
    """First those without Open vSwitch: it then has not started. Results are in the table's order."""
    results = {}
    for row in sorted(rows, key=lambda r: isinstance(r, (Switch, Latency))):
        try:
            results[row.name] = measure(row, bench, out)
        except Failed as why:
            results[row.name] = {"row": row.name, "title": row.title, "failed": str(why), "verdict": "failed"}
            bench.close()  # the next row begins with a switch of its own
        print(as_text(results[row.name]), file=sys.stderr, flush=True)
    return [results[row.name] for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--case", action="append", choices=[r.name for r in ROWS], metavar="NAME", help="these rows only")
    parser.add_argument("--out", default="bench-peers.jsonl", help="a JSON line per pair")
    parser.add_argument("--json", action="store_true", help="a JSON line per row instead of the table")
    parser.add_argument("--list", action="store_true", help="names of the rows")
    parser.add_argument("--cpu", type=int, default=(os.cpu_count() or 1) - 1, help="the core both share")
    args = parser.parse_args()
    if args.list:
        print("\n".join(r.name for r in ROWS))
        return
    if os.geteuid():
        sys.exit("peers: needs root (hugepages, a network namespace)")
    with Hugepages(), open(args.out, "w", encoding="utf-8") as out:
        bench = Bench(args)
        try:
            results = run_rows([r for r in ROWS if not args.case or r.name in args.case], bench, out)
        finally:
            bench.close()
    if args.json:
        print("\n".join(map(json.dumps, results)))
        return
    print(HEAD)
    print("\n".join(map(as_text, results)))
    held = sum(r["verdict"] == "holds" for r in results)
    print(f"\n{held} of {sum(r['verdict'] != '' for r in results)} rows hold; {args.pairs} pairs each, "
          f"{time.strftime('%Y-%m-%d')}.")


if __name__ == "__main__":
    main()
