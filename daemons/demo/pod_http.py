#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The web server of a demo pod: dual stack, says its name, serves a bulk body.

usage: pod_http.py NAME [PORT]
  GET /            NAME
  GET /bulk?N      N bytes of a repeating pattern (the receiver checks its SHA-256)
  GET /slow?S      NAME after S seconds, in ten pieces (a connection that lives while things change)
  GET /peer        the address the connection came from
"""
import http.server
import socket
import sys
import time

NAME = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8080
BLOCK = bytes(range(256)) * 4096


class Pod(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True

    def do_GET(self):
        path, _, arg = self.path.partition("?")
        if path == "/bulk":
            self.bulk(int(arg))
        elif path == "/slow":
            self.slow(float(arg))
        elif path == "/peer":
            self.text(self.client_address[0])
        else:
            self.text(NAME)

    def start(self, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.send_header("X-Pod", NAME)
        self.end_headers()

    def text(self, text):
        body = text.encode() + b"\n"
        self.start(len(body))
        self.wfile.write(body)

    def bulk(self, left):
        self.start(left)
        while left > 0:
            self.wfile.write(BLOCK[:left])
            left -= len(BLOCK)

    def slow(self, seconds):
        body = (NAME + "\n").encode() * 10
        self.start(len(body))
        for i in range(10):
            self.wfile.write(body[i * len(body) // 10:(i + 1) * len(body) // 10])
            self.wfile.flush()
            time.sleep(seconds / 10)

    def log_message(self, *args):
        pass


class DualStack(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 1024
    daemon_threads = True


DualStack(("::", PORT), Pod).serve_forever()
