"""DuckDB from its Python package, with the extensions that come as packages."""
import duckdb


def connect(extensions=()):
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET memory_limit = '6GB'")
    if extensions:
        import duckdb_extensions
        for extension in extensions:
            try:
                connection.execute(f"LOAD {extension}")
            except duckdb.Error:
                duckdb_extensions.import_extension(extension)
                connection.execute(f"LOAD {extension}")
    return connection


def rows_of(connection, sql):
    return dict(answer=len(connection.execute(sql).fetchall()))
