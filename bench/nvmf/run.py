#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""NVMe/TCP over loopback: target on CPU 0, initiator on CPU 1, data in memory; one JSON line per row of the table.

usage: bench/nvmf/run.py BUILD [options]
  --spdk DIR          start DIR/build/bin/nvmf_tgt (built elsewhere, never here) as the peer
  --peer HOST:PORT:NQN[:PID]   or a target that runs already: 512 MiB in namespace 1
  --initiator CMD     instead of bench/nvmf/nvmf-load, against both targets. {host} {port} {nqn} {block} {depth} {write}
                      {rw} {seconds} {connections} are filled in; the last line that says "Total" with numbers behind is
                      IOPS, MiB/s, average latency in us (as spdk_nvme_perf prints it), else "iops" of a JSON line
  --file-queue N      hold back what exceeds N in the file's device (softdpu-nvmfd(8), queue); else as shipped
  --rows A,B  --pairs N (25)  --seconds S (0.2)  --rt (real-time priority, for a busy machine)

A row that has a measure (the peer, raw io_uring, one namespace) runs as interleaved pairs, ours and the measure's; the
ratio is the median of the pairs' ratios. "must" is what the project promised, "verdict" says whether it held; a row
whose measure is not there (no peer given) is "not measured". Many short pairs beat few long ones: with --rt the kernel may take 50 ms
of each second from whoever never sleeps. Targets that are not being measured are stopped (SIGSTOP): one that polls would
take half of the core.
"""
import argparse
import json
import os
import re
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

NQN = "nqn.2026-11.softdpu:bench"
MANY = 1000
FILE_BYTES = 256 << 20

# name: (target, load options, measure, must, what the ratio is of)
# measure: peer, another row of ours, or a function; latency rows: measure / ours, so that more is better everywhere
ROWS = {
    "read-4k-qd128": ("poll", {"depth": 128}, "peer", 1.1, "iops"),
    "write-4k-qd128": ("poll", {"depth": 128, "write": 100}, "peer", 1.1, "iops"),
    "read-4k-qd1": ("poll", {"depth": 1}, "peer", 1.0, "latency"),
    "read-4k-qd1-shipped": ("shipped", {"depth": 1}, "peer", 1 / 1.5, "latency"),
    "read-4k-qd1-never-polls": ("sleep", {"depth": 1}, "peer", None, "latency"),
    "read-128k-qd32": ("poll", {"depth": 32, "block": 131072}, "peer", 1.1, "iops"),
    "write-128k-qd32": ("poll", {"depth": 32, "block": 131072, "write": 100}, "peer", 1.1, "iops"),
    "read-4k-128x1": ("poll", {"depth": 1, "connections": 128}, "peer", 1.2, "iops"),
    "read-4k-qd128-digests": ("poll", {"depth": 128, "digests": None}, "peer", None, "iops"),
    "read-4k-qd128-1000ns": ("poll", {"depth": 128, "nsid": 2, "namespaces": MANY}, "one namespace", 0.9, "iops"),
    "file-4k-qd32": ("file", {"depth": 32}, "raw io_uring", 0.9, "iops"),
}

# What two polling processes get through a socket in that row's shape, without any NVMe (nvmf-bare): as many bytes from
# as much memory, from the target's processor or to it. A row that is close to it is the kernel's, not ours.
BARE = {
    "read-128k-qd32": ["--span", "512"],
    "write-128k-qd32": ["--span", "4", "--send-cpu", "1", "--receive-cpu", "0"],
}


class Target:
    """A process that listens, or somebody else's (pid 0: CPU time is not known, it is never stopped)."""

    def __init__(self, host, port, nqn, pid=0, process=None):
        self.host, self.port, self.nqn, self.pid, self.process = host, port, nqn, pid, process

    def cont(self, on):
        if self.pid:
            os.kill(self.pid, signal.SIGCONT if on else signal.SIGSTOP)


class Bench:
    def __init__(self, args):
        self.args, self.targets = args, {}
        self.tmp = tempfile.mkdtemp(prefix="softdpu-bench-")
        self.file = os.path.join(args.file_dir, f"softdpu-bench.{os.getpid()}")
        self.prefix = ["chrt", "-r", "1"] if args.rt else []

    # --- targets ---

    def start(self, name, command, ready, env=None):
        log = open(os.path.join(self.tmp, name + ".log"), "w+")
        p = subprocess.Popen(self.prefix + command, stdout=log, stderr=subprocess.STDOUT, env=env)
        for _ in range(200):
            log.seek(0)
            if re.search(ready, log.read()):
                return p
            if p.poll() is not None:
                break
            time.sleep(0.1)
        log.seek(0)
        sys.exit(f"{name} does not start:\n{log.read()}")

    def ours(self, name, spin_us, namespaces):
        port, path = free_port(), os.path.join(self.tmp, name + ".json")
        with open(path, "w") as f:
            json.dump({"name": name, "state": os.path.join(self.tmp, name), "reactors": [0], "spin_us": spin_us,
                       "listen": [{"address": "127.0.0.1", "port": port}],
                       "subsystems": [{"nqn": NQN, "allow_any_host": True, "namespaces": namespaces}]}, f)
        p = self.start(name, [os.path.join(self.args.build, "daemons/softdpu-nvmfd"), "-c", path], "is ready",
                       dict(os.environ, SOFTDPU_RUN=os.path.join(self.tmp, "run")))
        self.targets[name] = Target("127.0.0.1", port, NQN, p.pid, p)

    def spdk(self, where):
        port, path = free_port(), os.path.join(self.tmp, "spdk.json")
        nvmf = [("nvmf_create_transport", {"trtype": "TCP", "max_queue_depth": 128}),
                ("nvmf_create_subsystem", {"nqn": NQN, "allow_any_host": True, "serial_number": "1"}),
                ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"nsid": 1, "bdev_name": "M"}}),
                ("nvmf_subsystem_add_listener", {"nqn": NQN, "listen_address": {
                    "trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1", "trsvcid": str(port)}})]
        bdev = [("bdev_malloc_create", {"name": "M", "num_blocks": 131072, "block_size": 4096})]
        with open(path, "w") as f:
            json.dump({"subsystems": [{"subsystem": name, "config": [{"method": m, "params": p} for m, p in calls]}
                                      for name, calls in (("bdev", bdev), ("nvmf", nvmf))]}, f)
        p = self.start("spdk", [os.path.join(where, "build/bin/nvmf_tgt"), "-m", "0x1", "--no-huge", "-s", "1500", "-r",
                                os.path.join(self.tmp, "spdk.sock"), "-c", path], "Target Listening")
        self.targets["peer"] = Target("127.0.0.1", port, NQN, p.pid, p)

    def peer(self, text):
        host, port, rest = text.split(":", 2)
        nqn, pid = re.fullmatch(r"(.*?)(?::(\d+))?", rest).groups()
        self.targets["peer"] = Target(host, int(port), nqn, int(pid or 0))

    def start_all(self, rows):
        kinds = {ROWS[r][0] for r in rows}
        if any(ROWS[r][2] == "peer" for r in rows):
            if self.args.spdk:
                self.spdk(self.args.spdk)
            elif self.args.peer:
                self.peer(self.args.peer)
        many = []
        if "read-4k-qd128-1000ns" in rows:  # and one namespace as large as the thousand together
            many = [{"nsid": i + 2, "backend": "mem:1M"} for i in range(MANY)] + \
                   [{"nsid": MANY + 2, "backend": f"mem:{MANY}M"}]
        if "poll" in kinds:
            self.ours("poll", 1000, [{"nsid": 1, "backend": "mem:512M"}] + many)
        if "shipped" in kinds:
            self.ours("shipped", 50, [{"nsid": 1, "backend": "mem:64M"}])
        if "sleep" in kinds:
            self.ours("sleep", 0, [{"nsid": 1, "backend": "mem:64M"}])
        if "file" in kinds:
            with open(self.file, "wb") as f:
                for _ in range(FILE_BYTES >> 20):
                    f.write(os.urandom(1 << 20))
                os.fsync(f.fileno())
            queue = f"&queue={self.args.file_queue}" if self.args.file_queue else ""
            self.ours("file", 50, [{"nsid": 1, "backend": f"file:{self.file}?block=4096{queue}"}])
        self.touch(many)

    def touch(self, many):
        """First touch of memory is not what is measured."""
        fill = {"block": 131072, "depth": 32, "write": 100, "sequential": None, "seconds": 1.5, "warmup": 0}
        for name in self.targets.keys() & {"poll", "shipped", "sleep", "peer"}:
            self.load(name, fill, plain=True)
        if many:
            self.load("poll", dict(fill, nsid=2, namespaces=MANY), plain=True)
            self.load("poll", dict(fill, nsid=MANY + 2), plain=True)

    # --- measurements ---

    def load(self, name, options, plain=False):
        """One measurement: iops, mean latency in us, the target's CPU time per I/O in us (or None)."""
        t = self.targets[name]
        for other in self.targets.values():
            other.cont(other is t)
        if self.args.initiator and not plain:
            return self.foreign(t, options)
        o = {"cpu": 1, "addr": t.host, "port": t.port, "nqn": t.nqn, "seconds": self.args.seconds, "warmup": 0.2}
        if t.pid:
            o["target-pid"] = t.pid
        o.update(options)
        words = [w for k, v in o.items() for w in (["--" + k] if v is None else ["--" + k, str(v)])]
        r = json.loads(output(self.prefix + [os.path.join(self.args.build, "bench/nvmf/nvmf-load")] + words))
        return {"iops": max(r["iops"], 1), "mean_us": r["mean_us"], "cpu_us": r.get("target_cpu_us_per_io")}

    def foreign(self, t, options):
        o = {"block": 4096, "write": 0, "connections": 1, "seconds": max(1, round(self.args.seconds)), **options}
        o["rw"] = "randwrite" if o["write"] == 100 else "randread"
        text = output(self.prefix + shlex.split(self.args.initiator.format(host=t.host, port=t.port, nqn=t.nqn, **o)))
        for line in reversed(text.splitlines()):
            numbers = re.findall(r"[\d.]+", line.split(":", 1)[-1])
            if line.startswith("Total") and len(numbers) >= 3:
                return {"iops": float(numbers[0]), "mean_us": float(numbers[2]), "cpu_us": None}
            if line.startswith("{"):
                return {"cpu_us": None, "mean_us": None, **json.loads(line)}
        sys.exit(f"no figures from the initiator:\n{text}")

    def raw(self):
        """What io_uring does on the same file without a network."""
        for t in self.targets.values():
            t.cont(False)
        text = output(self.prefix + ["taskset", "-c", "0", "fio", "--name=raw", f"--filename={self.file}", "--rw=randread",
                                     "--bs=4k", "--iodepth=32", "--ioengine=io_uring", "--direct=1", "--registerfiles=1",
                                     "--fixedbufs=1", "--time_based", f"--runtime={round(self.args.seconds * 1000)}ms",
                                     "--output-format=json"])
        r = json.loads(text[text.index("{"):])["jobs"][0]
        return {"iops": r["read"]["iops"], "mean_us": r["read"]["clat_ns"]["mean"] / 1e3,
                "cpu_us": (r["usr_cpu"] + r["sys_cpu"]) * 1e4 / r["read"]["iops"]}

    def bare(self, options):
        for t in self.targets.values():
            t.cont(False)
        text = output(self.prefix + [os.path.join(self.args.build, "bench/nvmf/nvmf-bare"), "--seconds",
                                     str(self.args.seconds)] + options)
        return max(json.loads(text)["iops"], 1)

    def measure(self, row):
        _, options, against, _, _ = ROWS[row]
        if against == "raw io_uring":
            return self.raw()
        if against == "one namespace":
            return self.load("poll", {"depth": options["depth"], "nsid": MANY + 2})
        return self.load("peer", options)

    def run(self, row):
        target, options, against, must, kind = ROWS[row]
        alone = against == "peer" and "peer" not in self.targets
        pairs, bare = [], []
        for i in range(self.args.pairs):
            if alone:
                pairs.append((self.load(target, options), None))
            elif i % 2:  # who goes first changes, so that a drift of the machine favours nobody
                measured = self.measure(row)
                pairs.append((self.load(target, options), measured))
            else:
                pairs.append((self.load(target, options), self.measure(row)))
            if row in BARE:
                bare.append(self.bare(BARE[row]))
        line = self.summary(row, pairs)
        if bare:
            line.update(bare_iops=round(statistics.median(bare)),
                        of_bare=round(statistics.median(p[0]["iops"] / b for p, b in zip(pairs, bare)), 3))
        return line

    def summary(self, row, pairs):
        _, _, against, must, kind = ROWS[row]
        line = {"bench": "nvmf-" + row, **medians("", [p[0] for p in pairs])}
        if pairs[0][1] is None:
            return {**line, "must": must and round(must, 2), "verdict": "not measured"}
        ratios = [p[0]["iops"] / p[1]["iops"] if kind == "iops" else p[1]["mean_us"] / p[0]["mean_us"] for p in pairs]
        ratio = statistics.median(ratios)
        line.update(against=against, **medians("their_", [p[1] for p in pairs]), ratio=round(ratio, 3),
                    ratio_min=round(min(ratios), 3), ratio_max=round(max(ratios), 3), pairs=len(pairs))
        if must:
            line.update(must=round(must, 2), verdict="holds" if ratio >= must else "short")
        return line

    def idle(self):
        """100 hosts that do nothing; the target's share of a core."""
        t = self.targets["poll"]
        for other in self.targets.values():
            other.cont(other is t)
        r = json.loads(output([os.path.join(self.args.build, "bench/nvmf/nvmf-idle"), str(t.port), t.nqn, "100", "10",
                               str(t.pid)]))
        return {**r, "must": 1, "verdict": "holds" if r["target_core_percent"] < 1 else "short"}

    def end(self):
        for t in self.targets.values():
            t.cont(True)
            if t.process:
                t.process.terminate()
                t.process.wait()
        subprocess.run(["rm", "-rf", self.tmp, self.file], check=False)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def output(command):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if r.returncode:
        sys.exit(f"{' '.join(command)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
    return r.stdout


def medians(prefix, runs):
    result = {}
    for key, digits in (("iops", 0), ("mean_us", 1), ("cpu_us", 2)):
        values = [r[key] for r in runs if r[key] is not None]
        if values:
            result[prefix + key] = round(statistics.median(values), digits or None)
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("build")
    p.add_argument("--spdk")
    p.add_argument("--peer")
    p.add_argument("--initiator")
    p.add_argument("--rows", default=",".join(ROWS) + ",idle")
    p.add_argument("--pairs", type=int, default=25)
    p.add_argument("--seconds", type=float, default=0.2)
    p.add_argument("--rt", action="store_true")
    p.add_argument("--file-queue", type=int)
    p.add_argument("--file-dir", default="/var/tmp")
    args = p.parse_args()
    rows = args.rows.split(",")
    for row in rows:
        if row != "idle" and row not in ROWS:
            p.error(f"no row '{row}'; there are {', '.join(ROWS)}, idle")
    bench = Bench(args)
    try:
        bench.start_all([r for r in rows if r != "idle"] or ["read-4k-qd1"])
        for row in rows:
            print(json.dumps(bench.idle() if row == "idle" else bench.run(row)), flush=True)
    finally:
        bench.end()


main()
