"""Commits under concurrency and faults. The books of the writers are held against the log and against delta-rs."""
import os
import random
import threading
import time
from fault_proxy import FaultProxy
from lake import judge, log_versions, peer, rows, sql, write, PEER_ROWS
from server import ROOT_KEYS

STORM = bool(os.environ.get("TARN_S3_STORM"))
WRITERS, COMMITS = (8, 50) if STORM else (4, 10)
SMALL = (8, 50) if STORM else (3, 8)


CREATE = "CREATE TABLE silver.t (a INT) USING DELTA TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')"


def books(team):
    said = sorted({error for writer in team for error in writer.errors})
    return "".join(f"\n# said: {error}" for error in said[:4])


def totals(team):
    return {name: sum(len(getattr(writer, name)) for writer in team) for name in ("acknowledged", "refused", "unknown")}


def concurrent(server):
    """Nobody is refused, nothing lost, nothing twice."""
    server.make_bucket("writers")
    env = server.environment()
    team = write(env, "s3://writers/lake", WRITERS, COMMITS, interval=7)
    title = f"{WRITERS} writers x {COMMITS} commits: none refused, lost or doubled"
    problem = judge(server, env, "writers", "lake", team)
    if totals(team) != {"acknowledged": WRITERS * COMMITS, "refused": 0, "unknown": 0}:
        problem = f"{totals(team)} {problem}{books(team)}"
    return [(title, problem)]


def killed_server(server):
    """SIGKILL and a restart in the middle, twice: each writer ends right or with a clear error."""
    server.make_bucket("killed")
    env, times = server.environment(), []

    def kill_twice():
        for part in (0.2, 0.5):
            deadline = time.time() + 300
            while len(log_versions(server, "killed", "lake", "silver", "t")) < part * WRITERS * COMMITS:
                assert time.time() < deadline, "the writers make no progress"
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.2))
            server.kill()
            times.append(len(log_versions(server, "killed", "lake", "silver", "t")))
            time.sleep(1.5)
            server.start()

    team = write(env, "s3://killed/lake", WRITERS, COMMITS, kill_twice)
    problem = judge(server, env, "killed", "lake", team)
    done = sum(len(writer.acknowledged) for writer in team)
    if problem is None and done == 0:
        problem = "no writer got through"
    if any(error.count("\n") or not error.startswith("tarn: error: ") for writer in team for error in writer.errors):
        problem = f"an error is not one clear line {books(team)}"
    print(f"# killed after {times} versions: {totals(team)}")
    return [("the server killed and restarted twice: every row right or its writer told", problem and problem + books(team))]


FAULTS = {
    "lost replies": ("drop_reply", ("put", "put_if_absent", "get", "head", "list"), 0.08),
    "errors after the work is done": ("error_after", ("put", "put_if_absent", "delete"), 0.15),
    "connections that end before the request": ("drop_request", None, 0.05),
    "resets in the middle of a body": ("reset_body", ("get", "list"), 0.10),
    "slow answers": ("slow", None, 0.05),
    "503 SlowDown": ("throttle", None, 0.25),
    "stale listings": ("stale_list", ("list",), 0.9),
}


def faults(server):
    results = []
    for number, (name, (fault, kinds, rate)) in enumerate(FAULTS.items()):
        bucket = f"faults-{number}"
        server.make_bucket(bucket)
        proxy, dice = FaultProxy(server.port), random.Random(number)
        try:
            # The first commit to meet the fault meets it for certain.
            proxy.reset(lambda seen: fault if (kinds is None or seen.kind in kinds) and
                        (dice.random() < rate or (seen.kind == "put_if_absent" and seen.number == 3)) else None)
            team = write(server.environment(proxy.port), f"s3://{bucket}/lake", *SMALL)
            hit = sum(1 for seen in proxy.seen if seen.fault)
            proxy.reset()
            problem = judge(server, server.environment(), bucket, "lake", team)
            if problem is None and hit == 0:
                problem = "no request met the fault"
            wanted = {"acknowledged": SMALL[0] * SMALL[1], "refused": 0, "unknown": 0}
            if problem is None and totals(team) != wanted:
                problem = f"{totals(team)}{books(team)}"
            print(f"# {name}: {hit} faults, {totals(team)}")
            results.append((f"{name}: every commit made, once", problem))
        finally:
            proxy.close()
    return results


def outage(server):
    """A storm that does not end: one clear line, nothing half done, and the budget of retries holds."""
    server.make_bucket("outage")
    proxy = FaultProxy(server.port)
    try:
        env, lake = server.environment(proxy.port), "s3://outage/lake"
        assert sql(env, lake, CREATE).returncode == 0
        proxy.reset(lambda seen: "throttle" if seen.kind != "head" else None)
        done = sql(env, lake, "INSERT INTO silver.t VALUES (1)", timeout=600)
        asked = proxy.count()
        assert done.returncode == 1 and "503 SlowDown" in done.stderr and "attempts" in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1 and asked <= 120, f"{asked} requests\n{done.stderr}"
        proxy.reset()
        assert rows(env, lake, "SELECT count(*) AS n FROM silver.t") == [{"n": 0}]
        retried = "SELECT sum(retries)::BIGINT AS n FROM tarn_request_metrics()"
        proxy.reset(lambda seen: "throttle" if seen.number == 1 else None)
        got = rows(env, lake, "INSERT INTO silver.t VALUES (1); " + retried, "--dialect", "duckdb")
        assert got[-1]["n"] >= 1, got
    finally:
        proxy.close()


def lost_commit(server):
    """The reply to a commit is lost and the server cannot be asked: the outcome is called unknown, and it stands once."""
    server.make_bucket("unknown")
    proxy = FaultProxy(server.port)
    try:
        env, lake = server.environment(proxy.port), "s3://unknown/lake"
        assert sql(env, lake, CREATE).returncode == 0
        gone = threading.Event()

        def rule(seen):
            if seen.kind == "put_if_absent":
                gone.set()
                return "drop_reply"
            return "expired" if gone.is_set() else None  # every way back is shut

        proxy.reset(rule)
        done = sql(env, lake, "INSERT INTO silver.t VALUES (7)", timeout=600)
        assert done.returncode == 1 and "may or may not have been made" in done.stderr, done.stderr
        proxy.reset()
        assert rows(env, lake, "SELECT a FROM silver.t") == [{"a": 7}]  # it had been made; its data file is still there
        assert [row["a"] for row in peer(server.environment(), PEER_ROWS, "s3://unknown/lake/silver/t")["rows"]] == [7]
    finally:
        proxy.close()


class Rotation:
    """Credentials as a container is given them: this process answers with the newest pair of keys."""

    def __init__(self):
        import http.server
        rotation = self
        self.keys, self.asked = ROOT_KEYS, 0

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                rotation.asked += 1
                body = ('{"AccessKeyId":"%s","SecretAccessKey":"%s","Token":"","Expiration":"2099-01-01T00:00:00Z"}'
                        % rotation.keys).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def environment(self, base):
        clean = {name: value for name, value in base.items() if "_KEY" not in name}
        return {**clean, "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.http.server_port}/keys"}


def expiring_credentials(server):
    """The account an upload began with is deleted on the server while its parts are on their way."""
    server.make_bucket("rotation")
    for name in ("first", "second"):
        made = server.admin("create-user", "--access", name, "--secret", name + "-secret", "--role", "admin")
        assert made.returncode == 0, made.stderr
    rotation, proxy = Rotation(), FaultProxy(server.port)
    rotation.keys = ("first", "first-secret")
    once = threading.Lock()

    def rule(seen):
        if seen.kind == "upload_part" and seen.number == 2:
            with once:
                if rotation.keys[0] == "first":
                    rotation.keys = ("second", "second-secret")
                    removed = server.admin("delete-user", "--access", "first")
                    assert removed.returncode == 0, removed.stderr
        stale = seen.kind == "upload_part" and seen.number > 2 and seen.access_key == "first"
        return "expired" if stale and rotation.keys[0] == "second" else None

    try:
        proxy.reset(rule)
        env = rotation.environment(server.environment(proxy.port))
        copy = "COPY (SELECT range AS i, random() AS r, random() AS s FROM range(2500000)) TO 's3://rotation/big.parquet'"
        count = "SELECT count(*) AS n, count(DISTINCT i) AS d FROM 's3://rotation/big.parquet'"
        got = rows(env, "s3://rotation/lake", f"{copy}; {count}", "--dialect", "duckdb")
        assert got == [{"n": 2500000, "d": 2500000}], got
        keys = {seen.access_key for seen in proxy.seen if seen.kind == "upload_part"}
        refused = [seen for seen in proxy.seen if seen.kind == "upload_part" and seen.status == 403]
        assert keys == {"first", "second"} and refused, f"{keys}, {len(refused)} parts refused"
    finally:
        proxy.close()
        rotation.http.shutdown()


def aborted_upload(server):
    """A part is refused for good: no object, and the upload is ended on the server."""
    server.make_bucket("aborted")
    proxy = FaultProxy(server.port)
    try:
        proxy.reset(lambda seen: "expired" if seen.kind == "upload_part" and seen.number >= 2 else None)
        env = server.environment(proxy.port)
        done = sql(env, "s3://aborted/lake", "CREATE TABLE silver.t (a DOUBLE, b DOUBLE, c DOUBLE) USING DELTA;"
                   "INSERT INTO silver.t SELECT rand(), rand(), rand() FROM range(2000000)")
        assert done.returncode == 1 and "ExpiredToken" in done.stderr, done.stderr
        ended = [seen.status for seen in proxy.seen if seen.kind == "abort_upload"]
        began = proxy.count("create_upload")
        assert began >= 1 and ended == [204] * began, f"{began} uploads, ended with {ended}"
        left = [key for key in server.objects("aborted") if key.endswith(".parquet")]
        assert left == [], left
        assert rows(server.environment(), "s3://aborted/lake", "SELECT count(*) AS n FROM silver.t") == [{"n": 0}]
    finally:
        proxy.close()


CASES = [("writers at once", concurrent), ("killed server", killed_server), ("faults", faults),
         ("a storm without end is told, and nothing is half done", outage),
         ("a commit whose reply is lost for good is called unknown and stands once", lost_commit),
         ("keys that expire in the middle of an upload", expiring_credentials),
         ("an upload that cannot go on is ended", aborted_upload)]
