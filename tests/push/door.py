"""A project with pushed streams, `tarn up` on it, and ways to send to it."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

BIN = os.environ["TARN_BIN"]
DIGEST_KEY = "the key of the digests"
TOKEN = "tarn_0123456789abcdef"
STRIPE, HUBSPOT = "whsec_test_secret", "hubspot client secret"
HUBSPOT_URL = "https://in.example.com/v1/streams/hooks"

STREAMS = {
    "open": "into: bronze.pushed\nanonymous: true\nheaders: [X-Request-Id]\n",
    "guarded": ("into: bronze.pushed\ntoken: env:PUSH_TOKEN\ntoken_keys: ['k1=env:PUSH_KEY']\n"
                "tokens: ['k1:%s']\n" % hmac.new(DIGEST_KEY.encode(), b"second", hashlib.sha256).hexdigest()),
    "strict": "into: bronze.pushed\nanonymous: true\non_bad_record: refuse\nmax_body: 1KB\nmax_inflated: 4KB\n",
    "slow": "into: bronze.pushed\nanonymous: true\nrecords_per_second: 5\nbytes_per_second: 1KB\n",
    "hooks": ("into: bronze.pushed\nidempotency_field: id\nstripe:\n  secret: env:STRIPE_SECRET\n"
              "hubspot:\n  secret: env:HUBSPOT_SECRET\n  url: %s\n" % HUBSPOT_URL),
    "load": "into: bronze.load\nanonymous: true\n",
}


class Door:
    """`tarn up` with an HTTP port."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="tarn-push-")
        os.mkdir(os.path.join(self.home, "sources"))
        with open(os.path.join(self.home, "lake.yml"), "w") as out:
            out.write("lake: lake\nhttp: 127.0.0.1:0\n")
        for name, text in STREAMS.items():
            with open(os.path.join(self.home, "sources", name + ".yml"), "w") as out:
                out.write("kind: push\n" + text)
        self.lake = os.path.join(self.home, "lake")
        self.process = None
        self.env = dict(os.environ, PUSH_TOKEN=TOKEN, PUSH_KEY=DIGEST_KEY, STRIPE_SECRET=STRIPE,
                        HUBSPOT_SECRET=HUBSPOT)

    def start(self, log="log"):
        path = os.path.join(self.home, log)
        with open(path, "a") as err:
            start = err.tell()
            self.process = subprocess.Popen([BIN, "up", self.home], stderr=err, env=self.env)
        until = time.time() + 60
        while time.time() < until:
            with open(path) as lines:
                lines.seek(start)
                for line in lines:
                    said = json.loads(line) if line.endswith("}\n") else {}
                    if said.get("event") == "up":
                        self.port = int(said["http_port"])
                        self.wait_open()
                        return
            if self.process.poll() is not None:
                raise RuntimeError("tarn up ended: " + open(path).read()[-2000:])
            time.sleep(0.05)
        raise RuntimeError("tarn up did not come up")

    def wait_open(self):
        for name in STREAMS:
            until = time.time() + 60
            while time.time() < until:
                # An empty body is refused by the reader before anything is written; 503: not there yet.
                if not self.closed(name):
                    break
                time.sleep(0.05)

    def closed(self, name):
        for stream in json.loads(self.get("/v1/status"))["streams"]:
            if stream["name"] == name:
                return stream["state"] != "running" or not stream.get("parts")
        return True

    def get(self, path):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        link.request("GET", path)
        text = link.getresponse().read().decode()
        link.close()
        return text

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def link(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, stream, body, headers=None, link=None, method="POST", path=None):
        """-> status, answer, headers"""
        own = link or self.link()
        own.request(method, path or "/v1/streams/" + stream, body=body,
                    headers=dict({"Content-Type": "application/x-ndjson"}, **(headers or {})),
                    encode_chunked="Transfer-Encoding" in (headers or {}))
        reply = own.getresponse()
        text = reply.read().decode()
        if not link:
            own.close()
        return reply.status, json.loads(text) if text else None, dict(reply.getheaders())

    def sql(self, statement):
        out = subprocess.run([BIN, "sql", "--lake", self.lake, "--dialect", "duckdb", "--format", "json",
                              "-c", statement], capture_output=True, text=True, env=self.env)
        if out.returncode:
            raise RuntimeError(out.stderr)
        return json.loads(out.stdout)

    def tarn(self, *arguments):
        out = subprocess.run([BIN, *arguments], capture_output=True, text=True, env=self.env)
        return out.returncode, out.stdout, out.stderr

    def commits(self, table):
        folder = os.path.join(self.lake, *table.split("."), "_delta_log")
        return len([name for name in os.listdir(folder) if name.endswith(".json")])


def stripe(body, at, secret=STRIPE):
    mac = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": "t=%d,v1=%s,v0=00" % (at, mac), "Content-Type": "application/json"}


def hubspot(body, at_millis, query="", secret=HUBSPOT):
    text = b"POST" + (HUBSPOT_URL + query).encode() + body + str(at_millis).encode()
    mac = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return {"X-HubSpot-Signature-v3": mac, "X-HubSpot-Request-Timestamp": str(at_millis),
            "Content-Type": "application/json"}
