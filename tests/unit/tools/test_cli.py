#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tools against a switch that says what answers.json says. Prints TAP.

usage: test_cli.py DIRECTORY_OF_TOOLS FAKE_SWITCH ANSWERS.json
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

tools, fake, answers_path = sys.argv[1:4]
answers = json.load(open(answers_path))
run_dir = tempfile.mkdtemp(prefix="softdpu-cli-")
env = dict(os.environ, SOFTDPU_RUN=run_dir, TZ="UTC", PATH=run_dir + "/bin:" + os.environ["PATH"])
started, count, failures = [], 0, 0


def start(card):
    p = subprocess.Popen([fake, card, answers_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    assert p.stdout.readline() == b"ready\n"
    started.append(p)
    return p


def stop(p):
    p.stdin.close()
    assert p.wait(10) == 0
    started.remove(p)


def run(*words, rc=0, tool="softdpu"):
    r = subprocess.run([os.path.join(tools, tool), *words], env=env, capture_output=True, timeout=60)
    out, err = r.stdout.decode(errors="replace"), r.stderr.decode()
    assert r.returncode == rc, f"{tool} {words}: exit {r.returncode}, not {rc}\n{out}{err}"
    assert (rc in (0, 4)) or err.startswith(tool + ": "), err
    return out if rc in (0, 4) else err


def same(got, want):
    want = "\n".join(line[8:] for line in want.strip("\n").split("\n")[:-1]) + "\n"
    assert got == want, f"got:\n{got}\nwant:\n{want}"


def has(text, *parts):
    for part in parts:
        assert part in text, f"'{part}' is not in:\n{text}"


def nobody_is_there():
    has(run("status", rc=3), f"looked for {run_dir}/*/softdpud.sock", "softdpud -c PROFILE.yaml")
    has(run("-c", "node7", "ports", rc=3), f"{run_dir}/node7/softdpud.sock", "card 'node7' is not running")
    has(run(tool="doca-query", rc=3), "built-in card at 0000:03:00.0")
    has(run(tool="doca-flow-stats", rc=3), "no card is running")


def wrong_usage():
    has(run("prots", rc=2), "did you mean 'ports'?")
    has(run("xyzzy", rc=2), "--help lists them")
    has(run("ports", "--jsn", rc=2), "did you mean '--json'?")
    has(run("ports", "a", "b", rc=2), "what is 'b'?")
    has(run("capture", rc=2), "needs PORT")
    has(run("capture", "p0", "-n", "0", rc=2), "--count: '0' is not a number from 1")
    has(run("capture", "p0", "-d", "up", rc=2), "'up' is not rx, tx, both or drop")
    has(run("flows", "-n", "many", rc=2), "--limit: 'many' is not a number")
    has(run("flows", "--limit", rc=2), "--limit needs a value")
    has(run("ports", "--json=yes", rc=2), "takes no value")
    has(run("pipes", "--graph", "svg", rc=2), "not dot or mermaid")
    has(run("explain", rc=2), "explain needs PIPE or ENTRY")
    has(run("explain", "-p", "p0", "-x", "0g", rc=2), "not pairs of hexadecimal digits")
    has(run("reload", "world", rc=2), "neither card nor agent")
    has(run("-c", "../x", "status", rc=2), "without '/'")
    has(run("-t", "0", "status", rc=2), "--timeout")
    r = subprocess.run([os.path.join(tools, "softdpu")], env=env, capture_output=True)
    assert r.returncode == 2 and b"usage:" in r.stderr


def help_everywhere():
    top = run("--help")
    for line in top.split("\n\n")[1].splitlines():
        name = line.split()[0]
        has(run(name, "--help"), f"usage: softdpu {name} [options]", "--json", "--timeout SECONDS")
        has(run(name, "-h"), "--card CARD")
    has(run("--help", tool="doca-query"), "usage: doca-query [options]", "--device PCI")
    has(run("--help", tool="doca-version"), "usage")


def tables():
    same(run("status"), """
        card         node1, 0000:03:00.0, profile /etc/softdpu/node1.yaml
        program      softdpud 3.3.0, pid 812, up 3h12m, avx2 code
        worker 0     cpu 3, polling, 12% busy, 10.5B packets
        worker 1     waiting, 0% busy, 7 packets
        ports        4, 3 up
        tables       flows 10000, pipes 12, connections 5000
        node         node1: generation 5 applied 12.3s ago; nodes 3, pods 4, services 2, policies 1
        health       ok
        """)
    same(run("ports"), """
        ID  PORT    KIND    LINK   MTU  MAC                  RX  RX BYTES     TX  TX BYTES  DROPS  ATTACHED TO           POD
         0  p0      uplink  up    1600  02:00:5e:10:00:01  1234     1.5MB  12.3M     7.2TB      4  packet eth0 in node1  -
         2  pf0vf0  vf      down  1450  02:00:0a:f4:01:0a     0        0B      0        0B      0  tap eth0 in client    default/client
        """)
    same(run("drops"), """
        PACKETS  REASON          CAME IN BY       WHICH MEANS
              3  policy-ingress  pf0vf1 3         a NetworkPolicy of the destination pod denies it
             12  no-route        p0 10, pf0hpf 2  no route to the destination address

        received 1000 + generated 2 + copies 4 = transmitted 985 + dropped 15 + consumed 6 + queued 0
        """)
    same(run("services"), """
        SERVICE      TYPE       ADDRESS                       PORT    NODE   CONNECTIONS
        default/web  ClusterIP  10.96.0.100, fd00:10:96::100  80/TCP                 300
          ready                 10.244.1.5                    8080    node1          100
          not ready             10.244.2.3                    8080    -              200
        """)
    flows = run("flows")
    has(flows, "(cached)", "ip4 tcp 10.244.1.10:40112 > 10.96.0.100:80 -> dnat", "12.0ms", "1d1h", "850ns",
        "2 of 5000 shown")
    has(run("pipes"), "ROOT (root)", "2/16", "pipe acl, port pf0vf0")
    same(run("reload"), """
        card:
          ~ ports.pf0vf3: added
        agent: 12 objects, generation 6
          + Service default/web
          - Pod default/old
        """)


def the_founding_documents_shapes():
    """F:5313-5319 and F:5326-5334, to the letter."""
    stats = run("stats")
    assert stats.startswith("flows: 10000\nflows_offloaded: 9950 (99.5%)\nflows_software: 50 (0.5%)\n"), stats
    has(stats, "packets_software: 1 (0.1%)", "insertions: 12000 (1500/s)", "first_packet: p50 12.3us, p99 98.7us, max 1.2ms (1 packets)")
    same(run("-p", "0", tool="doca-flow-stats"), """
        Port 0: pf0hpf
          Total flows: 9950
          Active flows: 8200
          Flow insertions/s: 1500
          Packets processed: 10.5B
          Bytes processed: 7.2TB
        """)
    has(run(tool="doca-version"), "3.3.0")


def graphs():
    same(run("pipes", "--graph", "dot"), """
        digraph pipes {
          rankdir=LR;
          node [shape=box];
          p1 [label="ROOT", style=bold];
          p2 [label="acl"];
          p1 -> p2;
          p1 -> o0;
          o0 [shape=plaintext, label="port pf0vf0"];
          p1 -> o1 [style=dashed, label=miss];
          o1 [shape=plaintext, label="drop"];
          p2 -> o2;
          o2 [shape=plaintext, label="drop"];
          p2 -> p1;
        }
        """)
    same(run("pipes", "--graph=mermaid"), """
        flowchart LR
          p1["ROOT"]
          p2["acl"]
          p1 --> p2
          p1 --> o0["port pf0vf0"]
          p1 -. miss .-> o1["drop"]
          p2 --> o2["drop"]
          p2 --> p1
        """)


def json_is_what_the_switch_said():
    for command, method in (("status", "switch.status"), ("ports", "switch.ports"), ("flows", "switch.flows"),
                            ("pipes", "switch.pipes"), ("drops", "switch.drops"), ("stats", "switch.stats"),
                            ("services", "node.services")):
        assert json.loads(run(command, "--json")) == answers[method], command
        assert json.loads(run("-j", command)) == answers[method], command
    assert json.loads(run("reload", "-j")) == {"softdpud": answers["daemon.reload"], "agentd": answers["agent.reload"]}
    assert json.loads(run("-j", tool="doca-query")) == [answers["card.query"]]
    assert json.loads(run("-j", tool="doca-flow-stats")) == answers["switch.stats"]


def queries():
    for device in ("0000:03:00.0", "03:00.0", "pci/0000:03:00.0", "b1:00.0", "0000:B1:00.2"):
        has(run("-d", device, tool="doca-query"), "Device 0000:03:00.0: p0", "Card: node1", "pipes=16", "flow comch\n",
            "pf0vf0     vf    02:00:0a:f4:01:0a 0000:b1:00.2 pod default/client")
    has(run("-d", "0000:04:00.0", tool="doca-query", rc=3), "no running card has a device 0000:04:00.0",
        "0000:03:00.0 (node1)")


def explains():
    assert run("explain", "acl") == '{"pipe": "acl"}\n'
    assert run("explain", "17") == '{"entry": 17}\n'
    assert json.loads(run("explain", "-p", "p0", "-x", "02:00 00ff")) == {"port": "p0", "packet": "AgAA/w=="}


def refusals():
    has(run("connections", rc=1), "softdpu: service 'default/wbe' does not exist; did you mean 'default/web'?\n")
    has(run("capture", "p9", rc=1), "no port 'p9'; there are p0, pf0hpf")


def captures():
    pcap, ng = os.path.join(run_dir, "a.pcap"), os.path.join(run_dir, "a.pcapng")
    run("capture", "p0", "-w", pcap, "-n", "5")
    data = open(pcap, "rb").read()
    assert struct.unpack("=IHHIIII", data[:24]) == (0xa1b23c4d, 2, 4, 0, 0, 65535, 1)
    assert struct.unpack("=IIII", data[24:40]) == (1700000000, 123456789, 60, 60)
    assert len(data) == 24 + 5 * (16 + 60)
    run("capture", "any", "-w", ng, "-n", "5")
    lines = run("capture", "any", "-n", "2").splitlines()
    has(lines[0], "22:13:20.123456 p0         rx      60 020000000002 020000000001 0800")
    has(lines[1], "pf0vf1", "drop", "1514", "(no-route)")
    if shutil.which("tshark"):
        for f in (pcap, ng):
            out = subprocess.run(["tshark", "-r", f, "-T", "fields", "-e", "ip.dst", "-e", "frame.time_epoch", "-e",
                                  "frame.comment", "-e", "frame.interface_name"], capture_output=True, text=True, check=True).stdout
            assert len(out.splitlines()) == 5, out
            has(out, "10.0.0.2\t1700000000.123456789")
        has(out, "dropped: no-route\tpf0vf1")
    raw = subprocess.run([os.path.join(tools, "softdpu"), "capture", "p0", "-w", "-", "-n", "3"], env=env,
                         capture_output=True, check=True).stdout
    assert len(raw) == 24 + 3 * 76
    assert len([json.loads(line) for line in run("capture", "any", "-n", "3", "-j").splitlines()]) == 3
    has(run("capture", "p0", "-w", "/nonexistent/x.pcap", rc=1), "/nonexistent/x.pcap: cannot write")


def an_interrupted_capture_ends_well():
    path = os.path.join(run_dir, "b.pcap")
    p = subprocess.Popen([os.path.join(tools, "softdpu"), "capture", "any", "-w", path], env=env, stderr=subprocess.PIPE)
    for _ in range(500):
        if os.path.exists(path) and os.path.getsize(path) == 24 + 2 * 76:
            break
        time.sleep(0.01)
    p.send_signal(signal.SIGINT)
    err = p.communicate(timeout=10)[1].decode()
    assert p.returncode == 0, err
    has(err, "2 packets captured: interrupted; 2 missed")


def several_cards():
    second = start("node2")
    has(run("status", rc=2), "several cards are running: node1, node2; choose one with -c NAME")
    has(run("-c", "node2", "ports"), "p0")
    has(run("--card", "node3", "ports", rc=3), "running cards: node1, node2")
    stop(second)
    has(run("ports"), "p0")


def extensions():
    os.mkdir(run_dir + "/bin")
    with open(run_dir + "/bin/softdpu-hello", "w") as f:
        f.write("#!/bin/sh\necho hello $1\n")
    os.chmod(run_dir + "/bin/softdpu-hello", 0o755)
    assert run("hello", "world") == "hello world\n"
    shutil.copy(os.path.join(tools, "softdpu"), run_dir + "/bin/softdpu")
    out = subprocess.run([run_dir + "/bin/softdpu", "--help"], capture_output=True, text=True, check=True).stdout
    has(out, "Here: hello.\n")


def problems_have_an_exit_status():
    global answers_path
    sick = dict(answers, **{"switch.status": dict(answers["switch.status"], problems=["port p1: no carrier"])})
    answers_path = os.path.join(run_dir, "sick.json")
    json.dump(sick, open(answers_path, "w"))
    p = start("sick")
    has(run("-c", "sick", "status", rc=4), "problem      port p1: no carrier")
    run("-c", "sick", "status", "-j", rc=4)
    stop(p)


def check(test):
    global count, failures
    count += 1
    try:
        test()
        print(f"ok {count} - {test.__name__}")
    except Exception as e:  # a broken tool must not end the other tests
        failures += 1
        print(f"not ok {count} - {test.__name__}")
        print("\n".join("# " + line for line in f"{type(e).__name__}: {e}".splitlines()))


try:
    for t in (nobody_is_there, wrong_usage, help_everywhere):
        check(t)
    start("node1")
    for t in (tables, the_founding_documents_shapes, graphs, json_is_what_the_switch_said, queries, explains, refusals,
              captures, an_interrupted_capture_ends_well, several_cards, extensions, problems_have_an_exit_status):
        check(t)
    print(f"1..{count}")
finally:
    for s in list(started):
        stop(s)
    shutil.rmtree(run_dir, ignore_errors=True)
sys.exit(1 if failures else 0)
