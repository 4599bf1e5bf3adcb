"""Contracts at the door, over a real broker: the incident of the renamed field, drift of every kind, dead letters and their replay."""
import base64
import hashlib
import json
import os
import signal
import subprocess

import up_cases
from cluster import TARN, count, ingest, sql, wait_until

INCIDENT = """contract:
  name: user_interaction_events
  version: "%s"
  owner: platform_team
  streams: [%s]
  enforcement: %s
  schema:
    - {name: event_id, type: string, nullable: false, unique: true}
    - {name: user_id, type: string, nullable: %s}
    - {name: platform, type: string, nullable: false, allowed_values: [WEB, IOS, ANDROID]}
    - {name: qty, type: long}
    - {name: extra, type: any}
    - {name: note, type: string}
%s  sla: {min_daily_volume: 10, max_null_rate_pct: 5}
"""
EXACTLY = ("SELECT rule, action, sum(judged) AS judged, sum(failed) AS failed FROM system.contract_results "
           "WHERE target_table = '%s' AND NOT replay GROUP BY 1, 2 ORDER BY 1, 2")


def contract(folder, table, enforcement="dead_letter", version="1.0", nullable="false", more=""):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "events.yml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(INCIDENT % (version, table, enforcement, nullable, more))
    return path


def event(number, user="user_id"):
    return json.dumps({"event_id": f"e{number}", user: f"u{number}", "platform": "WEB"}).encode()


def tarn(*arguments, code=0):
    done = subprocess.run([TARN, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def judged(lake, table):
    tarn("contract", "sla", os.path.join(os.path.dirname(lake), "contracts"), "--lake", lake, "--format", "json", code=1)
    return {row["rule"]: (row["action"], row["judged"], row["failed"]) for row in sql(lake, EXACTLY % table)}


def renamed_field(broker, folder):
    """user_id becomes userId while a project runs and is killed: no null reaches Bronze, each refusal counted once, replay whole."""
    broker.create("incident", 3)
    lake = up_cases.project(folder, {"incident": up_cases.kafka_yml(broker, "incident")})
    contracts = contract(os.path.join(folder, "contracts"), "bronze.incident")
    up = up_cases.Up(folder)
    try:
        broker.produce("incident", [event(i) for i in range(200)])
        wait_until(lambda: count(lake, "bronze.incident") == 200, 60, "the good records")
        producer = broker.producer()
        for number in range(200, 500):
            producer.produce("incident", event(number, "userId"), key=f"k{number}", headers=[("trace", b"\xff\x00"), ("n", None)])
            if number in (300, 400):
                producer.flush(60)
                wait_until(lambda: count(lake, "bronze.dead_letters") >= 50, 60, "the first refusals")
                up.process.send_signal(signal.SIGKILL)
                up.process.wait()
                up = up_cases.Up(folder)
        producer.flush(60)
        broker.produce("incident", [event(i) for i in range(500, 550)])
        wait_until(lambda: count(lake, "bronze.incident") == 250 and count(lake, "bronze.dead_letters") == 300, 60, "the rest")
    finally:
        up.stop()
    assert sql(lake, "SELECT count(*) AS n FROM bronze.incident WHERE get_json_object(decode(raw_payload, 'UTF-8'), '$.user_id') "
                     "IS NULL") == [{"n": 0}]
    letters = sql(lake, "SELECT rule, reason, count(*) AS n, count(DISTINCT source_partition, source_offset) AS places "
                        "FROM bronze.dead_letters GROUP BY 1, 2")
    assert len(letters) == 1 and letters[0]["rule"] == "contract.user_id.required", letters
    assert "the record has 'userId': was the field renamed?" in letters[0]["reason"], letters
    assert (letters[0]["n"], letters[0]["places"]) == (300, 300), letters
    results = judged(lake, "bronze.incident")
    assert results["records"] == (None, 550, 300), results
    assert results["user_id.required"][0::2] == ("dead_letter", 300) and results["user_id.null"][0::2] == ("count", 300), results
    sla = tarn("contract", "sla", contracts, "--lake", lake, code=1)
    assert "user_id.max_null_rate_pct" in sla and "54.55" in sla and "BROKEN" in sla, sla
    # Judged again by the same contract they stay; by one that knows the new name they are whole rows.
    said = tarn("dead-letters", "replay", "--lake", lake, "--table", "bronze.incident", "--contracts", contracts)
    assert "0 replayed, 300 still bad" in said, said
    contract(os.path.join(folder, "contracts"), "bronze.incident", version="2.0", nullable="true",
             more="    - {name: userId, type: string}\n")
    both = [subprocess.Popen([TARN, "dead-letters", "replay", "--lake", lake, "--rule", "contract.*", "--contracts", contracts],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    ends = [(one.communicate()[1], one.returncode) for one in both]
    assert [code for _, code in ends] == [0, 0], ends
    assert "0 replayed" in tarn("dead-letters", "replay", "--lake", lake, "--rule", "contract.*", "--contracts", contracts)
    truth = broker.truth("incident")
    rows = sql(lake, "SELECT source_partition AS p, source_offset AS o, checksum AS c, md5(raw_payload) AS m, record_key AS k, "
                     "event_timestamp IS NOT NULL AS t, size(headers) AS h, base64(headers[0].value) AS v, headers[1].value AS n, "
                     "raw_payload LIKE '%userId%' AS bad FROM bronze.incident")
    assert len(rows) == 550 and {(r["p"], r["o"]): r["m"] for r in rows} == truth and all(r["c"] == r["m"] for r in rows)
    again = [r for r in rows if r["bad"]]
    assert len(again) == 300 and all(r["k"] and r["t"] and r["h"] == 2 and r["v"] == "/wA=" and r["n"] is None for r in again), again[:2]
    counted = sql(lake, "SELECT sum(judged) AS j FROM system.contract_results WHERE replay AND rule = 'records'")
    assert counted == [{"j": 300}], counted


def drift(broker, folder):
    """Every kind of drift lands where docs/guide/contracts.md says; the books close over Bronze, dead letters and counts."""
    lake = os.path.join(folder, "lake")
    path = contract(os.path.join(folder, "contracts"), "bronze.drift")
    good = {"event_id": "a", "user_id": "u", "platform": "WEB"}

    def like(**change):
        return json.dumps({**good, "event_id": f"x{len(messages)}", **change}).encode()
    messages, expected = [], []

    def add(payload, rule):
        messages.append(payload)
        expected.append(rule)
    add(like(), None)
    add(event(1, "userId"), "contract.user_id.required")
    add(like(colour="red"), "flag:additional")
    add(b'{"event_id":"m","platform":"WEB"}', "contract.user_id.required")
    add(like(qty="12"), "contract.qty.type")
    add(like(platform="TV"), "contract.platform.allowed")
    add(like(user_id=None), "contract.user_id.required")
    add(like()[:-5], "contract.json")
    add(b'{"event_id":"\xc3\x28"}', "contract.json")
    add(like(note="x" * 20_000_000), None)
    add(b"", "contract.json")
    add(None, None)
    add(like()[:-1] + b',"user_id":"again"}', "contract.duplicate_key")
    add(like()[:-1] + b',"extra":' + b"[" * 999 + b"]" * 999 + b"}", None)
    add(like()[:-1] + b',"extra":' + b"[" * 1001 + b"]" * 1001 + b"}", "contract.json")
    add(like()[:-1] + b',"qty":9007199254740993}', None)
    add(like()[:-1] + b',"qty":9223372036854775808}', "contract.qty.type")
    add(messages[0], "flag:event_id.unique")
    broker.create("drift", 1)
    broker.produce("drift", messages)
    report = ingest(broker, lake, "drift", "bronze.drift", "--contracts", path)
    refused = {offset: rule for offset, rule in enumerate(expected) if rule and not rule.startswith("flag:")}
    assert (report["rows"], report["dead_letters"]) == (len(messages) - len(refused), len(refused)), report
    letters = {row["o"]: row["rule"] for row in sql(lake, "SELECT source_offset AS o, rule FROM bronze.dead_letters")}
    assert letters == refused, (letters, refused)
    kept = {row["o"]: row["m"] for row in sql(lake, "SELECT source_offset AS o, md5(raw_payload) AS m FROM bronze.drift")}
    assert kept == {o: None if messages[o] is None else hashlib.md5(messages[o]).hexdigest()
                    for o in range(len(messages)) if o not in refused}, kept
    digits = sql(lake, "SELECT decode(raw_payload, 'UTF-8') LIKE '%9007199254740993%' AS ok FROM bronze.drift WHERE source_offset = 15")
    assert digits == [{"ok": True}], digits
    results = judged(lake, "bronze.drift")
    assert results["records"][1] == len(messages) - 1, results  # the tombstone has nothing to judge
    for rule in set(expected) - {None}:
        name = rule.split(":")[-1].removeprefix("contract.")
        # A renamed field is a missing and an additional one.
        assert results[name][2] == expected.count(rule) + (name == "additional"), (rule, results)
        assert results[name][0] == ("flag" if rule.startswith("flag:") else "dead_letter"), (rule, results)
    again = base64.b64encode(messages[12]).decode()
    shown = sql(lake, "SELECT base64(raw_payload) AS b FROM bronze.dead_letters WHERE rule = 'contract.duplicate_key'")
    assert shown == [{"b": again}], shown


def flag_and_stop(broker, folder):
    """flag lets a broken record in and counts it; stop ends the stream in front of it and nothing of its batch is written."""
    lake = os.path.join(folder, "lake")
    path = contract(os.path.join(folder, "contracts"), "bronze.flagged", "flag")
    broker.create("flagged", 2)
    broker.produce("flagged", [event(i, "userId" if i % 4 == 0 else "user_id") for i in range(40)])
    assert ingest(broker, lake, "flagged", "bronze.flagged", "--contracts", path)["rows"] == 40
    assert ingest(broker, lake, "flagged", "bronze.flagged", "--contracts", path)["rows"] == 0
    results = judged(lake, "bronze.flagged")
    assert results["user_id.required"][0::2] == ("flag", 10) and results["records"][1] == 40, results
    stopped = contract(os.path.join(folder, "stopping"), "bronze.stopped", "stop")
    broker.create("stopped", 1)
    broker.produce("stopped", [event(0), event(1, "userId")])
    told = ingest(broker, lake, "stopped", "bronze.stopped", "--contracts", stopped, ok=False)
    assert "stopped/0 offset 1: contract.user_id.required" in told and "stops before this record" in told, told
    assert count(lake, "bronze.stopped") == 0


CASES = [renamed_field, drift, flag_and_stop]
