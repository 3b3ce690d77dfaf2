# SPDX-License-Identifier: BSD-3-Clause
"""A tiny TAP harness for system stories: each story is a function; checks are plain asserts."""
import sys
import time
import traceback

from cluster import NODES, Cluster, Failure


def balanced(cluster):
    """The accounting identity of every node, exactly, once the last packets have settled."""
    for node in NODES:
        for _ in range(20):
            a = cluster.ctl(node, "drops")["accounting"]
            if a["balanced"] and not a["queued"]:
                break
            time.sleep(0.1)
        assert a["balanced"], f"{node}: {a}"


def drops(cluster, node):
    return {d["reason"]: d["packets"] for d in cluster.ctl(node, "drops")["drops"]}


def new_drops(before, after):
    return {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}


def run(stories, build, each_fresh=False):
    print(f"1..{len(stories)}", flush=True)
    failed = 0
    cluster = Cluster(build)
    try:
        cluster.up()
        up = None
    except (Failure, OSError) as e:
        up = e
    for n, story in enumerate(stories, 1):
        start = time.monotonic()
        try:
            if up:
                raise up
            story(cluster)
            balanced(cluster)
            print(f"ok {n} {story.__name__} # {time.monotonic() - start:.1f} s", flush=True)
        except Exception as e:  # a story may fail in any way; the next one still runs
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("#", line)
            print(f"not ok {n} {story.__name__} # {type(e).__name__}", flush=True)
    for complaint in cluster.down():
        failed += 1
        print("#", complaint)
    sys.exit(1 if failed else 0)
