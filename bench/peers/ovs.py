# SPDX-License-Identifier: BSD-3-Clause
"""A private Open vSwitch with DPDK between bench/peers/source.c's source and sink, and the hugepages it needs."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NETNS = "softdpu-bench-peers"
MTU = 1600  # frames of 1,514 bytes leave in a tunnel, which OVS drops at its 1,500; its buffers are of the same size
SRC_PORT = 9  # OpenFlow number of the source: its rules stand before packets come
HUGEPAGES = 640  # of 2 MiB: 512 MiB for OVS, as much for bench-esw, some for tables
VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
ROUTER = "mod_dl_src:02:00:00:00:00:01,mod_dl_dst:02:00:00:00:00:02,dec_ttl"


class Failed(Exception):
    """This row cannot be measured; others may."""


def run(*argv, timeout=60, **kw):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, **kw)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{argv[0]} did not end in {timeout} s") from late
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def quantile(seen, q):
    """The least bucket that this share of the packets does not exceed."""
    left = q * sum(seen.values())
    for ns in sorted(seen):
        left -= seen[ns]
        if left <= 0:
            return ns
    raise Failed("the peer delivered nothing while its latency was looked at")


class Hugepages:
    """Reserved while the benches run, given back afterwards."""

    path = "/proc/sys/vm/nr_hugepages"

    def __enter__(self):
        self.before = self.told("HugePages_Total")
        used = self.before - self.told("HugePages_Free")
        self.set(max(self.before, used + HUGEPAGES))
        if self.told("HugePages_Free") < HUGEPAGES:
            self.set(self.before)
            sys.exit(f"peers: the kernel has no {HUGEPAGES} hugepages for us; free some memory and try again")

    @staticmethod
    def told(name):
        with open("/proc/meminfo", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(name + ":"))

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
        self.cpu, self.pid = cpu, None

    def start(self):
        os.environ.update(OVS_RUNDIR=self.dir, OVS_LOGDIR=self.dir, OVS_DBDIR=self.dir)
        subprocess.run(["ip", "netns", "add", NETNS], capture_output=True, check=False)
        run("ovsdb-tool", "create", f"{self.dir}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        run("ovsdb-server", f"{self.dir}/conf.db", f"--remote=punix:{self.dir}/db.sock",
            f"--pidfile={self.dir}/db.pid", "--detach", f"--log-file={self.dir}/db.log")
        plugin = os.path.realpath(f"{self.build}/bench/peers/librte_net_benchsource.so")
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   f"other_config:pmd-cpu-mask={1 << self.cpu:#x}", "other_config:dpdk-lcore-mask=0x1",
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

    def load(self, case, rate=0):
        """The bridge, the ports and the flows of one case; returns when the path is warm. rate: packets per second by
        the clock, whose latencies the sink writes down."""
        self.vsctl("--if-exists", "del-br", "br0", "--", "--if-exists", "del-br", "phy")
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                   "fail-mode=secure", "protocols=OpenFlow10,OpenFlow13,OpenFlow15")
        outside = {"encap": "dst", "decap": "src"}.get(case.setup)
        if outside:
            self.tunnel()
        self.vsctl("add-port", "phy" if outside == "dst" else "br0", "dst", "--", "set", "Interface", "dst", "type=dpdk",
                   f"mtu_request={MTU}",
                   "options:dpdk-devargs=net_benchsource1,sink=1" + (f",latency={self.dir}/latency" if rate else ""))
        if case.setup == "group":
            self.group()
        rules = case.rules if isinstance(case.rules, list) else run(f"{self.build}/bench/bench-esw", case.rules).splitlines()
        text = "\n".join(rules).replace("in_port=src", f"in_port={SRC_PORT}") + "\n"
        run("ovs-ofctl", "-OOpenFlow13", "add-flows", f"{self.dir}/br0.mgmt", "-", input=text)
        if outside:
            run("ovs-ofctl", "add-flow", f"{self.dir}/phy.mgmt",
                "in_port=LOCAL,actions=output:dst" if outside == "dst" else f"in_port={SRC_PORT},actions=LOCAL")
        self.vsctl("add-port", "phy" if outside == "src" else "br0", "src", "--", "set", "Interface", "src",
                   "type=dpdk", f"mtu_request={MTU}", f"ofport_request={SRC_PORT}", "options:dpdk-devargs="
                   + ",".join(filter(None, ["net_benchsource0", f"flows={case.flows}", "proto=17", case.source,
                                              f"rate={int(rate)}" if rate else ""])))
        for port in ("src", "dst"):
            error = self.vsctl("get", "Interface", port, "error").strip()
            if error not in ("[]", '""'):
                raise Failed(f"the peer does not take port {port}: {error}")
        time.sleep(2 + case.flows * (4 + 2 * ("ct(" in str(case.rules))) / 1e6 * 3)

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
        raise Failed("the peer runs no pmd thread")

    def sent(self):
        """Whether packets leave: OVS counts what it hands to dst."""
        text = run("ovs-ofctl", "dump-ports", f"{self.dir}/{self.sink_bridge()}.mgmt", "dst")
        return int(re.search(r"tx pkts=(\d+)", text).group(1))

    def sink_bridge(self):
        return self.vsctl("port-to-br", "dst").strip()

    def measure(self, seconds):
        before, ns = self.counted()
        after = before
        for _ in range(20):  # of slow rules it may be none for a while
            time.sleep(seconds)
            after, ns2 = self.counted()
            if after > before:
                break
        else:
            raise Failed("the peer takes no packets")
        return (after - before) * 1e3 / (ns2 - ns)

    def latencies(self):
        """What the sink has seen so far: {nanoseconds: packets}. Reading the port's statistics makes it write."""
        self.sent()
        with open(f"{self.dir}/latency", encoding="ascii") as f:
            return {int(ns): int(n) for ns, n in (line.split() for line in f)}

    def measure_latency(self, seconds):
        """Quantiles, in microseconds, of the packets that arrived within so many seconds."""
        before = self.latencies()
        time.sleep(seconds)
        seen = {ns: n - before.get(ns, 0) for ns, n in self.latencies().items()}
        return {name: quantile(seen, q) / 1e3 for name, q in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))}

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
