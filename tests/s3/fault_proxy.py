"""A proxy between a client and an S3 server that fails on purpose.

It is stricter than any server: what it is told to break, it breaks, and it writes down every request it saw. A rule is a
function of a Seen request that returns the name of a fault, or None:
  throttle      503 SlowDown, nothing reaches the server
  error_after   the server does it, the client gets 500 InternalError
  drop_reply    the server does it, the connection ends without an answer
  drop_request  the connection ends, nothing reaches the server
  reset_body    half of the answer, then a reset
  slow          the answer comes in drops
  stale_list    a listing without its newest keys
  expired       400 ExpiredToken, nothing reaches the server
"""
import http.client
import re
import socket
import struct
import threading
import time
from urllib.parse import parse_qs, urlsplit

ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>by the proxy</Message><RequestId>proxy</RequestId></Error>'


class Seen:
    """One request: kind (as in tarn_request_metrics), key, number (from 1, of its kind), access key, what was done."""

    def __init__(self, method, target, headers):
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        self.method, self.key, self.query = method, parts.path, query
        self.kind = self._kind(headers)
        match = re.search(r"Credential=([^/,]+)/", headers.get("authorization", ""))
        self.access_key = match.group(1) if match else ""
        self.number, self.fault, self.status = 0, None, 0

    def _kind(self, headers):
        query = self.query
        if self.method == "GET":
            return "list" if "list-type" in query else "get"
        if self.method == "HEAD":
            return "head"
        if self.method == "DELETE":
            return "abort_upload" if "uploadId" in query else "delete"
        if self.method == "POST":
            if "uploads" in query:
                return "create_upload"
            return "complete_upload" if "uploadId" in query else "delete"
        if "partNumber" in query:
            return "upload_part"
        return "put_if_absent" if headers.get("if-none-match") == "*" else "put"


class FaultProxy:
    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.rule = lambda seen: None
        self.seen = []
        self._counts = {}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._open = False
        self._listener.close()

    def reset(self, rule=None):
        with self._lock:
            self.seen, self._counts = [], {}
            self.rule = rule or (lambda seen: None)

    def count(self, kind=None):
        return sum(1 for seen in self.seen if kind is None or seen.kind == kind)

    def _accept(self):
        while self._open:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        upstream = None
        stream = connection.makefile("rb")
        try:
            while True:
                line = stream.readline().decode("latin-1").split()
                if len(line) != 3:
                    return
                headers = {}
                while (header := stream.readline().decode("latin-1").rstrip("\r\n")):
                    name, _, value = header.partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", 0)))
                seen = Seen(line[0], line[1], headers)
                with self._lock:
                    self._counts[seen.kind] = seen.number = self._counts.get(seen.kind, 0) + 1
                    self.seen.append(seen)
                    rule = self.rule
                seen.fault = rule(seen)
                if seen.fault == "throttle":
                    self._answer(connection, 503, "SlowDown")
                elif seen.fault == "expired":
                    self._answer(connection, 400, "ExpiredToken")
                elif seen.fault == "drop_request":
                    return
                else:
                    upstream = upstream or http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=60)
                    try:
                        answer = self._forward(upstream, line[0], line[1], headers, body)
                    except (OSError, http.client.HTTPException):
                        return  # the server is away: so is the answer
                    if not self._reply(connection, seen, *answer):
                        return
        except OSError:
            pass
        finally:
            connection.close()
            if upstream:
                upstream.close()

    @staticmethod
    def _answer(connection, status, code):
        body = ERROR.format(code=code).encode()
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    @staticmethod
    def _forward(upstream, method, target, headers, body):
        upstream.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            upstream.putheader(name, value)
        upstream.endheaders()
        try:
            upstream.send(body)
        except OSError:
            pass  # a server may refuse before it has read the body; the answer is there all the same
        reply = upstream.getresponse()
        content = reply.read()
        if reply.will_close or reply.status >= 400:
            upstream.close()  # opened again by the next request
        return reply.status, reply.getheaders(), content

    def _reply(self, connection, seen, status, headers, body):
        """False when the connection is to end."""
        seen.status = status
        if seen.fault == "drop_reply":
            return False
        if seen.fault == "error_after":
            self._answer(connection, 500, "InternalError")
            return True
        if seen.fault == "stale_list":
            body = self._without_newest(body)
        head = f"HTTP/1.1 {status} X\r\n"
        length = len(body)
        for name, value in headers:
            if name.lower() == "content-length" and seen.method == "HEAD":
                length = int(value)
            elif name.lower() not in ("content-length", "transfer-encoding", "connection"):
                head += f"{name}: {value}\r\n"
        if status != 204:
            head += f"Content-Length: {length}\r\n"
        head = head.encode("latin-1") + b"\r\n"
        if seen.fault == "reset_body" and len(body) > 1:
            connection.sendall(head + body[: len(body) // 2])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if seen.fault == "slow":
            for at in range(0, len(body), max(1, len(body) // 5)):
                connection.sendall((head if at == 0 else b"") + body[at:at + max(1, len(body) // 5)])
                time.sleep(0.05)
            if body:
                return True
        connection.sendall(head + body)
        return True

    @staticmethod
    def _without_newest(body):
        text = body.decode()
        entries = re.findall(r"<Contents>.*?</Contents>", text, re.S)
        for entry in entries[-2:] if len(entries) > 2 else []:
            text = text.replace(entry, "")
        return text.encode()
