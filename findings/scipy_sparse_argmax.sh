#!/bin/sh
# For the row [0, NaN, 1], `argmax` of scipy 1.17.1's sparse arrays returns 0, the place of neither the NaN nor the maximum. `max` is NaN.
# NumPy returns the place of the NaN, and `nanargmax` that of the maximum. In rows without zeros, sparse arrays do as NumPy does.
set -eu

. "$(dirname "$0")/environment.sh"
install venv scipy==1.17.1 numpy==2.4.6
"$dir/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import scipy.sparse as sp

print({name: version(name) for name in ("scipy", "numpy")})
seen = []
for row in ([0, np.nan, 1], [2, np.nan, 1], [0, 1, np.nan], [-1, 0, np.nan]):
    dense = np.array([row])
    kinds = [getattr(sp, f"{name}_array")(dense) for name in ("csr", "csc", "coo")]
    seen.append(([int(kind.argmax(axis=1)[0]) for kind in kinds], [int(kind.argmin(axis=1)[0]) for kind in kinds], int(dense.argmax())))
    print(f"{row}: argmax, argmin of csr, csc and coo {seen[-1][:2]}, NumPy {seen[-1][2]}, max {kinds[0].max()}")
places = [(largest, numpys) for largest, _, numpys in seen]
sys.exit(0 if places == [([0] * 3, 1), ([1] * 3, 1), ([0] * 3, 2), ([1] * 3, 2)] else 1)
PY
