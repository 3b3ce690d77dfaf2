# SPDX-License-Identifier: BSD-3-Clause
"""What tshark saw on the underlay, as rows that a story can assert on."""
import subprocess
import time

from cluster import RUN, UNDERLAY

FIELDS = ("frame.number", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport", "udp.checksum",
          "vxlan.vni", "tcp.srcport", "tcp.dstport", "tcp.len", "tcp.flags", "ip.checksum.status", "udp.checksum.status",
          "tcp.checksum.status", "frame.len", "icmp.type", "icmpv6.type")
CHECKED = [o for f in ("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum") for o in ("-o", f + ":TRUE")]
GOOD = {"1", "Good"}


class Wire:
    """with Wire() as w: ... ; then w.rows: one dict per frame, each field a list (outer first)."""

    def __init__(self, interface="switch", filter_=""):
        self.path, self.interface, self.filter = f"{RUN}/wire.{time.monotonic_ns()}.pcap", interface, filter_
        self.rows = []

    def __enter__(self):
        self.proc = subprocess.Popen(("ip", "netns", "exec", UNDERLAY, "tcpdump", "-i", self.interface, "-U", "--immediate-mode", "-B", "65536", "-s", "0",
                                      "-w", self.path, *self.filter.split()), stderr=subprocess.PIPE, text=True)
        for line in self.proc.stderr:  # it captures from this line on
            if "listening on" in line:
                break
        time.sleep(0.3)
        return self

    def __exit__(self, *exc):
        time.sleep(0.5)
        self.proc.terminate()
        self.said = self.proc.stderr.read()
        self.proc.wait()
        if not exc[0]:
            self.rows = self.read()

    def read(self):
        words = ["tshark", "-r", self.path, "-d", "udp.port==4789,vxlan", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
        for f in FIELDS:
            words += ["-e", f]
        out = subprocess.run(words + CHECKED, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True).stdout
        rows = []
        for line in out.splitlines():
            values = (line.split("\t") + [""] * len(FIELDS))[:len(FIELDS)]
            rows.append({f: v.split(",") if v else [] for f, v in zip(FIELDS, values)})
        return rows

    def tunnelled(self, family):
        """Frames in VXLAN whose inner packet is of this family."""
        key = "ip.src" if family == 4 else "ipv6.src"
        other = "ipv6.src" if family == 4 else "ip.src"
        return [r for r in self.rows if r["vxlan.vni"] and len(r[key]) > (0 if r[other] else 1)]


def bad_checksums(row):
    """Names of the checksums tshark calls bad; zero UDP checksums of VXLAN over IPv4 are "not present" (3)."""
    bad = []
    for f in ("ip.checksum.status", "udp.checksum.status", "tcp.checksum.status"):
        bad += [f + "=" + v for v in row[f] if v not in ("1", "3", "Good", "Not present")]
    return bad
