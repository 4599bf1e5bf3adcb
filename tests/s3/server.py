"""The S3 server of the suite (versitygw, from scripts/bootstrap --test): start, kill, start again, look into its folder."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CACHE = os.environ.get("TARN_CACHE", os.path.expanduser("~/.cache/tarn"))
BINARY = os.path.join(CACHE, "versitygw", "versitygw")
ROOT_KEYS = ("tarn", "tarnsecret")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self):
        self.folder, self.port, self.process = tempfile.mkdtemp(prefix="tarn-s3-"), free_port(), None
        for name in ("data", "sidecar", "iam"):
            os.makedirs(os.path.join(self.folder, name))
        self.start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        access, secret = ROOT_KEYS
        self.process = subprocess.Popen(
            [BINARY, "--port", f"127.0.0.1:{self.port}", "--region", "us-east-1", "--quiet", "--iam-dir",
             os.path.join(self.folder, "iam"), "--iam-cache-disable", "posix", "--sidecar",
             os.path.join(self.folder, "sidecar"), os.path.join(self.folder, "data")],
            env={**os.environ, "ROOT_ACCESS_KEY": access, "ROOT_SECRET_KEY": secret},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.process.kill()
        raise RuntimeError("the S3 server did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_bucket(self, name):  # a bucket of the posix backend is a folder
        os.makedirs(os.path.join(self.folder, "data", name))

    def path(self, *parts):
        return os.path.join(self.folder, "data", *parts)

    def objects(self, *parts):
        """Keys of the objects below a place, without what the server keeps for itself."""
        top = self.path(*parts)
        found = []
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith((".sgwtmp", ".vgw"))]
            found += [os.path.relpath(os.path.join(folder, name), top) for name in files]
        return sorted(found)

    def admin(self, *arguments):
        access, secret = ROOT_KEYS
        return subprocess.run([BINARY, "admin", "--access", access, "--secret", secret, "--endpoint-url", self.endpoint,
                               *arguments], capture_output=True, text=True, timeout=60)

    def environment(self, port=None, access=ROOT_KEYS[0], secret=ROOT_KEYS[1]):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**clean, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}", "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
