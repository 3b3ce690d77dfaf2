#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""make run: three nodes, one service, real pods; real programs drive it; a report tells what happened.

usage: demo.py BUILDDIR [--keep]
Exit status 0 only if every check held.
"""
import collections
import concurrent.futures
import hashlib
import signal
import sys
import time

from cluster import BACKENDS, DNS, EMPTY, NODES, PODS, RUN, SERVICE, Cluster, Failure

CURLS = 150          # per family
BULK = 64 << 20      # bytes of the bulk transfer
PATTERN = bytes(range(256)) * 4096


class Report:
    """Steps with their checks; green and red where a terminal looks."""

    def __init__(self):
        self.tty = sys.stdout.isatty()
        self.failed = []

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.tty else text

    def title(self, text):
        print("\n" + self.paint("1", text))

    def check(self, good, text, detail=""):
        mark = self.paint("32", "ok  ") if good else self.paint("31", "FAIL")
        print(f"  {mark} {text}" + (f"  ({detail})" if detail else ""), flush=True)
        if not good:
            self.failed.append(text)

    def line(self, text=""):
        print("  " + text, flush=True)


def url(ip, path="/", port=80):
    host = f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}{path}"


def pattern_digest(n):
    h = hashlib.sha256()
    while n > 0:
        h.update(PATTERN[:n])
        n -= len(PATTERN)
    return h.hexdigest()


def misses(cluster):
    """Decisions made so far, per node."""
    return {n: cluster.ctl(n, "stats")["flow_misses"] for n in NODES}


def show_topology(r):
    r.title("Topology")
    r.line("underlay 192.168.1.0/24, fd00:192:168:1::/64 (a bridge in its own namespace); overlay VNI 100")
    for node in NODES:
        pods = ", ".join(f"{p.name} {p.ip[4]}" for p in PODS.values() if p.node == node)
        r.line(f"{node}  VTEP 192.168.1.10{node[-1]}  softdpud  {pods}")
    r.line(f"service default/web {SERVICE[4]}:80, [{SERVICE[6]}]:80 -> 8080 on " + ", ".join(BACKENDS))


def many_curls(cluster, family, n):
    """n connections, ten at a time, one curl process each; who answered each."""
    def one(_):
        r = cluster.curl("client", url(SERVICE[family]))
        return r.stdout.strip() if r.returncode == 0 else f"error: {r.stdout.strip()}"
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        return collections.Counter(pool.map(one, range(n)))


def step_curl(cluster, r):
    total = collections.Counter()
    for family in (4, 6):
        r.title(f"curl: {CURLS} connections from pod client to the ClusterIP over IPv{family}")
        start = time.monotonic()
        answers = many_curls(cluster, family, CURLS)
        took = time.monotonic() - start
        good = sum(answers[b] for b in BACKENDS)
        r.check(good == CURLS, f"{good} of {CURLS} answered", f"{CURLS / took:.0f} a second, one curl process each")
        for b in BACKENDS:
            r.line(f"     {b:6} on {PODS[b].node}: {'#' * (answers[b] * 40 // CURLS):14} {answers[b]}")
        spread = max(answers[b] for b in BACKENDS) - min(answers[b] for b in BACKENDS)
        r.check(spread <= 2, "round robin: every backend got its share", f"largest difference {spread}")
        for text, count in answers.items():
            if text not in BACKENDS:
                r.line(f"     {count} x {text}")
        total += answers
    return total


def step_source(cluster, r):
    r.title("Who does the client talk to?")
    peer = cluster.curl("client", url(SERVICE[4], "/peer")).stdout.strip()
    r.check(peer.endswith(PODS["client"].ip[4]), "the backend sees the client's own address", peer)
    out = cluster.curl("client", url(SERVICE[4]), "-o", "/dev/null", "-w", "%{remote_ip}").stdout.strip()
    r.check(out == SERVICE[4], "the client sees answers from the service address", out)


def step_bulk(cluster, r):
    r.title(f"Bulk transfer of {BULK >> 20} MiB through the service")
    want = pattern_digest(BULK)
    for family in (4, 6):
        for _ in range(2):  # round robin: at least one of two goes to another node
            out = f"{RUN}/bulk{family}"
            start = time.monotonic()
            res = cluster.curl("client", url(SERVICE[family], f"/bulk?{BULK}"), "-o", out, "-w", "%header{x-pod}", timeout=30)
            took = time.monotonic() - start
            with open(out, "rb") as f:
                got = hashlib.sha256(f.read()).hexdigest()
            pod = PODS.get(res.stdout.strip())
            way = "same node" if pod and pod.node == "node1" else "through VXLAN"
            r.check(res.returncode == 0 and got == want, f"IPv{family}: every byte arrived from {res.stdout.strip()}",
                    f"{way}, {BULK / took / 1e6 * 8:.0f} Mbit/s")


def step_table(cluster, r):
    r.title("First packet decides, the flow table does the rest")
    before = misses(cluster)
    packets = cluster.ctl("node1", "stats")["packets_offloaded"]
    res = cluster.curl("client", url(SERVICE[4], "/slow?1"), timeout=10)
    after = misses(cluster)
    ran = cluster.ctl("node1", "stats")["packets_offloaded"] - packets
    moved = {n: after[n] - before[n] for n in NODES}
    r.check(res.returncode == 0, "a connection of one second in ten pieces")
    r.check(moved["node1"] == 1 and max(moved.values()) <= 1,
            "one flow miss on the client's node, none after it", f"misses {moved}, {ran} packets from the table on node1")


def step_ping(cluster, r):
    r.title("ping")
    for family in (4, 6):
        res = cluster.pod("client", "ping", f"-{family}", "-c3", "-i0.2", "-W2", PODS["coredns"].ip[family])
        rtt = [w for w in res.stdout.splitlines() if "rtt" in w]
        r.check(res.returncode == 0, f"IPv{family}: client -> coredns on node2", rtt[0].split("=")[1].strip() if rtt else res.stdout[-100:])
    res = cluster.pod("client", "ping", "-c1", "-W2", PODS["client"].gateway[4])
    r.check(res.returncode == 0, "the gateway is the switch and answers")


def step_dns(cluster, r):
    r.title("DNS through its service")
    for family, kind in ((4, "A"), (6, "AAAA")):
        res = cluster.pod("client", "dig", "+short", "+time=2", "+tries=1", f"@{DNS[family]}", "web.default.svc.cluster.local", kind)
        r.check(SERVICE[family] in res.stdout, f"{kind} over IPv{family}", res.stdout.strip() or "no answer")


def step_denied(cluster, r):
    r.title("A connection that a NetworkPolicy denies, and a service nobody serves")
    start = time.monotonic()
    res = cluster.curl("intruder", url(SERVICE[4]), timeout=2)
    r.check(res.returncode == 28, "intruder -> web: silence, as Kubernetes wants it", f"curl gave up after {time.monotonic() - start:.1f} s")
    drops = {d["reason"]: d["packets"] for n in NODES for d in cluster.ctl(n, "drops")["drops"]}
    r.check(drops.get("policy-ingress", 0) > 0, "and the drop tells its reason", "policy-ingress")
    start = time.monotonic()
    res = cluster.curl("client", url(EMPTY[4]), timeout=3)
    took = time.monotonic() - start
    r.check(res.returncode == 7 and took < 1, "client -> a service without endpoints: refused at once", f"{took * 1000:.0f} ms")


def show_flows(cluster, r):
    r.title("Where packets were decided")
    for node in NODES:
        s = cluster.ctl(node, "stats")
        first, later = s.get("first_packet_ns") or {}, s.get("table_packet_ns") or {}
        share = 100.0 * s["packets_offloaded"] / max(1, s["packets_offloaded"] + s["packets_software"])
        r.line(f"{node}  flows: {s['flows']}  flows_offloaded: {s['flows_offloaded']}  flows_software: {s['flows_software']}   "
               f"packets from the table: {s['packets_offloaded']} ({share:.1f}%)")
        if first and later:
            r.line(f"       in the switch: first packet p50 {first['p50'] / 1000:.1f} us p99 {first['p99'] / 1000:.1f} us, "
                   f"later packets p50 {later['p50'] / 1000:.1f} us p99 {later['p99'] / 1000:.1f} us")


def show_drops(cluster, r):
    r.title("Drops, each with its reason")
    for node in NODES:
        d = cluster.ctl(node, "drops")
        a = d["accounting"]
        for one in d["drops"]:
            r.line(f"{node}  {one['packets']:5}  {one['reason']:16} {one['sentence']}")
        r.check(a["balanced"], f"{node}: every packet is accounted for",
                f"received {a['received']} + generated {a['generated']} + copies {a['copies']} = transmitted {a['transmitted']} "
                f"+ dropped {a['dropped']} + consumed {a['consumed']} + queued {a['queued']}")


def show_next(r, keep):
    r.title("Where to look next")
    if keep:
        r.line("The cluster is up until Ctrl-C. In another terminal:")
        r.line(f"  export SOFTDPU_RUN={RUN}; PATH=$PWD/build/tools/softdpu:$PATH")
        r.line("  softdpu -c node1 connections          softdpu -c node2 drops")
        r.line("  softdpu -c node1 capture p0 -w /tmp/p0.pcap -n 20")
        r.line(f"  ip netns exec sdpu-client curl http://{SERVICE[4]}/")
        r.line(f"  edit {RUN}/manifests/*.yaml: the agents apply the difference")
    else:
        r.line("make run KEEP=1 leaves the cluster up; README.md has the tour; make system runs the same house under tshark")


STEPS = (step_curl, step_source, step_table, step_bulk, step_ping, step_dns, step_denied)


def story(cluster, r, keep):
    start = time.monotonic()
    print("starting three nodes ...", flush=True)
    cluster.up()
    show_topology(r)
    r.line(f"up after {time.monotonic() - start:.1f} s")
    for step in STEPS:
        step(cluster, r)
    show_flows(cluster, r)
    time.sleep(0.2)
    show_drops(cluster, r)
    show_next(r, keep)
    if keep:
        signal.pause()


def main():
    args = [a for a in sys.argv[1:] if not a.startswith("-")]
    keep = "--keep" in sys.argv
    r, cluster = Report(), Cluster(args[0])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also when a shell started us in the background
    try:
        story(cluster, r, keep)
    except KeyboardInterrupt:
        print("\nending")
        if not keep:
            r.failed.append("interrupted")
    except (Failure, OSError) as e:
        r.failed.append(str(e))
        print(f"\n{r.paint('31', 'FAILED')}: {e}")
    finally:
        r.failed += cluster.down()
    if r.failed:
        print(f"\n{len(r.failed)} check(s) failed:")
        for f in r.failed:
            print("  " + f.splitlines()[0])
        return 1
    print("\n" + r.paint("32", "Every check held."))
    return 0


sys.exit(main())
