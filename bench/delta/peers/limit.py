"""What the hardware and DuckDB allow without a table format: bare Parquet files, bare synced files."""
import glob
import os

import duckdb
import duckdb_engines
import folders
import measure
import workloads
from workloads import COLUMNS


class Peer:
    version = "DuckDB " + duckdb.__version__

    def __init__(self, place):
        self.place = place
        self.connection = duckdb_engines.connect()

    def copy(self, select, name, options):
        folder = folders.fresh(self.place, "limit/" + name)
        target = folder if "PARTITION_BY" in options else folder + "/one.parquet"
        sql = f"COPY ({select}) TO '{target}' (FORMAT parquet, COMPRESSION snappy{options})"
        return measure.measured(lambda: self.connection.execute(sql) and None, folder)

    def W1(self):
        return self.copy(f"SELECT {COLUMNS} FROM '{self.place.source}/*.parquet'", "w1", ", PARTITION_BY (date)")

    def W2(self):
        """Per commit two files of a small commit's size, each synced."""
        folder, payload = folders.fresh(self.place, "limit/w2"), b"x" * 1500

        def run():
            for number in range(workloads.COMMITS):
                for name in (f"d{number}.parquet", f"{number:020d}.json"):
                    file = os.open(f"{folder}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                    os.write(file, payload)
                    os.fsync(file)
                    os.close(file)
        return measure.measured(run, folder)

    def W3(self, log, kind):
        folder = self.place.log(log) + "/_delta_log/"
        if log == "log10k":
            source = (f"(SELECT add FROM read_json('{folder}*.json', format = 'newline_delimited', columns = "
                      "{add: 'STRUCT(path VARCHAR, \"partitionValues\" STRUCT(date VARCHAR), size BIGINT, stats VARCHAR)'})"
                      " WHERE add IS NOT NULL)")
            day = 'add."partitionValues".date'
        else:
            source = f"(SELECT add FROM '{folder}*.checkpoint.parquet' WHERE add.path IS NOT NULL)"
            day = "add.\"partitionValues\"['date']"
        where = {"list": "true", "partition": f"{day} = '{workloads.LOG_DATE}'",
                 "statistics": f"(add.stats->>'$.maxValues.user_id')::BIGINT >= {workloads.LOG_USER}"}[kind]
        sql = f"SELECT add.path AS path, add.size AS size, {day} AS day FROM {source} WHERE {where}"
        return measure.measured(lambda: dict(answer=len(self.connection.execute(sql).fetchnumpy()["path"])))

    def W4(self, kind):
        files = sorted(glob.glob(self.place.base + "/date=*/*.parquet"))
        if kind == "filter":
            files = [file for file in files if "date=" + workloads.FILTER_DATE in file]
        table = f"read_parquet({files}, hive_partitioning = true)"
        return measure.measured(lambda: duckdb_engines.rows_of(self.connection, self.place.query(kind, table)))

    def W5(self, kind):
        """The rewrite of every file that a MERGE without deletion vectors would touch."""
        source, where = (self.place.spread, "") if kind == "spread" else (
            self.place.narrow, f"WHERE date >= DATE '{workloads.NARROW_FROM}'")
        columns = ", ".join(f"coalesce(s.{name}, t.{name}) AS {name}" for name in COLUMNS.split(", "))
        target = f"(SELECT * FROM read_parquet('{self.place.base}/date=*/*.parquet', hive_partitioning = true) {where})"
        return self.copy(f"SELECT {columns} FROM {target} t FULL JOIN '{source}' s USING (event_id)", "w5",
                         ", PARTITION_BY (date)")

    def W7(self, kind):
        if kind == "compact":
            return self.copy(f"FROM '{self.place.small}/*.parquet'", "w7", "")
        return self.copy(f"FROM read_parquet('{self.place.base}/date=*/*.parquet', hive_partitioning = true) "
                         "ORDER BY date, user_id, ts", "w7z", ", PARTITION_BY (date)")

    def TPCH(self):
        for table in workloads.TPCH_TABLES:
            self.connection.execute(f"CREATE VIEW {table} AS FROM '{self.place.tpch}/{table}/*.parquet'")

        def run():
            each = []
            for query in self.place.tpch_queries():
                before = measure.time.process_time()
                self.connection.execute(query).fetchall()
                each.append(round(measure.time.process_time() - before, 3))
            return dict(each=each)
        return measure.measured(run)
