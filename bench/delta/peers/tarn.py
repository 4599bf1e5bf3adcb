"""Tarn as its users drive it: the process `tarn sql`, SQL in, nothing linked.

Its start (about 0.02 s) and its end are left out as the others' are: the process runs `SELECT 1`,
then waits for its scripts, each of which comes through a named pipe; the pipe is opened by Tarn when
the script before it has ended, and that is when its CPU clock is read. One more pipe, for an empty
script, stands behind the last. W10 has its processes start and end inside the measurement, as the
others do there.
"""
import os
import resource
import shutil
import subprocess
import tempfile
import time

import folders
import measure
import workloads
from workloads import COLUMNS, DDL

BINARY = os.environ["TARN_BIN"]
VERSION = subprocess.run([BINARY, "version"], capture_output=True, text=True).stdout.split("\n")[0]


class Process:
    """One `tarn sql` that takes `scripts` scripts."""

    def __init__(self, lake, schema, scripts, options=()):
        os.makedirs(f"{lake}/{schema}", exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix="tarn-bench-")
        self.pipes = [f"{self.folder}/{number}" for number in range(scripts + 1)]
        for pipe in self.pipes:
            os.mkfifo(pipe)
        self.errors = open(self.folder + "/errors", "w+")
        self.output = open(self.folder + "/output", "w+")
        command = [BINARY, "sql", "--lake", lake, "--schema", schema, "--dialect", "duckdb", "--quiet",
                   "--no-progress", "--format", "csv", "--threads", "2", *(options if "--memory" in options else ["--memory", "6GB", *options]), "-c", "SELECT 1"]
        for pipe in self.pipes:
            command += ["-f", pipe]
        self.process = subprocess.Popen(command, stdout=self.output, stderr=self.errors, stdin=subprocess.DEVNULL)
        self.next = 0
        self.script = self._wait_for_reader()

    def _wait_for_reader(self):
        """Returns the pipe once Tarn has come to it; raises when it has ended instead."""
        while True:
            try:
                return os.fdopen(os.open(self.pipes[self.next], os.O_WRONLY | os.O_NONBLOCK), "w")
            except OSError:
                if self.process.poll() is not None:
                    self._fail()
                time.sleep(0.0005)

    def _fail(self):
        self.errors.seek(0)
        text = self.errors.read().strip()
        shutil.rmtree(self.folder, ignore_errors=True)
        raise RuntimeError(text[:400] or f"tarn ended with {self.process.returncode}")

    def cpu(self):
        return measure.process_cpu(self.process.pid)

    def run(self, sql):
        """Hands over the next script and waits for its end."""
        os.set_blocking(self.script.fileno(), True)
        self.script.write(sql)
        self.script.close()
        self.next += 1
        self.script = self._wait_for_reader()

    def cost(self):
        """CPU seconds so far, and the peak of memory in MiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        return self.cpu(), peak / 1024

    def end(self):
        """Waits for the process to end; then `lines` holds what it printed."""
        self.script.write("-- the end")
        self.script.close()
        if self.process.wait():
            self._fail()
        self.output.seek(0)
        self.lines = self.output.read().split("\n")
        shutil.rmtree(self.folder, ignore_errors=True)


def one_script(lake, schema, sql, prepare="", options=()):
    """Prepares unmeasured; what it returns measures one script. The process is the caller's to end."""
    process = Process(lake, schema, 2, options)
    process.run(prepare or "SELECT 1;")

    def run():
        before = process.cpu()
        process.run(sql)
        cpu, peak = process.cost()
        return dict(figures=dict(cpu=cpu - before, peak_mib=peak))
    return run, process


class Peer:
    version = VERSION

    def __init__(self, place):
        self.place = place
        self.lake = place.work + "/tarn"

    def own(self, name):
        folders.fresh(self.place, f"tarn/bench/{name}", make=False)
        return f"{self.lake}/bench/{name}"

    def base(self, name):
        """A copy of the events as Tarn writes them, made once per run."""
        made = f"{self.place.root}/tarn-base/bench/events"
        if not os.path.isdir(made + "/_delta_log"):
            shutil.rmtree(os.path.dirname(os.path.dirname(made)), ignore_errors=True)
            process = Process(os.path.dirname(os.path.dirname(made)), "bench", 1)
            process.run(self.create("events", "PARTITIONED BY (date)") + self.append("events"))
            process.end()
        return folders.copied(self.place, made, f"tarn/bench/{name}")

    def create(self, table, clauses=""):
        return f"CREATE TABLE {table} ({DDL}) {clauses};\n"

    def append(self, table):
        return f"INSERT INTO {table} SELECT {COLUMNS} FROM read_parquet('{self.place.source}/*.parquet');\n"

    def script(self, sql, table=None, prepare="", lake=None, schema="bench", options=()):
        run, process = one_script(lake or self.lake, schema, sql, prepare, options)
        sample = measure.measured(run, table)
        process.end()
        return sample

    def W1(self):
        table = self.own("w1")
        return self.script(self.create("w1", "PARTITIONED BY (date)") + self.append("w1"), table)

    def _commits(self, name, count, blocks):
        table = self.own(name)
        process = Process(self.lake, "bench", blocks + 1)
        process.run(self.create(name) + f"CREATE TEMP TABLE hundred AS SELECT {COLUMNS} FROM '{self.place.hundred}';\n")

        def run():
            marks = [process.cpu()]
            start = marks[0]
            for _ in range(blocks):
                process.run(f"INSERT INTO {name} SELECT * FROM hundred;\n" * (count // blocks))
                marks.append(process.cpu())
            cpu, peak = process.cost()
            each = [1000 * (b - a) / (count // blocks) for a, b in zip(marks, marks[1:])]
            return dict(figures=dict(cpu=cpu - start, peak_mib=peak), first_ms=each[0], last_ms=each[-1],
                        each_ms=[round(ms, 2) for ms in each])
        sample = measure.measured(run, table)
        process.end()
        return sample

    def W2(self):
        return self._commits("w2", workloads.COMMITS, 4)

    def W2_10k(self):
        return self._commits("w2long", 10_000, 10)

    def _log(self, log, kind):
        sql = {"list": f"SELECT count(path), sum(size) FROM delta_files('{self.place.log(log)}');",
               "partition": f"EXPLAIN SELECT * FROM {log} WHERE date = DATE '{workloads.LOG_DATE}';",
               "statistics": f"EXPLAIN SELECT * FROM {log} WHERE user_id >= {workloads.LOG_USER};"}[kind]
        run, process = one_script(self.place.lake, "logs", sql, options=["--read-only"])
        sample = measure.measured(run)
        process.end()
        sample["extra"] = dict(answer=self._files(process.lines) if kind != "list" else process.lines[-2])
        return sample

    @staticmethod
    def _files(plan):
        """'2740 of 1000000' out of a plan, whose boxes may break the line."""
        words = " ".join(line.strip(' │"') for line in plan).split("Files: ")[1].split()
        return " ".join(words[:3])

    def W3(self, log, kind):
        return self._log(log, kind)

    def W4(self, kind):
        return self.script(self.place.query(kind, "base") + ";", lake=self.place.lake, options=["--read-only"])

    def _merge(self, name, source, also):
        table = self.base(name)
        return self.script(f"MERGE INTO {name} t USING (FROM '{source}') s ON {also} t.event_id = s.event_id "
                           "WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;", table)

    def W5(self, kind):
        if kind == "spread":
            return self._merge("w5", self.place.spread, "")
        return self._merge("w5", self.place.narrow, f"t.date >= DATE '{workloads.NARROW_FROM}' AND")

    def W6(self):
        return self.script("DELETE FROM w6 WHERE user_id % 1000 = 7;", self.base("w6"))

    def W7(self, kind):
        if kind == "compact":
            return self.script("OPTIMIZE w7;", folders.copied(self.place, self.place.small, "tarn/bench/w7"))
        return self.script("OPTIMIZE w7z ZORDER BY (user_id, ts);", self.base("w7z"))

    def W8(self, kind):
        table = folders.copied(self.place, self.place.stale, "tarn/bench/w8")
        return self.script("VACUUM w8 RETAIN 168 HOURS" + (" DRY RUN;" if kind == "dry" else ";"), table)

    def W9(self):
        sql = "SELECT count(*), count(DISTINCT event_id) FROM table_changes('bench.changes', 1, 100);"
        return self.script(sql, lake=self.place.lake, options=["--read-only"])

    def W10(self):
        table = self.own("w10")
        process = Process(self.lake, "bench", 1)
        process.run(self.create("w10"))
        process.end()
        sql = (f"CREATE TEMP TABLE hundred AS SELECT {COLUMNS} FROM '{self.place.hundred}';\n" +
               "INSERT INTO w10 SELECT * FROM hundred;\n" * workloads.COMMITS_PER_WRITER)
        command = [BINARY, "sql", "--lake", self.lake, "--schema", "bench", "--dialect", "duckdb", "-q", "-c", sql]

        def run():
            writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(workloads.WRITERS)]
            errors = {writer.communicate()[1].strip()[:160] for writer in writers} - {""}
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            commits = len([name for name in os.listdir(table + "/_delta_log") if name.endswith(".json")]) - 1
            return dict(committed=commits, errors=sorted(errors), figures=dict(peak_mib=peak))
        return measure.measured(run, table)

    def TPCH(self):
        queries = self.place.tpch_queries()
        process = Process(self.place.lake, "tpch", len(queries), ["--read-only"])

        def run():
            marks = [process.cpu()]
            start = marks[0]
            for query in queries:
                process.run(query + ";\n")
                marks.append(process.cpu())
            cpu, peak = process.cost()
            return dict(figures=dict(cpu=cpu - start, peak_mib=peak),
                        each=[round(b - a, 3) for a, b in zip(marks, marks[1:])])
        sample = measure.measured(run)
        process.end()
        return sample
