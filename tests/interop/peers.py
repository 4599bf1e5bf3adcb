"""What the interop suites share: running Tarn's SQL, comparing rows, printing TAP.

Only the standard library, so that every peer's own virtual environment can import it.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.environ.get("TARN_ROOT", os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
TARN = os.environ.get("TARN_BIN", os.path.join(ROOT, "build", "release", "tarn"))
CACHE = os.environ.get("TARN_CACHE", os.path.expanduser("~/.cache/tarn"))


class Lake:
    """A lake in a scratch folder, removed at the end."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="tarn-interop-")
        os.makedirs(os.path.join(self.path, "silver"))

    def table(self, name):
        """Folder of silver.<name>."""
        return os.path.join(self.path, "silver", name)

    def run(self, sql):
        """Runs a Spark-dialect script; the last statement's rows as dicts. Raises with the message."""
        done = subprocess.run(
            [TARN, "sql", "--lake", self.path, "--format", "ndjson", "-c", sql],
            capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"tarn sql failed ({done.returncode}): {done.stderr.strip()}\n# in: {sql}")
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def rows(self, query):
        """Rows of one query as sorted tuples of text, null as None."""
        return canonical(tuple(row.values()) for row in self.run(query))

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def text(value):
    """One cell in the form both sides print: strings as they are, null as None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def canonical(rows):
    return sorted((tuple(text(cell) for cell in row) for row in rows), key=lambda row: [(cell is None, cell) for cell in row])


def same(ours, theirs, what):
    """Raises with the first differing rows."""
    if ours == theirs:
        return
    only_ours = [row for row in ours if row not in theirs][:5]
    only_theirs = [row for row in theirs if row not in ours][:5]
    raise AssertionError(f"{what}: {len(ours)} rows here, {len(theirs)} there; only here {only_ours}, only there {only_theirs}")


def run_cases(cases, *arguments):
    """Runs (name, function) pairs with a fresh lake each and prints TAP. Exit code 1 when one failed."""
    print(f"1..{len(cases)}")
    failed = 0
    for number, (name, case) in enumerate(cases, 1):
        lake = Lake()
        start = time.monotonic()
        try:
            case(lake, *arguments)
            print(f"ok {number} - {name}")
            print(f"#   {time.monotonic() - start:.1f} s")
        except Exception as error:  # every failure is a result, the next case still runs
            failed += 1
            print(f"not ok {number} - {name}")
            lines = (str(error) or traceback.format_exc()).splitlines()[:12]
            for line in [type(error).__name__] + lines:
                print(f"#   {line[:600]}")
        finally:
            lake.remove()
            sys.stdout.flush()
    return 1 if failed else 0
