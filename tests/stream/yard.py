"""A lake, a dbt project with streaming models, and the commands that work on them."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

BIN = os.environ["TARN_BIN"]

PROJECT = "name: shop\nversion: '1.0'\nprofile: shop\nmodel-paths: [models]\n"
PROFILES = ("shop:\n  target: dev\n  outputs:\n    dev: {type: tarn, schema: silver, threads: 2}\n"
            "    once: {type: tarn, schema: once, threads: 2}\n")
SOURCES = ("version: 2\nsources:\n  - name: bronze\n    schema: bronze\n"
           "    tables: [{name: events}, {name: more_events}, {name: people}]\n")


class Yard:
    def __init__(self, lake=None, env=None):
        self.home = tempfile.mkdtemp(prefix="tarn-stream-")
        self.lake = lake or os.path.join(self.home, "lake")
        self.env = dict(os.environ, **(env or {}))
        self.up_process = None
        self.port = self.spawned = 0
        os.mkdir(os.path.join(self.home, "models"))
        self.write("dbt_project.yml", PROJECT)
        self.write("profiles.yml", PROFILES)
        self.write("lake.yml", "lake: %s\nhttp: 127.0.0.1:0\n" % self.lake)
        self.write("models/sources.yml", SOURCES)

    def write(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)

    def model(self, name, sql, **config):
        settings = ", ".join("%s=%r" % item for item in dict(materialized="streaming", **config).items())
        self.write("models/%s.sql" % name, "{{ config(%s) }}\n%s\n" % (settings, sql))

    def forget_models(self):
        for name in os.listdir(os.path.join(self.home, "models")):
            if name.endswith(".sql"):
                os.remove(os.path.join(self.home, "models", name))

    def tarn(self, *arguments, stdin=None, timeout=900):
        done = subprocess.run([BIN, *arguments], input=stdin, capture_output=True, text=True, cwd=self.home,
                              env=self.env, timeout=timeout)
        return done.returncode, done.stdout, done.stderr

    def sql(self, *statements):
        """Rows of the last statement."""
        arguments = ["sql", "--create-lake", "--lake", self.lake, "--format", "ndjson", "-q"]
        code, out, err = self.tarn(*arguments, "-f", "-", stdin=";\n".join(statements) + ";\n")
        if code != 0:
            raise RuntimeError("%s\n%s" % (statements[-1][:300], err))
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def dbt(self, *arguments):
        """Exit code and, by model name, what became of it."""
        code, out, err = self.tarn("dbt", "run", *arguments)
        path = os.path.join(self.home, "target", "run_results.json")
        results = {}
        if os.path.exists(path):
            with open(path) as text:
                for result in json.load(text)["results"]:
                    results[result["unique_id"].split(".")[-1]] = result
        return code, results, out + err

    # --- tarn up ---
    def spawn(self, *arguments):
        """-> process, port of a `tarn up`"""
        self.spawned += 1
        log = os.path.join(self.home, "up-%d.log" % self.spawned)
        with open(log, "w") as err:
            process = subprocess.Popen([BIN, "up", self.home, *arguments], stderr=err, env=self.env, cwd=self.home)
        until = time.time() + 60
        while time.time() < until:
            with open(log) as lines:
                for line in lines:
                    said = json.loads(line) if line.endswith("}\n") else {}
                    if said.get("event") == "up":
                        return process, int(said["http_port"]) if said["http_port"] != "none" else 0
            if process.poll() is not None:
                break
            time.sleep(0.01)
        process.kill()
        process.wait()
        with open(log) as lines:
            raise RuntimeError("tarn up did not start: " + lines.read()[-2000:])

    def start(self, *arguments):
        self.up_process, self.port = self.spawn(*arguments)

    def kill(self):
        self.up_process.send_signal(signal.SIGKILL)
        self.up_process.wait()
        self.up_process = None

    def stop(self):
        self.up_process.send_signal(signal.SIGTERM)
        code = self.up_process.wait(timeout=30)
        self.up_process = None
        return code

    def get(self, path, port=None):
        return call("GET", port or self.port, path)

    def close(self):
        if self.up_process is not None:
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def call(method, port, path, body=None):
    """-> status, text"""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        link.request(method, path, body=body, headers={"Content-Type": "application/x-ndjson"} if body else {})
        reply = link.getresponse()
        return reply.status, reply.read().decode()
    finally:
        link.close()


def wait_for(what, seconds=60):
    until = time.time() + seconds
    while time.time() < until:
        if what():
            return True
        time.sleep(0.1)
    return False
