#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""make bench-peers: softdpu and Open vSwitch with DPDK, side by side on one core.

Both are fed by the same source and sink (bench/peers/source.c is port `mem` as a DPDK device) and take turns on
one core: A B A B, at least 20 pairs per case; the one that is not measured is stopped (SIGSTOP). Mpps are packets
per second of the measuring thread's own CPU time. One JSON line per pair goes to --out, a table of medians to
stdout. A row holds when the median ratio less its 95% confidence half-width reaches what it must.

usage: peers.py BUILDDIR [--pairs N] [--seconds S] [--case NAME]... [--out FILE] [--cpu N]
Root only: it reserves hugepages for the time of the run and works in a network namespace of its own.
"""
import argparse
import json
import math
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

NETNS = "softdpu-bench-peers"
SRC_PORT = 9  # OpenFlow number of the source: its rules stand before packets come
HUGEPAGES = 1100  # of 2 MiB: 512 MiB for OVS, the rest for bench-esw
VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
ROUTER = "mod_dl_src:02:00:00:00:00:01,mod_dl_dst:02:00:00:00:00:02,dec_ttl"
DNAT = "mod_nw_dst:10.244.2.3,mod_tp_dst:8080"


class Case:
    """One row: its name in bench-esw, OVS' flows, the ratio it must reach (None: an absolute figure counts)."""

    def __init__(self, name, flows, rules, must, aim, setup="", source=""):
        self.name, self.flows, self.rules, self.must, self.aim = name, flows, rules, must, aim
        self.setup, self.source = setup, source  # "encap", "decap"; more of the source's arguments


ENCAP = [f"udp,in_port=src,actions={ROUTER},{DNAT},output:vx"]
FORWARD = ["in_port=src,actions=output:dst"]
CASES = [
    Case("forward-1", 1, FORWARD, 3, 48),
    Case("forward-100k", 100_000, FORWARD, 4, 36),
    Case("forward-1m", 1_000_000, FORWARD, None, 26),
    Case("dnat-100k", 100_000, [f"udp,in_port=src,actions={ROUTER},{DNAT},output:dst"], 7, 28),
    Case("dnat-vxlan-100k", 100_000, ENCAP, 6, 22, "encap"),
    Case("dnat-vxlan-100k-1500", 100_000, ENCAP, 5, None, "encap", "size=1514"),
    Case("dnat-vxlan-100k-imix", 100_000, ENCAP, 5, None, "encap", "imix=1"),
    Case("decap-unnat-100k", 100_000, [
        f"udp,in_port=vx,actions={ROUTER},mod_nw_src:10.244.2.3,mod_tp_src:8080,output:dst"], 6, 22, "decap",
         "vni=100,replies=1"),
    Case("ct-nat-100k", 100_000, [
        "table=0,udp,in_port=src,ct_state=-trk,actions=ct(table=1,nat)",
        "table=1,udp,ct_state=+trk+new,actions=ct(commit,nat(dst=10.244.2.3:8080)),output:dst",
        f"table=1,udp,ct_state=+trk+est,actions={ROUTER},output:dst"], 20, 25),
    Case("service-100k", 100_000, ["udp,in_port=src,nw_dst=10.96.0.0/24,tp_dst=80,actions=group:1"], None, 25, "group",
         "src=10.244.1.10,dst=10.96.0.100"),
    Case("acl-10k-1m", 1_000_000, "bench-esw --acl", 6, 10, "", "src=10.0.0.0,dst=10.255.0.0,scatter=1"),
]


def run(*argv, **kw):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, **kw)
    if done.returncode:
        sys.exit(f"peers: {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class Hugepages:
    """Reserved while the benches run, given back afterwards."""

    path = "/proc/sys/vm/nr_hugepages"

    def __enter__(self):
        with open(self.path) as f:
            self.before = int(f.read())
        self.set(max(self.before, HUGEPAGES))
        with open(self.path) as f:
            got = int(f.read())
        if got < HUGEPAGES:
            self.set(self.before)
            sys.exit(f"peers: the kernel gave {got} of {HUGEPAGES} hugepages; free some memory and try again")

    def set(self, n):
        with open(self.path, "w") as f:
            f.write(str(n))

    def __exit__(self, *exc):
        self.set(self.before)


class Ovs:
    """A private ovsdb and vswitchd: nothing of the machine's own Open vSwitch is touched."""

    def __init__(self, build, cpu):
        self.build = build
        self.dir = tempfile.mkdtemp(prefix="softdpu-peers-", dir="/run")
        self.db = f"unix:{self.dir}/db.sock"
        self.netns = ["ip", "netns", "exec", NETNS]
        os.environ.update(OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir)
        subprocess.run(["ip", "netns", "add", NETNS], capture_output=True, check=False)
        run("ovsdb-tool", "create", f"{self.dir}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        run("ovsdb-server", f"{self.dir}/conf.db", f"--remote=punix:{self.dir}/db.sock",
            f"--pidfile={self.dir}/db.pid", "--detach", f"--log-file={self.dir}/db.log")
        plugin = os.path.realpath(f"{build}/bench/peers/librte_net_benchsource.so")
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   f"other_config:pmd-cpu-mask={1 << cpu:#x}", "other_config:dpdk-lcore-mask=0x1",
                   "other_config:dpdk-socket-mem=512", f"other_config:dpdk-extra=--no-pci -d {plugin}",
                   "other_config:flow-limit=1000000", "other_config:max-idle=3600000")
        run(*self.netns, VSWITCHD, self.db, f"--pidfile={self.dir}/sw.pid", "--detach",
            f"--log-file={self.dir}/sw.log", f"--unixctl={self.dir}/sw.ctl")
        self.pid = self.pid_of("sw")

    def pid_of(self, name):
        with open(f"{self.dir}/{name}.pid") as f:
            return int(f.read())

    def vsctl(self, *argv):
        return run("ovs-vsctl", f"--db={self.db}", "--timeout=30", *argv)

    def appctl(self, *argv):
        return run("ovs-appctl", "-t", f"{self.dir}/sw.ctl", *argv)

    def load(self, case):
        """The bridge, the ports and the flows of one case; returns when the path is warm."""
        self.vsctl("--if-exists", "del-br", "br0", "--", "--if-exists", "del-br", "phy")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                   "fail-mode=secure", "protocols=OpenFlow10,OpenFlow13,OpenFlow15")
        outside = {"encap": "dst", "decap": "src"}.get(case.setup)
        if outside:
            self.tunnel()
        self.vsctl("add-port", "phy" if outside == "dst" else "br0", "dst", "--", "set", "Interface", "dst", "type=dpdk",
                   "options:dpdk-devargs=net_benchsource1,sink=1")
        if case.setup == "group":
            self.group()
        rules = case.rules if isinstance(case.rules, list) else run(f"{self.build}/bench/bench-esw", "--acl").splitlines()
        text = "\n".join(rules).replace("in_port=src", f"in_port={SRC_PORT}") + "\n"
        run("ovs-ofctl", "-OOpenFlow13", "add-flows", f"{self.dir}/br0.mgmt", "-", input=text)
        if outside:
            run("ovs-ofctl", "add-flow", f"{self.dir}/phy.mgmt",
                "in_port=LOCAL,actions=output:dst" if outside == "dst" else f"in_port={SRC_PORT},actions=LOCAL")
        self.vsctl("add-port", "phy" if outside == "src" else "br0", "src", "--", "set", "Interface", "src",
                   "type=dpdk", f"ofport_request={SRC_PORT}", "options:dpdk-devargs="
                   + ",".join(filter(None, ["net_benchsource0", f"flows={case.flows}", "proto=17", case.source])))
        for port in ("src", "dst"):
            error = self.vsctl("get", "Interface", port, "error").strip()
            if error not in ("[]", '""'):
                sys.exit(f"peers: OVS does not take port {port}: {error} (see {self.dir}/sw.log)")
        time.sleep(2 + case.flows * (4 + 2 * case.name.startswith("ct")) / 1e6 * 3)

    def group(self):
        """A Service as OVN makes one: a select group, the bucket by the datapath's hash."""
        buckets = "".join(f",bucket=actions=mod_nw_dst:10.244.1.{20 + i},mod_tp_dst:8080,{ROUTER},output:dst"
                          for i in range(3))
        run("ovs-ofctl", "-OOpenFlow15", "add-group", f"{self.dir}/br0.mgmt",
            "group_id=1,type=select,selection_method=dp_hash" + buckets)

    def tunnel(self):
        self.vsctl("add-br", "phy", "--", "set", "bridge", "phy", "datapath_type=netdev",
                   "other_config:hwaddr=02:00:00:00:00:02", "--",
                   "add-port", "br0", "vx", "--", "set", "Interface", "vx", "type=vxlan",
                   "options:remote_ip=192.168.1.102", "options:key=100")
        run(*self.netns, "ip", "addr", "add", "192.168.1.101/24", "dev", "phy")
        run(*self.netns, "ip", "link", "set", "phy", "up")
        self.appctl("ovs/route/add", "192.168.1.0/24", "phy")
        self.appctl("tnl/arp/set", "phy", "192.168.1.102", "02:00:00:00:01:02")

    def counted(self):
        received = re.search(r"packets received: (\d+)", self.appctl("dpif-netdev/pmd-stats-show"))
        return int(received.group(1)), self.pmd_ns()

    def pmd_ns(self):
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/comm") as f:
                if not f.read().startswith("pmd"):
                    continue
            with open(f"/proc/{self.pid}/task/{task}/schedstat") as f:
                return int(f.read().split()[0])
        sys.exit(f"peers: OVS runs no pmd thread (see {self.dir}/sw.log)")

    def sent(self):
        """Whether packets leave: OVS counts what it hands to dst."""
        text = run("ovs-ofctl", "dump-ports", f"{self.dir}/{self.sink_bridge()}.mgmt", "dst")
        return int(re.search(r"tx pkts=(\d+)", text).group(1))

    def sink_bridge(self):
        return self.vsctl("port-to-br", "dst").strip()

    def measure(self, seconds):
        before, ns = self.counted()
        time.sleep(seconds)
        after, ns2 = self.counted()
        return (after - before) * 1e3 / (ns2 - ns)

    def stop(self):
        os.kill(self.pid, signal.SIGSTOP)

    def go(self):
        os.kill(self.pid, signal.SIGCONT)
        time.sleep(0.2)

    def close(self):
        for name in ("sw", "db"):
            try:
                pid = self.pid_of(name)
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
            except (OSError, ValueError):
                pass
        time.sleep(1)
        subprocess.run(["ip", "netns", "del", NETNS], capture_output=True, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


def ours(build, case, seconds, cpu):
    out = run("taskset", "-c", str(cpu), f"{build}/bench/bench-esw", "--case", case.name, "--seconds", str(seconds))
    return json.loads(out.splitlines()[-1])


def half_width(ratios):
    """Of the median's 95% confidence interval, by bootstrap; seeded, so the same numbers say the same."""
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(2000))
    return (medians[1949] - medians[50]) / 2


def compare(ovs, build, case, args, out):
    ovs.load(case)
    before = ovs.sent()
    pairs = []
    for i in range(args.pairs):
        theirs = ovs.measure(args.seconds)
        ovs.stop()
        mine = ours(build, case, args.seconds, args.cpu)
        ovs.go()
        pairs.append((mine["mpps"], theirs))
        out.write(json.dumps({"bench": "peers", "case": case.name, "pair": i, "softdpu_mpps": mine["mpps"],
                              "softdpu_cycles": mine["cycles_per_packet"], "ovs_mpps": round(theirs, 3)}) + "\n")
        out.flush()
        if sys.stderr.isatty():
            print(f"\r{case.name}: pair {i + 1}/{args.pairs}", end="", file=sys.stderr)
    if ovs.sent() == before:
        sys.exit(f"peers: {case.name}: OVS forwarded nothing (see {ovs.dir}/sw.log)")
    return pairs


def row(case, pairs):
    mine, theirs = [p[0] for p in pairs], [p[1] for p in pairs]
    ratios = [a / b for a, b in pairs]
    ratio, width = statistics.median(ratios), half_width(ratios)
    spread = "{:.3g} ({:.3g} to {:.3g})".format
    verdict = "" if case.must is None else ("holds" if ratio - width >= case.must else "no")
    return (f"| {case.name} | {spread(statistics.median(mine), min(mine), max(mine))} "
            f"| {spread(statistics.median(theirs), min(theirs), max(theirs))} "
            f"| {ratio:.2f} ± {width:.2f} | {case.must or '-'} | {verdict} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--case", action="append", choices=[c.name for c in CASES])
    parser.add_argument("--out", default="bench-peers.jsonl")
    parser.add_argument("--cpu", type=int, default=(os.cpu_count() or 1) - 1, help="the core both share")
    args = parser.parse_args()
    if os.geteuid():
        sys.exit("peers: needs root (hugepages, a network namespace)")
    rows = []
    with Hugepages(), open(args.out, "w", encoding="utf-8") as out:
        ovs = Ovs(args.build, args.cpu)
        try:
            for case in CASES:
                if not args.case or case.name in args.case:
                    rows.append(row(case, compare(ovs, args.build, case, args, out)))
                    print(rows[-1], file=sys.stderr)
        finally:
            ovs.close()
    print("| case | softdpu Mpps | OVS-DPDK Mpps | ratio | must | |\n|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
