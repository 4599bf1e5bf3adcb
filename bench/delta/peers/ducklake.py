"""DuckLake with its catalog in a DuckDB file: another table format over the same engine."""
import threading

import duckdb
import duckdb_engines
import folders
import measure
import workloads
from workloads import COLUMNS

PLAIN = ", data_inlining_row_limit 0"  # rows in files, as everywhere else


class Peer:
    version = "DuckLake on DuckDB " + duckdb.__version__

    def __init__(self, place):
        self.place = place

    def attach(self, folder):
        connection = duckdb_engines.connect(["parquet", "json", "ducklake"])
        connection.execute(f"ATTACH 'ducklake:{folder}/catalog.ducklake' AS lake (data_path '{folder}/data/'{PLAIN})")
        connection.execute("USE lake")
        return connection

    def table(self, name, partitioned=True, filled=False):
        folder = folders.fresh(self.place, "ducklake/" + name)
        connection = self.attach(folder)
        connection.execute(f"CREATE TABLE t AS SELECT {COLUMNS} FROM '{self.place.hundred}' LIMIT 0")
        if partitioned:
            connection.execute("ALTER TABLE t SET PARTITIONED BY (date)")
        if filled:
            connection.execute(self.append())
        connection.close()
        return folder

    def append(self):
        return f"INSERT INTO t SELECT {COLUMNS} FROM '{self.place.source}/*.parquet'"

    def statement(self, folder, sql):
        def run():
            connection = self.attach(folder)
            answer = duckdb_engines.rows_of(connection, sql)
            connection.close()
            return answer
        return measure.measured(run, folder)

    def W1(self):
        return self.statement(self.table("w1"), self.append())

    def W2(self):
        folder = self.table("w2", partitioned=False)
        connection = self.attach(folder)
        connection.execute(f"CREATE TEMP TABLE hundred AS SELECT {COLUMNS} FROM '{self.place.hundred}'")

        def run():
            for _ in range(workloads.COMMITS):
                connection.execute("INSERT INTO t SELECT * FROM hundred")
        return measure.measured(run, folder)

    def W4(self, kind):
        return self.statement(self.table("w4", filled=True), self.place.query(kind, "t"))

    def W5(self, kind):
        source, also = (self.place.spread, "") if kind == "spread" else (
            self.place.narrow, f"t.date >= DATE '{workloads.NARROW_FROM}' AND")
        return self.statement(self.table("w5", filled=True),
                              f"MERGE INTO t USING (FROM '{source}') s ON {also} t.event_id = s.event_id "
                              "WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT")

    def W6(self):
        return self.statement(self.table("w6", filled=True), "DELETE FROM t WHERE user_id % 1000 = 7")

    def W7(self, kind):
        folder = self.table("w7", partitioned=False)
        connection = self.attach(folder)
        connection.execute(f"CALL ducklake_add_data_files('lake', 't', '{self.place.small}/*.parquet')")
        connection.close()
        return self.statement(folder, "CALL ducklake_merge_adjacent_files('lake')")

    def W10(self):
        """Threads of one process: its catalog file takes one process at a time."""
        folder = self.table("w10", partitioned=False)
        connection, errors = self.attach(folder), []

        def writer():
            cursor = connection.cursor()
            cursor.execute("USE lake")
            for _ in range(workloads.COMMITS_PER_WRITER):
                try:
                    cursor.execute(f"INSERT INTO t SELECT {COLUMNS} FROM '{self.place.hundred}'")
                except Exception as error:  # the peer's refusal is a result
                    errors.append(str(error)[:160])

        def run():
            writers = [threading.Thread(target=writer) for _ in range(workloads.WRITERS)]
            for thread in writers:
                thread.start()
            for thread in writers:
                thread.join()
            rows = connection.execute("SELECT count(*) FROM t").fetchone()[0]
            return dict(committed=rows // workloads.ROWS_PER_COMMIT, errors=sorted(set(errors))[:3])
        return measure.measured(run, folder)
