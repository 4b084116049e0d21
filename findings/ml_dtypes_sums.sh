#!/bin/sh
# The sum of 1,000 ones in ml_dtypes' bfloat16 is 256, and their mean 0.256: NumPy adds one by one, and rounds each step to 8 bits. In
# int4 the sum is -8, and the mean 0. NumPy's own float16 has 1000 and 1. `np.save` stores bfloat16, float8 and int4 as raw bytes (`V2`, `V1`), and `np.load` gives these, without an error.
set -eu

. "$(dirname "$0")/environment.sh"
install venv ml_dtypes==0.6.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
import io
import sys
from importlib.metadata import version

import ml_dtypes
import numpy as np

print({name: version(name) for name in ("ml_dtypes", "numpy")})


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    file.seek(0)
    return str(np.load(file).dtype)


seen = {}
for dtype in (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.int4, np.float16):
    ones = np.ones(1000, dtype)
    seen[dtype.__name__] = float(ones.sum()), round(float(ones.mean()), 3), saved(ones)
    print(f"{dtype.__name__}: sum of 1,000 ones {ones.sum()}, mean {ones.mean()}, after np.save and np.load {seen[dtype.__name__][2]}")
expected = {
    "bfloat16": (256, 0.256, "|V2"),
    "float8_e4m3fn": (16, 0.016, "|V1"),
    "int4": (-8, 0, "|V1"),
    "float16": (1000, 1, "float16"),
}
sys.exit(0 if seen == expected else 1)
PY
