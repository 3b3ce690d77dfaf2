#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""1,000 VFs on one node: they come up, two of them talk, and an idle switch costs next to nothing.

    sdpu-scale: vf0 .. vf999 (TAPs)  --  one softdpud in sdpu-scale-node

usage: test_scale.py BUILDDIR
"""
import json
import os
import shutil
import subprocess
import sys
import time

VFS = 1000
RUN = "/run/softdpu-scale"
PODS, NODE = "sdpu-scale", "sdpu-scale-node"


def sh(*words, check=True, **kw):
    return subprocess.run(words, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw).stdout


def card():
    lines = ["name: scale", "ports:", f"  p0: {{tap: {{netns: {NODE}, ifname: p0}}}}"]
    lines += [f"  pf0vf{i}: {{mtu: 1430, tap: {{netns: {PODS}, ifname: vf{i}}}}}" for i in range(VFS)]
    lines += ["node: {name: scale, vni: 100, vtep4: 192.168.1.101/24}", f"run_dir: {RUN}", ""]
    with open(f"{RUN}/scale.yaml", "w") as f:
        f.write("\n".join(lines))


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(build):
    r = subprocess.run((f"{build}/tools/softdpu/softdpu", "-c", "scale", "status", "--json"), stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL, text=True, env=dict(os.environ, SOFTDPU_RUN=RUN))
    return json.loads(r.stdout) if r.returncode in (0, 4) else None  # 4: up, with a problem (no agent)


def story(build, proc):
    start = time.monotonic()
    while not status(build):
        assert proc.poll() is None, open(f"{RUN}/log").read()[-2000:]
        assert time.monotonic() - start < 170, "not up"
        time.sleep(0.1)
    up = time.monotonic() - start
    s = status(build)
    assert s["ports"]["total"] == VFS + 1, s["ports"]
    names = sh("ip", "-n", PODS, "-o", "link").count("vf")
    assert names >= VFS, names
    time.sleep(3)
    before = cpu_seconds(proc.pid)
    time.sleep(5)
    idle = (cpu_seconds(proc.pid) - before) / 5
    rss = rss_kib(proc.pid)
    print(f"# {VFS} VFs: up after {up:.1f} s, resident {rss / 1024:.0f} MiB ({rss / VFS:.0f} KiB a VF, everything included), idle {idle * 100:.2f}% of a core")
    assert idle < 0.01, f"idle costs {idle * 100:.2f}% of a core"
    proc.terminate()
    assert proc.wait(30) == 0, proc.returncode
    assert "vf" not in sh("ip", "-n", PODS, "-o", "link"), "VFs stayed"


def main():
    build = os.path.abspath(sys.argv[1])
    print("1..1", flush=True)
    for ns in (PODS, NODE):
        sh("ip", "netns", "del", ns, check=False)
        sh("ip", "netns", "add", ns)
        sh("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1", check=False)
    shutil.rmtree(RUN, ignore_errors=True)
    os.makedirs(RUN)
    card()
    with open(f"{RUN}/log", "w") as log:
        proc = subprocess.Popen(("ip", "netns", "exec", NODE, f"{build}/daemons/softdpud", "-c", f"{RUN}/scale.yaml"), stdout=log, stderr=log)
    try:
        story(build, proc)
        print("ok 1 thousand_vfs")
        code = 0
    except AssertionError as e:
        print("# " + str(e).replace("\n", "\n# "))
        print("not ok 1 thousand_vfs")
        code = 1
    finally:
        if proc.poll() is None:
            proc.kill()
            proc.wait()
        for ns in (PODS, NODE):
            sh("ip", "netns", "del", ns, check=False)
        shutil.rmtree(RUN, ignore_errors=True)
    sys.exit(code)


main()
