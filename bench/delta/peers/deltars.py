"""delta-rs through its Python package; its commits are not synced to disk (no fsync), Tarn's are."""
import json
import subprocess
import sys

import deltalake
import folders
import measure
import pyarrow as arrow
import pyarrow.dataset as dataset
import pyarrow.parquet as parquet
import workloads
from deltalake import DeltaTable, QueryBuilder, write_deltalake


def rows_of(query):
    return arrow.table(query).num_rows


class Peer:
    version = "delta-rs " + deltalake.__version__

    def __init__(self, place):
        self.place = place

    def source(self):
        files = dataset.dataset(self.place.source_files())
        return arrow.RecordBatchReader.from_batches(files.schema, files.to_batches(batch_size=65536))

    def W1(self):
        table = folders.fresh(self.place, "deltars/w1", make=False)
        return measure.measured(lambda: write_deltalake(table, self.source(), partition_by=["date"]), table)

    def W2(self):
        table, rows = folders.empty_table(self.place, "deltars/w2"), parquet.read_table(self.place.hundred)

        def run():
            handle = DeltaTable(table)
            for _ in range(workloads.COMMITS):
                write_deltalake(handle, rows, mode="append")
        return measure.measured(run, table)

    def W3(self, log, kind):
        predicate = {"list": None, "partition": f"date = '{workloads.LOG_DATE}'",
                     "statistics": f"user_id >= {workloads.LOG_USER}"}[kind]
        options = dict(file_pruning_predicate=predicate) if predicate else {}
        return measure.measured(lambda: dict(answer=len(DeltaTable(self.place.log(log)).file_uris(**options))))

    def W4(self, kind):
        sql = self.place.query(kind, "t")
        return measure.measured(lambda: dict(answer=rows_of(
            QueryBuilder().register("t", DeltaTable(self.place.base)).execute(sql))))

    def W5(self, kind):
        table = folders.copied(self.place, self.place.base, "deltars/w5")
        file, also = (self.place.spread, "") if kind == "spread" else (
            self.place.narrow, f"t.date >= '{workloads.NARROW_FROM}' AND ")

        def run():
            merge = DeltaTable(table).merge(parquet.read_table(file), also + "t.event_id = s.event_id",
                                            source_alias="s", target_alias="t")
            merge.when_matched_update_all().when_not_matched_insert_all().execute()
        return measure.measured(run, table)

    def W6(self):
        table = folders.copied(self.place, self.place.base, "deltars/w6")
        return measure.measured(lambda: DeltaTable(table).delete("user_id % 1000 = 7") and None, table)

    def W7(self, kind):
        if kind == "compact":
            table = folders.copied(self.place, self.place.small, "deltars/w7")
            return measure.measured(lambda: DeltaTable(table).optimize.compact() and None, table)
        table = folders.copied(self.place, self.place.base, "deltars/w7z")
        return measure.measured(lambda: DeltaTable(table).optimize.z_order(["user_id", "ts"]) and None, table)

    def W8(self, kind):
        table = folders.copied(self.place, self.place.stale, "deltars/w8")
        return measure.measured(lambda: dict(answer=len(
            DeltaTable(table).vacuum(retention_hours=168, dry_run=kind == "dry", full=True))))

    def W9(self):
        return measure.measured(lambda: dict(answer=rows_of(
            DeltaTable(self.place.changes).load_cdf(starting_version=1, ending_version=100))))

    def W10(self):
        table = folders.empty_table(self.place, "deltars/w10")

        def run():
            command = [sys.executable, sys.argv[0], "writer", __name__, table, self.place.hundred]
            writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(workloads.WRITERS)]
            errors = {error for writer in writers for error in json.loads(writer.communicate()[0])}
            return dict(committed=DeltaTable(table).version(), errors=sorted(errors)[:3])
        return measure.measured(run, table)

    def TPCH(self):
        def run():
            builder = QueryBuilder()
            for table in workloads.TPCH_TABLES:
                builder.register(table, DeltaTable(f"{self.place.tpch}/{table}"))
            each = []
            for query in self.place.tpch_queries():
                before = measure.time.process_time()
                rows_of(builder.execute(query))
                each.append(round(measure.time.process_time() - before, 3))
            return dict(each=each)
        return measure.measured(run)


def writer(table, file):
    rows, errors = parquet.read_table(file), []
    for _ in range(workloads.COMMITS_PER_WRITER):
        try:
            write_deltalake(table, rows, mode="append")
        except Exception as error:  # the peer's refusal is a result
            errors.append(str(error)[:160])
    print(json.dumps(errors))

