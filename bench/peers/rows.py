# SPDX-License-Identifier: BSD-3-Clause
"""The rows of the table: what each measures, beside whom, and what it must reach.

A row's `pairs(bench)` yields (ours, theirs), one after the other until the bench has enough; theirs is None where
only a figure counts. `better` says whether more or less is better: a ratio is always how many times better we are.
"""
import json
import re
import subprocess
import time
from dataclasses import dataclass

from ovs import ROUTER, Failed

DNAT = "mod_nw_dst:10.244.2.3,mod_tp_dst:8080"
ENCAP = [f"udp,in_port=src,actions={ROUTER},{DNAT},output:vx"]
FORWARD = ["in_port=src,actions=output:dst"]


@dataclass
class Row:
    name: str
    title: str
    must: float = None       # None: nothing is asked, it is shown for comparison
    aim: str = ""
    least: bool = False      # must is a figure of ours, not a ratio
    unit: str = "Mpps"
    better: str = "more"
    peer: str = "OVS-DPDK"


@dataclass
class Switch(Row):
    """A case of bench-esw beside the same as OpenFlow, taking turns on one core."""
    flows: int = 100_000
    rules: object = None     # OpenFlow flows, or a command of bench-esw's that prints them
    setup: str = ""          # "encap", "decap", "group"
    source: str = ""         # more of the source's arguments

    def pairs(self, bench):
        bench.ovs.load(self)
        sent, taken = bench.ovs.sent(), bench.ovs.counted()[0]
        while True:
            theirs = bench.ovs.measure(bench.seconds)
            bench.ovs.stop()
            mine = bench.esw(self.name)
            bench.ovs.go()
            left, came = bench.ovs.sent() - sent, bench.ovs.counted()[0] - taken
            if left < came / 10:  # dropping is another job
                raise Failed(f"the peer forwarded {left} of {came} packets")
            yield mine["mpps"], theirs


@dataclass
class Latency(Row):
    """How long packets of a case take while as many arrive by the clock at either switch: half of what the slower one
    can do. The same traffic, because that is what somebody has who chooses between the two; at half of its own capacity
    the faster one would be asked to be quick with several times as many packets."""
    case: Switch = None
    quantile: str = "p50"

    seen = {}  # the three quantiles come from the same runs

    def pairs(self, bench):
        if not Latency.seen:
            Latency.seen.update(self.measure(bench))
        yield from zip(*Latency.seen[self.quantile])

    def measure(self, bench):
        bench.ovs.load(self.case)
        theirs = bench.ovs.measure(1)
        bench.ovs.stop()
        mine = bench.esw(self.case.name)["mpps"]
        bench.ovs.go()
        rate = int(min(mine, theirs) * 1e6 / 2)
        bench.ovs.load(self.case, rate=rate)
        seen = {q: ([], []) for q in ("p50", "p99", "p999")}
        for _ in range(bench.count):
            them = bench.ovs.measure_latency(bench.seconds)
            bench.ovs.stop()
            us = bench.esw(self.case.name, "--rate", str(rate))
            if us["lost"]:
                raise Failed(f"our source's ring was full: {us['lost']} packets lost at {rate / 1e6:.1f} Mpps")
            bench.ovs.go()
            time.sleep(0.3)  # what piled up while it was stopped
            for q, (ours, other) in seen.items():
                ours.append(us[f"{q}_ns"] / 1e3)
                other.append(them[q])
        return seen


@dataclass
class Table(Row):
    """Our exact table and rte_hash, look-ups in alternating chunks of one process."""
    entries: int = 0
    case: str = ""

    seen = {}  # one run gives hits and misses

    def pairs(self, bench):
        if self.entries not in Table.seen:
            out = bench.run("bench-table", "--exact", "--pairs", str(bench.count), str(self.entries), timeout=300)
            Table.seen[self.entries] = {line["case"]: line for line in map(json.loads, out.splitlines())}
        yield from (tuple(pair) for pair in Table.seen[self.entries][self.case]["pairs"])


@dataclass
class Figure(Row):
    """What one of our programs tells, for itself."""
    program: tuple = ()
    case: str = ""
    key: str = ""

    def pairs(self, bench):
        while True:
            lines = map(json.loads, bench.run(*self.program).splitlines())
            yield next(line for line in lines if line["case"] == self.case)[self.key] / 1e6, None


@dataclass
class Cores(Row):
    """Two cores beside one."""
    case: str = ""

    def pairs(self, bench):
        while True:
            one = bench.esw(self.case)["mpps"]
            yield bench.esw(self.case, "--workers", "2", pinned=False)["mpps"], one


@dataclass
class Ceiling(Row):
    """testpmd with the same source and sink, which only swaps the MAC addresses: nobody's table is faster."""
    flows: int = 1

    def pairs(self, bench):
        while True:
            yield self.testpmd(bench), None

    def testpmd(self, bench):
        argv = ["dpdk-testpmd", "--in-memory", "--no-pci", "-m", "256", "-l", f"0,{bench.cpu}", "-d", bench.plugin,
                "--vdev", f"net_benchsource0,flows={self.flows},proto=17", "--vdev", "net_benchsource1,sink=1", "--",
                "--forward-mode=macswap", "--burst=64", "--auto-start", "--no-lsc-interrupt"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
            time.sleep(1 + bench.seconds)
            ns = bench.thread_ns(p.pid, "rte-worker-", "lcore-worker-")
            out, _ = p.communicate("\n", timeout=30)
        received = re.findall(r"RX-packets: (\d+)", out)
        if not received or not ns:
            raise Failed(f"testpmd said: {out[-500:]}")
        return int(received[-1]) * 1e3 / ns


def service_rules(backends, first=8200):
    """Connections to the realistic mix's Services: each Service has a backend port of its own, as with us."""
    rules = ["table=0,udp,in_port=src,ct_state=-trk,actions=ct(table=1,nat)",
             f"table=1,udp,ct_state=+trk+est,actions={ROUTER},output:dst"]
    to = {f"10.96.0.{100 + i}": 8080 + i for i in range(2)} | {f"10.96.1.{i}": first + i for i in range(64)}
    return rules + [f"table=1,udp,ct_state=+trk+new,nw_dst={ip},actions=ct(commit,nat(dst={backends}:{port})),{ROUTER},output:dst"
                    for ip, port in to.items()]


DNAT_CASE = Switch("dnat-100k", "100,000 flows, DNAT", 7, "28",
                   rules=[f"udp,in_port=src,actions={ROUTER},{DNAT},output:dst"])
ROWS = [
    Ceiling("macswap-1", "testpmd macswap, 1 flow: the ceiling", flows=1),
    Ceiling("macswap-100k", "testpmd macswap, 100,000 flows", flows=100_000),
    Switch("forward-1", "port to port, 1 flow", 3, "48", flows=1, rules=FORWARD),
    Switch("forward-100k", "100,000 exact 5-tuple flows (OVS: one wildcard rule)", 4, "36", rules=FORWARD),
    Switch("forward-1m", "1,000,000 exact 5-tuple flows (OVS: one wildcard rule)", 15, "26", least=True, flows=1_000_000,
           rules=FORWARD),
    DNAT_CASE,
    Switch("dnat-vxlan-100k", "and VXLAN encapsulation", 6, "22", rules=ENCAP, setup="encap"),
    Switch("dnat-vxlan-100k-1500", "the same, frames of 1,514 bytes", 5, "", rules=ENCAP, setup="encap", source="size=1514"),
    Switch("dnat-vxlan-100k-imix", "the same, IMIX", 5, "", rules=ENCAP, setup="encap", source="imix=1"),
    Switch("decap-unnat-100k", "VXLAN decapsulation and un-NAT", 6, "22", setup="decap", source="vni=100,replies=1",
           rules=[f"udp,in_port=vx,actions={ROUTER},mod_nw_src:10.244.2.3,mod_tp_src:8080,output:dst"]),
    Switch("ct-nat-100k", "100,000 connections, conntrack and NAT", 20, "25", rules=[
        "table=0,udp,in_port=src,ct_state=-trk,actions=ct(table=1,nat)",
        "table=1,udp,ct_state=+trk+new,actions=ct(commit,nat(dst=10.244.2.3:8080)),output:dst",
        f"table=1,udp,ct_state=+trk+est,actions={ROUTER},output:dst"]),
    Switch("service-100k", "100,000 flows through a Service", 14, "25", least=True, setup="group",
           rules=["udp,in_port=src,nw_dst=10.96.0.0/24,tp_dst=80,actions=group:1"], source="src=10.244.1.10,dst=10.96.0.100"),
    Switch("acl-10k-1m", "10,000 wildcard rules, 1,000,000 flows", 6, "10", flows=1_000_000, rules="--acl",
           source="src=10.0.0.0,dst=10.255.0.0,scatter=1"),
    Switch("mix-100k", "realistic mix: 100,000 connections, 20% of the packets begin one", 20, "10",
           rules=service_rules("10.244.1.20"), source="src=10.244.1.10,dst=10.96.0.100,dport=4420,fan_out=1,fresh=20"),
    Latency("latency-p50", "latency, DNAT, at half of what the slower can do, p50", 2, "3 us", unit="us", better="less", case=DNAT_CASE),
    Latency("latency-p99", "the same, p99", 2, "8 us", unit="us", better="less", case=DNAT_CASE, quantile="p99"),
    Latency("latency-p999", "the same, p99.9", None, "", unit="us", better="less", case=DNAT_CASE,
            quantile="p999"),
] + [
    Table(f"table-{kind}-{name}", f"exact table, {name} entries, {kind}", 2, aim, unit="M/s", peer="rte_hash", entries=n,
          case=f"exact-{kind}")
    for n, name, aim in ((100_000, "100K", "70"), (1_000_000, "1M", "38"), (16_000_000, "16M", "33"))
    for kind in ("hit", "miss")
] + [
    Figure("entries-insert", "entries inserted through the DOCA Flow API, one queue, callbacks included", 2, "8", least=True,
           unit="M/s", program=("bench-entries", "--rounds", "3"), case="insert", key="per_s"),
    Figure("entries-delete", "entries deleted, the same", 2, "8", least=True, unit="M/s",
           program=("bench-entries", "--rounds", "3"), case="delete", key="per_s"),
    Figure("setup", "new connections: policy, Service, NAT, aging at 1,000,000", 1.3, "4", least=True, unit="M/s",
           program=("bench-setup", "--seconds", "1"), case="service-policy-nat", key="connections_per_s"),
    Cores("two-cores", "two cores beside one, 100,000 flows DNAT", 1.8, "1.95", peer="one core", case="dnat-100k"),
]
