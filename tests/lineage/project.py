"""A small dbt project on a lake, made of texts, and what `tarn dbt` says of it."""
import json
import os
import pathlib
import subprocess

TARN = os.environ.get("TARN_BIN") or str(pathlib.Path(__file__).resolve().parents[2] / "build/release/tarn")
PROJECT = "name: shop\nprofile: shop\nversion: '1.0'\nmacro-paths: [macros]\n"
PROFILE = "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, schema: silver, threads: 2}\n"
SCHEMA_MACRO = ("{% macro generate_schema_name(name, node) %}{{ name if name else target.schema }}{% endmacro %}")
SOURCES = """
sources:
  - name: app
    schema: bronze
    tables:
      - name: users
        columns:
          - {name: id}
          - {name: email, meta: {pii: email}}
          - {name: phone, config: {meta: {pii: phone}}}
          - {name: is_ill, meta: {pii: health}}
          - {name: address.street, meta: {pii: address}}
          - {name: country}
          - {name: age}
"""
TABLES = """
CREATE TABLE bronze.users (id BIGINT, email STRING, phone STRING, is_ill BOOLEAN,
  address STRUCT<street: STRING, city: STRING>, country STRING, age INT) USING DELTA;
INSERT INTO bronze.users VALUES
  (1, 'ada@x.org', '+49 1', true, named_struct('street', 'A 1', 'city', 'Ulm'), 'DE', 36),
  (2, 'bob@y.org', '+33 2', false, named_struct('street', 'B 2', 'city', 'Lyon'), 'FR', 41);
"""


class Project:
    def __init__(self, folder, files=None, project="", tables=TABLES, sources=SOURCES):
        self.folder = pathlib.Path(folder)
        self.lake = self.folder / "lake"
        self.write("dbt_project.yml", PROJECT + project)
        self.write("profiles.yml", PROFILE)
        self.write("macros/schema.sql", SCHEMA_MACRO)
        if sources:
            self.write("models/sources.yml", sources)
        for name, text in (files or {}).items():
            self.write(name, text)
        if tables:
            self.sql(tables, "--dialect", "spark")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def sql(self, text, *options):
        done = subprocess.run([TARN, "sql", "--lake", str(self.lake), "--create-lake", "--no-fsync", *options,
                               "--format", "ndjson", "-c", text], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def dbt(self, *arguments, env=None):
        """(exit code, everything it said)"""
        head = [TARN, "dbt"]
        words = list(arguments)
        done = subprocess.run(head + words + ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder),
                                              "--lake", str(self.lake), "--no-fsync"],
                              capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=300)
        return done.returncode, done.stdout + done.stderr

    def manifest(self):
        return json.loads((self.folder / "target/manifest.json").read_text())

    def results(self):
        return json.loads((self.folder / "target/run_results.json").read_text())["results"]
