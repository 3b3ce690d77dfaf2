# SPDX-License-Identifier: BSD-3-Clause
"""The cluster of `make run` and of the system tests: namespaces, an underlay, three nodes, six pods.

                       sdpu-underlay: Linux bridge "switch" (the physical network)
                 ┌──────────────────────┬──────────────────────┐
              p0 │ 192.168.1.101     p0 │ .102              p0 │ .103
   sdpu-node1    │       sdpu-node2     │      sdpu-node3      │
   softdpud + softdpu-agentd  (no iptables, no kernel vxlan, no bridge in here)
     pf0vf0   pf0vf1         pf0vf0   pf0vf1        pf0vf0   pf0vf1
   sdpu-client sdpu-web-1  sdpu-web-2 sdpu-coredns sdpu-web-3 sdpu-intruder

Everything it makes has names that begin with `sdpu-` or lives under RUN, so what a crashed run left
behind is found and removed by the next one. It ends only processes it started itself or finds running
inside its own namespaces.
"""
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUN = "/run/softdpu-demo"
NODES = ("node1", "node2", "node3")
UNDERLAY = "sdpu-underlay"
SERVICE = {4: "10.96.0.100", 6: "fd00:10:96::100"}
DNS = {4: "10.96.0.10", 6: "fd00:10:96::10"}
EMPTY = {4: "10.96.0.200", 6: "fd00:10:96::200"}
MTU = 1430


class Pod:
    def __init__(self, name, node, last4, last6):
        number = node[-1]
        self.name, self.node, self.netns = name, node, "sdpu-" + name
        self.ip = {4: f"10.244.{number}.{last4}", 6: f"fd00:10:244:{number}::{last6}"}
        self.gateway = {4: f"10.244.{number}.1", 6: f"fd00:10:244:{number}::1"}


PODS = {p.name: p for p in (
    Pod("client", "node1", 10, "a"), Pod("web-1", "node1", 5, "5"),
    Pod("web-2", "node2", 3, "3"), Pod("coredns", "node2", 53, "53"),
    Pod("web-3", "node3", 8, "8"), Pod("intruder", "node3", 66, "66"))}
BACKENDS = ("web-1", "web-2", "web-3")


class Failure(Exception):
    """Something in the cluster did not come up or did not behave; the text says what to look at."""


def sh(*words, check=True, timeout=60, **kw):
    r = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **kw)
    if check and r.returncode:
        raise Failure(f"{' '.join(words)}: exit {r.returncode}: {r.stdout.strip()}")
    return r


def namespaces():
    return [w.split()[0] for w in sh("ip", "netns", "list").stdout.splitlines() if w.startswith("sdpu-")]


class Cluster:
    def __init__(self, build, manifests=None, keep_logs=False):
        self.build = os.path.abspath(build)
        self.manifests = os.path.join(RUN, "manifests")
        self.source = manifests or os.path.join(HERE, "manifests")
        self.procs = {}   # name -> Popen
        self.lock = None
        self.env = dict(os.environ, SOFTDPU_RUN=RUN)

    # ---- up and down ----

    def up(self):
        if os.geteuid():
            raise Failure("network namespaces need root: sudo make run")
        if not os.path.exists("/dev/net/tun"):
            raise Failure("/dev/net/tun is missing: the pods' VFs are TAPs")
        os.makedirs(RUN, mode=0o700, exist_ok=True)
        self.lock = open(RUN + ".lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.lock = None
            raise Failure("another demo or system test is running on this machine") from None
        self.sweep()
        shutil.copytree(self.source, self.manifests)
        self.make_underlay()
        for pod in PODS.values():
            self.make_namespace(pod.netns)
        for node in NODES:
            self.start_node(node)
        for node in NODES:
            self.wait_node(node)
        for pod in PODS.values():
            self.configure_pod(pod)
        for name in BACKENDS:
            self.start_web(name)
        self.spawn("coredns", PODS["coredns"].netns, "python3", os.path.join(HERE, "pod_dns.py"),
                   *(f"web.default.svc.cluster.local={a}" for a in SERVICE.values()))
        for node in NODES:
            self.wait_agent(node)
        self.wait_servers()

    def sweep(self):
        """Remove what an earlier run left: processes inside our namespaces, the namespaces, the files."""
        for ns in namespaces():
            for pid in sh("ip", "netns", "pids", ns, check=False).stdout.split():
                self.kill(int(pid))
            sh("ip", "netns", "del", ns, check=False)
        if os.path.isdir(RUN):
            shutil.rmtree(RUN)
        os.makedirs(RUN, mode=0o700)

    @staticmethod
    def kill(pid):
        try:
            os.kill(pid, signal.SIGTERM)
            for _ in range(50):
                time.sleep(0.02)
                os.kill(pid, 0)
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def down(self, check=True):
        """Stop everything; returns complaints of daemons that did not end cleanly."""
        bad = []
        for name in reversed(list(self.procs)):
            code = self.stop(name)
            if name.startswith(("softdpud", "agentd")) and code:
                bad.append(f"{name} ended with status {code}, see {RUN}/{name}.log")
        if self.lock:
            for ns in namespaces():
                for pid in sh("ip", "netns", "pids", ns, check=False).stdout.split():
                    self.kill(int(pid))
                sh("ip", "netns", "del", ns, check=False)
        if not bad and self.lock and not os.environ.get("KEEP_LOGS"):
            shutil.rmtree(RUN, ignore_errors=True)
        return bad

    # ---- pieces ----

    def make_namespace(self, ns):
        sh("ip", "netns", "add", ns)
        sh("ip", "-n", ns, "link", "set", "lo", "up")

    def make_underlay(self):
        self.make_namespace(UNDERLAY)
        self.quiet(UNDERLAY)
        sh("ip", "-n", UNDERLAY, "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
        sh("ip", "-n", UNDERLAY, "link", "set", "switch", "up")
        for node in NODES:
            ns = "sdpu-" + node
            self.make_namespace(ns)
            self.quiet(ns)
            sh("ip", "link", "add", "p0", "netns", ns, "type", "veth", "peer", "name", node, "netns", UNDERLAY)
            sh("ip", "-n", UNDERLAY, "link", "set", node, "master", "switch", "up")
            sh("ip", "-n", ns, "link", "set", "p0", "up")

    @staticmethod
    def quiet(ns):
        """The kernels of underlay and nodes keep out: no router solicitations, no addresses of their own."""
        for what in ("all", "default"):
            sh("ip", "netns", "exec", ns, "sysctl", "-qw", f"net.ipv6.conf.{what}.disable_ipv6=1", check=False)

    def spawn(self, name, ns, *words):
        with open(f"{RUN}/{name}.log", "ab") as log:
            self.procs[name] = subprocess.Popen(("ip", "netns", "exec", ns, *words), stdout=log, stderr=log,
                                                stdin=subprocess.DEVNULL, env=self.env, start_new_session=True)

    def stop(self, name, sig=signal.SIGTERM):
        p = self.procs.pop(name, None)
        if not p:
            return 0
        if p.poll() is None:
            p.send_signal(sig)
        try:
            code = p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            return p.wait()
        return 0 if code == -sig else code

    def start_node(self, node):
        binary = os.path.join(self.build, "daemons/softdpud")
        self.spawn("softdpud." + node, "sdpu-" + node, binary, "--card", os.path.join(HERE, "cards", node + ".yaml"))
        self.spawn("agentd." + node, "sdpu-" + node, os.path.join(self.build, "daemons/softdpu-agentd"),
                   "--card", os.path.join(HERE, "cards", node + ".yaml"), "--manifests", self.manifests)

    def wait(self, what, test, seconds=20.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, p in self.procs.items():
                if p.poll() is not None:
                    raise Failure(f"{name} ended with status {p.returncode} while waiting for {what}:\n{self.log(name)}")
            if test():
                return
            time.sleep(0.05)
        raise Failure(f"gave up waiting for {what} after {seconds:.0f} s; logs are under {RUN}")

    def log(self, name):
        with open(f"{RUN}/{name}.log", errors="replace") as f:
            return "".join(f.readlines()[-15:])

    def wait_node(self, node):
        self.wait(f"softdpud of {node}", lambda: self.ctl(node, "status", check=False) is not None)

    def wait_agent(self, node):
        self.wait(f"the desired state on {node}",
                  lambda: (self.ctl(node, "services", check=False) or {}).get("services"))

    def configure_pod(self, pod):
        """What a CNI plugin does once the VF is in the pod."""
        ns = pod.netns
        sh("ip", "-n", ns, "addr", "add", pod.ip[4] + "/24", "dev", "eth0")
        sh("ip", "-n", ns, "addr", "add", pod.ip[6] + "/64", "dev", "eth0", "nodad")
        sh("ip", "-n", ns, "link", "set", "eth0", "up")
        sh("ip", "-n", ns, "route", "add", "default", "via", pod.gateway[4])
        sh("ip", "-n", ns, "-6", "route", "add", "default", "via", pod.gateway[6], "dev", "eth0")

    def start_web(self, name):
        self.spawn(name, PODS[name].netns, "python3", os.path.join(HERE, "pod_http.py"), name)

    def wait_servers(self):
        for name in BACKENDS:
            self.wait(f"the web server in {name}", lambda n=name: sh(
                "ip", "netns", "exec", PODS[n].netns, "curl", "-sf", "-m1", "http://127.0.0.1:8080/", check=False).returncode == 0)

    # ---- for the stories ----

    def ctl(self, node, *words, check=True):
        """`softdpu ... --json` against a node's softdpud."""
        r = subprocess.run((os.path.join(self.build, "tools/softdpu/softdpu"), "-c", node, *words, "--json"), text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, timeout=30)
        if r.returncode:
            if check:
                raise Failure(f"softdpu -c {node} {' '.join(words)}: {r.stderr.strip()}")
            return None
        return json.loads(r.stdout)

    def pod(self, name, *words, check=False, timeout=60):
        return sh("ip", "netns", "exec", PODS[name].netns, *words, check=check, timeout=timeout)

    def curl(self, pod, url, *more, timeout=5):
        return self.pod(pod, "curl", "-s", "-S", "-m", str(timeout), *more, url)
