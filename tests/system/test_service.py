#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""System stories of the main job, on the cluster drawn in daemons/demo/cluster.py.

    client (node1) --VF--> softdpud --VXLAN, VNI 100--> softdpud --VF--> web-2 (node2), web-3 (node3)
                                     underlay, where tshark listens

usage: test_service.py BUILDDIR [story...]
"""
import collections
import concurrent.futures
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../daemons/demo"), HERE]
from cluster import BACKENDS, EMPTY, NODES, PODS, RUN, SERVICE  # noqa: E402
from story import drops, new_drops, run  # noqa: E402
from wire import Wire, bad_checksums  # noqa: E402

VTEP = {4: {n: f"192.168.1.10{n[-1]}" for n in NODES}, 6: {n: f"fd00:192:168:1::10{n[-1]}" for n in NODES}}


def url(ip, path="/"):
    return f"http://[{ip}]{path}" if ":" in ip else f"http://{ip}{path}"


def misses(cluster, node):
    return cluster.ctl(node, "stats")["flow_misses"]


def wire_shows_the_overlay(cluster):
    """Outer addresses, UDP 4789, VNI 100, the inner 5-tuple after DNAT, checksums: both directions, both families."""
    for family in (4, 6):
        src, dst = ("ip.src", "ip.dst") if family == 4 else ("ipv6.src", "ipv6.dst")
        client = PODS["client"].ip[family]
        with Wire() as wire:
            for _ in range(6):
                r = cluster.curl("client", url(SERVICE[family], "/bulk?20000"), "-o", "/dev/null")
                assert r.returncode == 0, r.stdout
        rows = wire.tunnelled(family)
        assert rows, f"nothing in VXLAN over IPv{family}: {len(wire.rows)} frames, tcpdump: {wire.said}"
        seen = collections.Counter()
        for r in rows:
            assert r["vxlan.vni"] == ["100"], r
            assert r["udp.dstport"][0] == "4789", r
            assert not bad_checksums(r), (bad_checksums(r), r)
            outer_from, outer_to = r[src][0], r[dst][0]
            inner_from, inner_to = r[src][-1], r[dst][-1]
            ports = (r["tcp.srcport"], r["tcp.dstport"])
            for b in ("web-2", "web-3"):
                vtep, pod = VTEP[family][PODS[b].node], PODS[b].ip[family]
                if (outer_from, outer_to, inner_from, inner_to) == (VTEP[family]["node1"], vtep, client, pod):
                    assert ports[1] == ["8080"], r     # DNAT was done before the tunnel
                    seen[b, "to"] += 1
                if (outer_from, outer_to, inner_from, inner_to) == (vtep, VTEP[family]["node1"], pod, client):
                    assert ports[0] == ["8080"], r     # un-NAT is the client's node's business
                    seen[b, "from"] += 1
            assert SERVICE[family] not in (inner_from, inner_to), "the service address never crosses the wire"
        for b in ("web-2", "web-3"):
            assert seen[b, "to"] and seen[b, "from"], (family, seen)


def the_table_does_the_rest(cluster):
    """One flow miss per new connection and node; from the second packet on the counter stands still."""
    for family in (4, 6):
        cluster.curl("client", url(SERVICE[family]))  # neighbours are known now
        before = {n: misses(cluster, n) for n in NODES}
        answers = [cluster.curl("client", url(SERVICE[family], "/bulk?2000000"), "-o", "/dev/null", "-w", "%{http_code}").stdout
                   for _ in range(3)]
        assert answers == ["200"] * 3, answers
        after = {n: misses(cluster, n) for n in NODES}
        moved = {n: after[n] - before[n] for n in NODES}
        # three connections leave node1, one of them stays; each remote backend's node learns one
        assert moved == {"node1": 3, "node2": 1, "node3": 1}, moved


def five_hundred_parallel_curls(cluster):
    """500 connections over both families, 50 at a time: none fails, every backend gets its share."""
    def one(i):
        r = cluster.curl("client", url(SERVICE[4 if i % 2 else 6]), timeout=15)
        return r.stdout.strip() if r.returncode == 0 else f"error {r.returncode} {r.stdout.strip()}"
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = collections.Counter(pool.map(one, range(500)))
    assert sum(answers[b] for b in BACKENDS) == 500, answers
    assert max(answers.values()) - min(answers.values()) <= 4, answers


def two_hundred_megabytes(cluster):
    """A 200 MB transfer through the service to a remote pod, intact, at full-size segments."""
    n = 200_000_000
    block = bytes(range(256)) * 4096
    want = hashlib.sha256()
    left = n
    while left > 0:
        want.update(block[:left])
        left -= len(block)
    for family in (4, 6):
        for _ in range(3):  # round robin: until a remote backend served it
            out = f"{RUN}/big"
            r = cluster.curl("client", url(SERVICE[family], f"/bulk?{n}"), "-o", out, "-w", "%{http_code} %{speed_download}", timeout=120)
            assert r.returncode == 0, r.stdout
            with open(out, "rb") as f:
                got = hashlib.file_digest(f, "sha256").hexdigest()
            os.unlink(out)
            assert got == want.hexdigest(), "the bytes differ"


def full_size_segments(cluster):
    """Path MTU is right: a bulk transfer to a remote pod fills the underlay's 1500 bytes and nothing is fragmented."""
    with Wire() as wire:
        for _ in range(3):
            cluster.curl("client", url(SERVICE[6], "/bulk?3000000"), "-o", "/dev/null")
    largest = max(int(r["frame.len"][0]) for r in wire.tunnelled(6))
    assert largest == 1514, largest  # 1500 and the Ethernet header


def refused_when_the_server_dies(cluster):
    """A backend whose server is gone refuses at once; nobody hangs."""
    cluster.stop("web-2")
    try:  # a curl that hangs ends with 28, its timeout
        codes = collections.Counter(cluster.curl("client", url(SERVICE[4]), timeout=5).returncode for _ in range(9))
    finally:
        cluster.start_web("web-2")
        cluster.wait_servers()
    assert codes == {0: 6, 7: 3}, codes


def refused_without_endpoints(cluster):
    for family in (4, 6):
        r = cluster.curl("client", url(EMPTY[family]), timeout=5)
        assert r.returncode == 7, (r.returncode, r.stdout)
    assert drops(cluster, "node1").get("no-endpoints", 0) >= 2, drops(cluster, "node1")


def denied_with_its_reason(cluster):
    """The intruder on node3 is denied at the web pods, wherever they run, and every drop says why."""
    before = {n: drops(cluster, n) for n in NODES}
    for family in (4, 6):
        for b in BACKENDS:
            ip = PODS[b].ip[family]
            r = cluster.curl("intruder", f"http://[{ip}]:8080/" if family == 6 else f"http://{ip}:8080/", timeout=2)
            assert r.returncode == 28, (b, family, r.returncode, r.stdout)
    for n in NODES:
        new = new_drops(before[n], drops(cluster, n))
        assert new.get("policy-ingress", 0) >= 2 and set(new) <= {"policy-ingress", "multicast"}, (n, new)


def ping_and_dns_leave_no_flow(cluster):
    """Forwarded, not installed."""
    before = {n: cluster.ctl(n, "stats")["insertions"] for n in NODES}
    for family in (4, 6):
        assert cluster.pod("client", "ping", f"-{family}", "-c2", "-i0.2", "-W2", PODS["coredns"].ip[family]).returncode == 0
        r = cluster.pod("client", "dig", "+short", "+time=2", "+tries=1", "@" + ("10.96.0.10" if family == 4 else "fd00:10:96::10"),
                        "web.default.svc.cluster.local", "A")
        assert SERVICE[4] in r.stdout, r.stdout
    after = {n: cluster.ctl(n, "stats")["insertions"] for n in NODES}
    assert before == after, (before, after)


def scaling_breaks_nothing(cluster):
    """Two backends instead of three while connections live: the established ones end well, new ones go to two."""
    manifests = os.path.join(RUN, "manifests")
    path = os.path.join(manifests, "50-endpointslices.yaml")
    with open(path) as f:
        text = f.read()
    results = []

    def long_one():
        r = cluster.curl("client", url(SERVICE[4], "/slow?4"), timeout=15)
        results.append((r.returncode, set(r.stdout.split())))
    threads = [threading.Thread(target=long_one) for _ in range(9)]
    for t in threads:
        t.start()
    time.sleep(1)
    fewer = re.sub(r"- addresses: \[10\.244\.3\.8\]\n(  .*\n)+", "", text)
    assert fewer != text
    with open(path + ".new", "w") as f:
        f.write(fewer)
    os.rename(path + ".new", path)
    for n in NODES:
        cluster.ctl(n, "reload")
    answers = collections.Counter(cluster.curl("client", url(SERVICE[4])).stdout.strip() for _ in range(12))
    for t in threads:
        t.join()
    with open(path, "w") as f:
        f.write(text)
    for n in NODES:
        cluster.ctl(n, "reload")
    assert set(answers) == {"web-1", "web-2"}, answers
    assert len(results) == 9 and all(code == 0 for code, _ in results), results
    assert {"web-3"} in [names for _, names in results], results
    again = collections.Counter(cluster.curl("client", url(SERVICE[4])).stdout.strip() for _ in range(6))
    assert set(again) == set(BACKENDS), again


def bad_yaml_changes_nothing(cluster):
    """A manifest with a mistake: one clear message with file, line, field and value; traffic goes on."""
    path = os.path.join(RUN, "manifests", "90-bad.yaml")
    with open(path, "w") as f:
        f.write("apiVersion: v1\nkind: Service\nmetadata:\n  name: broken\nspec:\n  clusterIP: 10.96.0.300\n"
                "  clusterIPs: [10.96.0.300]\n  ports:\n  - port: 80\n")
    p = subprocess.run((os.path.join(cluster.build, "tools/softdpu/softdpu"), "-c", "node1", "reload"), env=cluster.env, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.unlink(path)
    assert p.returncode != 0, p.stdout
    assert "90-bad.yaml:" in p.stdout and "10.96.0.300" in p.stdout and "clusterIP" in p.stdout, p.stdout
    assert cluster.curl("client", url(SERVICE[4])).returncode == 0
    for n in NODES:
        cluster.ctl(n, "reload")


def restart_of_node2(cluster):
    """Stop node2's softdpud and start it again: service is restored; the others were not touched."""
    pids = {n: cluster.ctl(n, "status")["pid"] for n in ("node1", "node3")}
    cluster.stop("agentd.node2")
    cluster.stop("softdpud.node2")
    cluster.start_node("node2")
    cluster.wait_node("node2")
    for name in ("web-2", "coredns"):
        cluster.configure_pod(PODS[name])
    cluster.wait_agent("node2")
    answers = collections.Counter()
    for family in (4, 6):
        for _ in range(9):
            r = cluster.curl("client", url(SERVICE[family]), timeout=5)
            assert r.returncode == 0, r.stdout
            answers[r.stdout.strip()] += 1
    assert answers["web-2"] >= 4, answers
    assert pids == {n: cluster.ctl(n, "status")["pid"] for n in ("node1", "node3")}


def dead_node_does_not_hang(cluster):
    """node3 is gone: its pod is unreachable, told within seconds, and the other backends go on."""
    cluster.stop("agentd.node3", signal.SIGKILL)
    cluster.stop("softdpud.node3", signal.SIGKILL)
    outcomes = collections.Counter()
    for _ in range(9):
        start = time.monotonic()
        r = cluster.curl("client", url(SERVICE[4]), timeout=6)
        outcomes[r.stdout.strip() if r.returncode == 0 else "failed"] += 1
        assert time.monotonic() - start < 6, "a hang"
    cluster.start_node("node3")
    cluster.wait_node("node3")
    for name in ("web-3", "intruder"):
        cluster.configure_pod(PODS[name])
    cluster.wait_agent("node3")
    assert outcomes["web-1"] + outcomes["web-2"] >= 6, outcomes
    end = time.monotonic() + 10
    while time.monotonic() < end and cluster.curl("client", f"http://{PODS['web-3'].ip[4]}:8080/", timeout=2).returncode:
        time.sleep(0.2)
    assert cluster.curl("client", f"http://{PODS['web-3'].ip[4]}:8080/").returncode == 0


def capture_to_a_file(cluster):
    """softdpu capture writes what tshark reads."""
    out = f"{RUN}/cap.pcap"
    p = subprocess.Popen((os.path.join(cluster.build, "tools/softdpu/softdpu"), "-c", "node1", "capture", "pf0vf0", "-w", out, "-n", "10"),
                         env=cluster.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(0.5)
    for _ in range(3):
        cluster.curl("client", url(SERVICE[4]))
    text, _ = p.communicate(timeout=10)
    assert p.returncode == 0, text
    rows = subprocess.run(("tshark", "-r", out, "-T", "fields", "-e", "ip.dst"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=True).stdout.split()
    assert len(rows) == 10 and SERVICE[4] in rows, rows


def idle_costs_nothing(cluster):
    """An idle softdpud uses under 1% of a core."""
    def ticks(n):
        with open(f"/proc/{cluster.ctl(n, 'status')['pid']}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    time.sleep(1)
    before = {n: ticks(n) for n in NODES}
    time.sleep(5)
    used = {n: (ticks(n) - before[n]) / os.sysconf("SC_CLK_TCK") / 5 for n in NODES}
    assert max(used.values()) < 0.01, used


STORIES = [wire_shows_the_overlay, the_table_does_the_rest, five_hundred_parallel_curls, two_hundred_megabytes, full_size_segments,
           refused_when_the_server_dies, refused_without_endpoints, denied_with_its_reason, ping_and_dns_leave_no_flow,
           scaling_breaks_nothing, bad_yaml_changes_nothing, capture_to_a_file, restart_of_node2, dead_node_does_not_hang,
           idle_costs_nothing]

if __name__ == "__main__":
    wanted = sys.argv[2:]
    run([s for s in STORIES if not wanted or s.__name__ in wanted], sys.argv[1])
