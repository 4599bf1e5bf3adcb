"""Cases of Tarn alone: what dbt-duckdb has no counterpart for, or what is asked of the lake itself.

Each case takes a folder of its own and raises AssertionError with what is wrong.
"""
import json
import pathlib
import shutil

import oracle

HERE = pathlib.Path(__file__).resolve().parent


class Project:
    def __init__(self, folder, source=None):
        self.folder = pathlib.Path(folder)
        if source:
            shutil.copytree(source, self.folder, dirs_exist_ok=True)
        (self.folder / "warehouse.lake").mkdir(parents=True, exist_ok=True)

    def write(self, path, text):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def dbt(self, *words, code=0):
        done = oracle.run([oracle.TARN, "dbt", *words, "--profiles-dir", ".", "--no-fsync"], self.folder)
        assert done.returncode == code, f"{' '.join(words)}: exit code {done.returncode}, not {code}: " \
                                        f"{done.stdout[-1500:]} {done.stderr[-500:]}"
        return done

    def sql(self, text, dialect="spark"):
        done = oracle.run([oracle.TARN, "sql", "--lake", "warehouse.lake", "--dialect", dialect, "--format", "json",
                           "-q", "-c", text], self.folder)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else []

    def results(self):
        """Status by the node's name: the second and third part of its unique_id."""
        return {".".join(i.split(".")[2:3]): (s, f) for i, (s, f) in oracle.results_of(self.folder).items()}


def events(*rows):
    values = ", ".join(f"({i}, '{user}', '{session}', '{platform}', {days}, {late}, {good})"
                       for i, user, session, platform, days, late, good in rows)
    return f"INSERT INTO silver.events VALUES {values}"


def reference(work):
    """The reference's dau_by_platform and schema.yml, letter by letter."""
    project = Project(work, HERE / "reference")
    project.sql("CREATE TABLE silver.events (event_id INT, user_id_hashed STRING, "
                "session_id STRING, platform STRING, days_ago INT, is_late_arrival BOOLEAN, dq_passed BOOLEAN);"
                + events((1, "u1", "s1", "WEB", 0, "false", "true"), (2, "u1", "s1", "WEB", 0, "false", "true"),
                         (3, "u2", "s2", "WEB", 0, "false", "true"), (4, "u3", "s3", "IOS", 2, "false", "true"),
                         (5, "u4", "s4", "IOS", 5, "false", "true"), (6, "u5", "s5", "WEB", 0, "false", "false")))
    gold = "SELECT datediff(current_date(), event_date) AS day, platform, dau, total_sessions, total_events, " \
           "events_per_session, late_arrival_count, failed_dq_count FROM gold.dau_by_platform ORDER BY 1, 2"

    def rows():
        return [list(row.values()) for row in project.sql(gold)]

    project.dbt("build")
    first = [[0, "WEB", 2, 2, 3, 1.5, 0, 0], [2, "IOS", 1, 1, 1, 1.0, 0, 0], [5, "IOS", 1, 1, 1, 1.0, 0, 0]]
    assert rows() == first, rows()
    assert set(s for s, _ in project.results().values()) == {"success", "pass"}, project.results()

    # Late rows: within the look-back they count, a new day's platform is added, older ones wait for a full refresh.
    project.sql(events((7, "u6", "s6", "IOS", 2, "true", "true"), (8, "u7", "s7", "ANDROID", 1, "false", "true"),
                       (9, "u8", "s8", "IOS", 5, "true", "true")))
    project.dbt("build")
    second = [first[0], [1, "ANDROID", 1, 1, 1, 1.0, 0, 0], [2, "IOS", 2, 2, 2, 1.0, 1, 0], first[2]]
    assert rows() == second, rows()
    project.dbt("build")
    assert rows() == second, f"run again: {rows()}"
    history = project.sql("DESCRIBE HISTORY gold.dau_by_platform")
    assert [h["operation"] for h in history][:2] == ["MERGE", "MERGE"] and len(history) == 3, history
    project.dbt("run", "--full-refresh")
    assert [5, "IOS", 2, 2, 2, 1.0, 1, 0] in rows(), rows()

    # Each test is made to fail by data of its own.
    spoils = {
        "recency": "DELETE FROM gold.dau_by_platform WHERE event_date > date_sub(current_date(), 2)",
        "expression_is_true": "UPDATE gold.dau_by_platform SET dau = -1 WHERE platform = 'ANDROID'",
        "not_null_dau_by_platform_event_date": "UPDATE gold.dau_by_platform SET event_date = NULL "
                                               "WHERE platform = 'ANDROID'",
        "not_null_dau_by_platform_platform": "UPDATE gold.dau_by_platform SET platform = NULL WHERE dau = 2",
        "not_null_dau_by_platform_dau": "UPDATE gold.dau_by_platform SET dau = NULL WHERE platform = 'ANDROID'",
        "accepted_values": "UPDATE gold.dau_by_platform SET platform = 'web' WHERE platform = 'WEB'"}
    for name, spoil in spoils.items():
        project.dbt("run", "--full-refresh")
        project.dbt("test")
        project.sql(spoil)
        project.dbt("test", code=1)
        failed = [test for test, (status, _) in project.results().items() if status != "pass"]
        assert len(failed) == 1 and name in failed[0], f"{name}: {failed}"


CASES = [("the reference's model and tests", reference)]
