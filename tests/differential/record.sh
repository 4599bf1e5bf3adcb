#!/bin/sh
# Records the answers of a real Spark 4.1.4 for the expressions (all files, or those named without .txt).
# Needs Java 17 and the network once, for the Python package; nothing else of the build uses this.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${TARN_CACHE:-$HOME/.cache/tarn}/spark-venv
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import pyspark' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q pyspark==4.1.4
fi
exec nice "$venv/bin/python" "$here/record.py" "$@"
