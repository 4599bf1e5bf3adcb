"""The store's own contract (C++), and what a wrong name or password is told."""
import os
import re
import subprocess
from lake import BUILD, rows, sql


def contract(server):
    server.make_bucket("tarn-contract")
    environment = {**server.environment(), "TARN_S3_ENDPOINT": server.endpoint}
    done = subprocess.run([os.path.join(BUILD, "store_s3_test"), "--gtest_filter=Real*"], env=environment,
                          capture_output=True, text=True, timeout=900)
    results = []
    for line in done.stdout.splitlines():
        match = re.match(r"\[\s+(OK|FAILED)\s+\] (\S+).*\(\d+ ms\)", line)
        if match:
            results.append((match.group(2), None if match.group(1) == "OK" else done.stdout[-1500:]))
    if done.returncode != 0 and all(problem is None for _, problem in results):
        results.append(("the contract's tests end well", done.stdout[-800:] + done.stderr[-400:]))
    return results or [("the contract's tests run", done.stdout + done.stderr)]


def messages(server):
    server.make_bucket("messages")
    good, query = server.environment(), "SHOW TABLES IN bronze"
    cases = {
        "a wrong secret": ({**good, "AWS_SECRET_ACCESS_KEY": "wrong"}, "s3://messages/lake",
                           ("s3://messages", "403 SignatureDoesNotMatch", "request ", "AWS_SECRET_ACCESS_KEY")),
        "an unknown key": ({**good, "AWS_ACCESS_KEY_ID": "nobody"}, "s3://messages/lake",
                           ("s3://messages", "403 InvalidAccessKeyId", "AWS_ACCESS_KEY_ID")),
        "no bucket": (good, "s3://no-such-bucket/lake", ("s3://no-such-bucket", "404 NoSuchBucket", "create the bucket")),
        "no credentials": ({name: value for name, value in good.items() if "KEY" not in name}, "s3://messages/lake",
                           ("no S3 credentials found", "AWS_ACCESS_KEY_ID", "profile")),
        "no bucket's name": (good, "s3://", ("names no bucket", "s3://bucket/prefix")),
        "another scheme": (good, "gs://bucket/lake", ("gs://bucket/lake", "s3://bucket/prefix")),
    }
    results = []
    for title, (environment, lake, parts) in cases.items():
        done = sql(environment, lake, query)
        missing = [part for part in parts if part not in done.stderr]
        fine = done.returncode == 1 and done.stderr.count("\n") == 1 and not missing
        results.append((f"{title} is told in one line with its remedy", None if fine else f"{missing}\n{done.stderr}"))
    return results


def credentials_by_reference(server):
    """Keys from options by reference, from a profile, and that a key never shows in a message."""
    server.make_bucket("references")
    bare = {name: value for name, value in server.environment().items() if "KEY" not in name}
    secret_file = os.path.join(server.folder, "secret")
    profile = os.path.join(server.folder, "aws-credentials")
    with open(secret_file, "w", encoding="utf-8") as file:
        file.write("tarnsecret\n")
    with open(profile, "w", encoding="utf-8") as file:
        file.write("[other]\naws_access_key_id = x\naws_secret_access_key = y\n"
                   "[team]\naws_access_key_id = tarn\naws_secret_access_key = tarnsecret\n")
    query, lake = "SELECT 1 AS one", "s3://references/lake"
    create = "CREATE SCHEMA IF NOT EXISTS refs; " + query
    assert rows({**bare, "MY_KEY": "tarn"}, lake, create, "--s3-access-key", "env:MY_KEY", "--s3-secret-key",
                "file:" + secret_file) == [{"one": 1}]
    assert rows({**bare, "AWS_SHARED_CREDENTIALS_FILE": profile}, lake, create, "--s3-profile", "team") == [{"one": 1}]
    refused = sql(bare, lake, query, "--s3-access-key", "tarn", "--s3-secret-key", "tarnsecret")
    listed = sql(bare, lake, "SHOW TABLES IN bronze", "--s3-access-key", "tarn", "--s3-secret-key", "tarnsecret")
    assert listed.returncode == 1 and "by reference" in listed.stderr and "tarnsecret" not in listed.stderr, listed.stderr
    assert "tarnsecret" not in refused.stderr
    half = sql(bare, lake, query, "--s3-access-key", "env:MY_KEY")
    assert half.returncode == 1 and "pairs" in half.stderr, half.stderr


CASES = [("contract", contract), ("messages", messages), ("keys by reference and by profile", credentials_by_reference)]
