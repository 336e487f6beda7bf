#!/bin/sh
# Make the environment of the programs that benchmarks/screen.py compares with (default build/screen-rivals). It is the
# benchmark's own: nothing of it is a dependency of Firstlight. threatexchange needs a C++ compiler for pdqhash.
#
#   sh benchmarks/screen_rivals.sh [FOLDER]
set -eu

folder=${1:-build/screen-rivals}
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet threatexchange pyarrow webdataset "ray[data]" daft duckdb
"$folder/bin/python" -c "
import daft, duckdb, ray, threatexchange, webdataset
print('daft', daft.__version__, 'duckdb', duckdb.__version__, 'ray', ray.__version__)
"
