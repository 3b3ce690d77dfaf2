#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tools against a real softdpud whose only port sends 200 frames that nobody wants. No root, no network.

It checks that what ctl/messages.h promises is there, that reload changes ports or refuses whole, that a
second owner is told who the first is, and that the end leaves nothing behind. Prints TAP.

usage: test_daemon.py DIRECTORY_OF_TOOLS SOFTDPUD
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

tools, softdpud = sys.argv[1:3]
run_dir = tempfile.mkdtemp(prefix="softdpu-tools-")
env = dict(os.environ, SOFTDPU_RUN=run_dir)
card_path = os.path.join(run_dir, "card.yaml")
FRAMES = 200
CARD = f"""name: toolcard
run_dir: {run_dir}
ports:
  p0: {{generator: {{rate: 2000, count: {FRAMES}, dst: 10.9.9.9}}}}
  pf0hpf: {{null: {{}}}}
"""

# what the results must hold: name -> type, [..] a list of such objects
N, S, B = int, str, bool
SHAPES = {
    "status": {"card": S, "program": S, "pid": N, "version": S, "pci": S, "profile": S, "uptime_ns": N, "cpu": S,
               "workers": [{"id": N, "mode": S, "busy": float, "packets": N}], "ports": {"total": N, "up": N},
               "flows": N, "pipes": N, "connections": N, "problems": []},
    "ports": {"ports": [{"id": N, "name": S, "kind": S, "attach": S, "link": S, "mtu": N, "mac": S, "offloads": [],
                         "rx_packets": N, "rx_bytes": N, "tx_packets": N, "tx_bytes": N, "rx_drops": N, "tx_drops": N}]},
    "flows": {"total": N, "flows": []},
    "pipes": {"pipes": []},
    "drops": {"drops": [{"reason": S, "sentence": S, "packets": N, "ports": {}}], "total": N,
              "accounting": {"received": N, "generated": N, "copies": N, "transmitted": N, "dropped": N, "consumed": N,
                             "queued": N, "balanced": B}},
    "stats": {"flows": N, "flows_offloaded": N, "flows_software": N, "packets_offloaded": N, "packets_software": N,
              "insertions": N, "insertions_per_s": float,
              "ports": [{"id": N, "name": S, "total_flows": N, "active_flows": N, "insertions_per_s": float, "packets": N,
                         "bytes": N}]},
}


def matches(value, shape, where):
    if isinstance(shape, dict):
        assert isinstance(value, dict), f"{where} is {value!r}"
        for name, sub in shape.items():
            assert name in value, f"{where} lacks {name}: {value}"
            matches(value[name], sub, f"{where}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{where} is {value!r}"
        for i, item in enumerate(value):
            if shape:
                matches(item, shape[0], f"{where}[{i}]")
    else:
        good = isinstance(value, shape) or (shape is float and isinstance(value, int))
        assert good and not (shape is int and (isinstance(value, bool) or value < 0)), f"{where} is {value!r}"


def run(*words, rc=0, tool="softdpu"):
    r = subprocess.run([os.path.join(tools, tool), *words], env=env, capture_output=True, text=True, timeout=60)
    assert r.returncode == rc, f"{tool} {words}: exit {r.returncode}, not {rc}\n{r.stdout}{r.stderr}"
    return r.stdout if rc in (0, 4) else r.stderr


def ask(command):
    # its node has no agent: that is the problem which `status` exits with 4 for
    return json.loads(run(command, "--json", rc=4 if command == "status" else 0))


def write_card(text):
    with open(card_path, "w") as f:
        f.write(text)


def wait_for(what, seconds=30):
    end = time.time() + seconds
    while not what():
        assert time.time() < end, "it did not happen in time"
        time.sleep(0.05)


def promised_members_are_there():
    wait_for(lambda: ask("drops")["total"] == FRAMES)
    for command, shape in SHAPES.items():
        matches(ask(command), shape, command)
        run(command, rc=4 if command == "status" else 0)
    status = ask("status")
    assert status["card"] == "toolcard" and status["pid"] == daemon.pid and status["ports"]["total"] == 2, status
    assert status["problems"] == ["no desired state yet: is softdpu-agentd running?"], status


def every_frame_is_accounted_for():
    drops = ask("drops")
    assert drops["accounting"]["balanced"], drops
    assert drops["accounting"]["received"] == FRAMES == drops["total"], drops
    assert sum(d["packets"] for d in drops["drops"]) == FRAMES
    assert all(d["ports"] == {"p0": d["packets"]} for d in drops["drops"]), drops
    port = next(p for p in ask("ports")["ports"] if p["name"] == "p0")
    assert port["rx_packets"] == FRAMES and port["rx_drops"] == FRAMES, port
    assert "Port 0: p0\n" in run("-p", "0", tool="doca-flow-stats")


def devices():
    cards = json.loads(run("-d", "03:00.0", "-j", tool="doca-query"))
    matches(cards, [{"name": S, "version": S, "limits": {"profile": S}, "libraries": {},
                     "functions": [{"pci": S, "host_pci": S, "name": S, "mac": S, "representors": [{"name": S, "kind": S}]}]}],
            "card.query")
    assert cards[0]["functions"][0]["representors"][0]["name"] == "pf0hpf", cards


def questions_about_nothing_are_refused():
    assert "p7" in run("ports", "p7", rc=1)
    assert "nosuch" in run("explain", "nosuch", rc=1)
    assert "p7" in run("capture", "p7", "-n", "1", rc=1)


def a_second_owner_is_refused():
    r = subprocess.run([softdpud, "-c", card_path], env=env, capture_output=True, text=True, timeout=60)
    assert r.returncode != 0 and str(daemon.pid) in r.stderr, r.stderr


def reload_adds_and_refuses():
    assert json.loads(run("reload", "-j"))["softdpud"]["changed"] == []
    write_card(CARD + "  pf0vf0: {null: {}}\n")
    assert any("pf0vf0" in line for line in json.loads(run("reload", "-j"))["softdpud"]["changed"])
    assert "pf0vf0" in [p["name"] for p in ask("ports")["ports"]]
    write_card(CARD + "  pf0vf0: {null: {}}\n  pf0vf1: {nul: {}}\n")
    err = run("reload", rc=1)
    assert "card.yaml:8" in err and "pf0vf1" in err, err
    names = [p["name"] for p in ask("ports")["ports"]]
    assert "pf0vf0" in names and "pf0vf1" not in names, names
    write_card(CARD)
    run("reload")
    assert "pf0vf0" not in [p["name"] for p in ask("ports")["ports"]]
    assert ask("drops")["accounting"]["balanced"]


def a_new_generator_is_captured():
    path = os.path.join(run_dir, "x.pcapng")
    capture = subprocess.Popen([os.path.join(tools, "softdpu"), "capture", "any", "-d", "drop", "-n", "20", "-w", path], env=env,
                               stderr=subprocess.PIPE, text=True)
    wait_for(lambda: os.path.exists(path))
    write_card(CARD + "  pf0vf2: {generator: {rate: 500, count: 100}}\n")
    run("reload")
    err = capture.communicate(timeout=60)[1]
    assert capture.returncode == 0 and err.startswith("20 packets captured"), err
    if shutil.which("tshark"):
        out = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.comment", "-e", "frame.interface_name"],
                             capture_output=True, text=True, check=True).stdout.splitlines()
        assert len(out) == 20 and all(re.match(r"dropped: [a-z0-9-]+\tpf0vf2$", line) for line in out), out
    write_card(CARD)
    run("reload")


def metrics_are_valid():
    text = urllib.request.urlopen(f"http://127.0.0.1:{metrics_port()}/metrics", timeout=20).read().decode()
    family, families, samples = None, set(), set()
    for line in text.splitlines():
        comment = re.fullmatch(r"# (HELP|TYPE) (\w+) .+", line)
        if comment:
            family = comment[2]
            assert comment[1] == "TYPE" or family not in families, line
            families.add(family)
            continue
        sample = re.fullmatch(r'([a-z_]+)(\{(\w+="[^"]*",?)+\})? ([0-9.e+-]+|\+Inf|NaN)', line)
        assert sample and sample[1].startswith(family) and line.rsplit(" ", 1)[0] not in samples, line
        samples.add(line.rsplit(" ", 1)[0])
    assert f'softdpu_port_rx_packets_total{{port="p0"}} {FRAMES}\n' in text, text


def metrics_port():
    return int(re.search(r"metrics: 127.0.0.1:(\d+)", CARD)[1])


def the_end_leaves_nothing():
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 0
    assert not os.path.exists(os.path.join(run_dir, "toolcard/softdpud.sock"))
    assert "no card is running" in run("status", rc=3)


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


CARD = CARD.replace("ports:\n", f"node: {{name: node1, vni: 100, vtep4: 192.168.1.101/24, metrics: 127.0.0.1:{free_port()}}}\nports:\n")
write_card(CARD)
log = open(os.path.join(run_dir, "softdpud.log"), "w+")
daemon = subprocess.Popen([softdpud, "-c", card_path], env=env, stdout=log, stderr=log)
tests = (promised_members_are_there, every_frame_is_accounted_for, devices, questions_about_nothing_are_refused,
         a_second_owner_is_refused, metrics_are_valid, reload_adds_and_refuses, a_new_generator_is_captured, the_end_leaves_nothing)
failures = 0
print(f"1..{len(tests)}")
try:
    wait_for(lambda: os.path.exists(os.path.join(run_dir, "toolcard/softdpud.sock")) or daemon.poll() is not None)
    for n, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {n} - {test.__name__}", flush=True)
        except Exception as e:  # the others still tell something
            failures += 1
            print(f"not ok {n} - {test.__name__}")
            print("\n".join("# " + line for line in f"{type(e).__name__}: {e}".splitlines()), flush=True)
    if failures:
        log.seek(0)
        print("".join("# " + line for line in log))
finally:
    if daemon.poll() is None:
        daemon.kill()
        daemon.wait()
    shutil.rmtree(run_dir, ignore_errors=True)
sys.exit(1 if failures else 0)
