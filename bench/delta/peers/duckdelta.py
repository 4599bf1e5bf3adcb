"""DuckDB's own delta extension: reads, and inserts into one partition; commits are not synced."""
import json
import subprocess
import sys

import duckdb
import duckdb_engines
import folders
import measure
import workloads
from workloads import COLUMNS

EXTENSIONS = ["parquet", "json", "delta"]


class Peer:
    version = "DuckDB delta " + duckdb.__version__

    def __init__(self, place):
        self.place = place
        self.connection = duckdb_engines.connect(EXTENSIONS)

    def W2(self):
        table, connection = folders.empty_table(self.place, "duckdelta/w2"), self.connection
        connection.execute(f"CREATE TABLE hundred AS SELECT {COLUMNS} FROM '{self.place.hundred}'")
        connection.execute(f"ATTACH '{table}' AS t (TYPE delta)")

        def run():
            for _ in range(workloads.COMMITS):
                connection.execute("INSERT INTO t SELECT * FROM hundred")
        return measure.measured(run, table)

    def W3(self, log, kind):
        path = self.place.log(log)
        sql = {"list": f"FROM delta_list_files('{path}')",
               "partition": f"EXPLAIN FROM delta_scan('{path}') WHERE date = DATE '{workloads.LOG_DATE}'",
               "statistics": f"EXPLAIN FROM delta_scan('{path}') WHERE user_id >= {workloads.LOG_USER}"}[kind]
        return measure.measured(lambda: duckdb_engines.rows_of(self.connection, sql))

    def W4(self, kind):
        sql = self.place.query(kind, f"delta_scan('{self.place.base}')")
        return measure.measured(lambda: duckdb_engines.rows_of(self.connection, sql))

    def W10(self):
        table = folders.empty_table(self.place, "duckdelta/w10")

        def run():
            command = [sys.executable, sys.argv[0], "writer", __name__, table, self.place.hundred]
            writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(workloads.WRITERS)]
            errors = {error for writer in writers for error in json.loads(writer.communicate()[0])}
            rows = self.connection.execute(f"SELECT count(*) FROM delta_scan('{table}')").fetchone()[0]
            return dict(committed=rows // workloads.ROWS_PER_COMMIT, errors=sorted(errors)[:3])
        return measure.measured(run, table)

    def TPCH(self):
        for table in workloads.TPCH_TABLES:
            self.connection.execute(f"CREATE VIEW {table} AS FROM delta_scan('{self.place.tpch}/{table}')")

        def run():
            each = []
            for query in self.place.tpch_queries():
                before = measure.time.process_time()
                self.connection.execute(query).fetchall()
                each.append(round(measure.time.process_time() - before, 3))
            return dict(each=each)
        return measure.measured(run)


def writer(table, file):
    connection, errors = duckdb_engines.connect(EXTENSIONS), []
    connection.execute(f"CREATE TABLE hundred AS SELECT {COLUMNS} FROM '{file}'")
    for number in range(workloads.COMMITS_PER_WRITER):
        try:
            connection.execute(f"ATTACH '{table}' AS t{number} (TYPE delta)")
            connection.execute(f"INSERT INTO t{number} SELECT * FROM hundred")
            connection.execute(f"DETACH t{number}")
        except Exception as error:  # the peer's refusal is a result
            errors.append(str(error)[:160])
    print(json.dumps(errors))

