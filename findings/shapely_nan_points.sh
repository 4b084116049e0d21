#!/bin/sh
# A point whose x and y are missing (NaN) is not empty in shapely 2.1.2, and becomes an empty one in every copy of it:
# copy.copy, pickle, Well-Known Binary, and geopandas' Parquet files. The z of such a point is lost, too. Well-Known Binary
# has no other form for an empty point. geopandas makes such points of rows without coordinates.
set -eu

. "$(dirname "$0")/environment.sh"
install venv shapely==2.1.2 geopandas==1.1.4 pandas==2.3.3 numpy==2.2.6 pyarrow==23.0.1
"$dir/venv/bin/python" -W ignore - "$dir/points.parquet" <<'PY'
import copy
import pickle
import sys
from importlib.metadata import version

import geopandas
import numpy as np
import shapely

for name in ("shapely", "geopandas", "numpy"):
    print(name, version(name))
print("GEOS", shapely.geos_version_string)

rows = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy([1, np.nan], [2, np.nan], [3, 4]))
rows.to_parquet(sys.argv[1])
made = rows.geometry
found = {
    "copy.copy": [copy.copy(point) for point in made],
    "pickle": list(pickle.loads(pickle.dumps(made))),
    "from_wkb": list(shapely.from_wkb(shapely.to_wkb(made.array))),
    "Parquet": list(geopandas.read_parquet(sys.argv[1]).geometry),
    "from_wkt": list(shapely.from_wkt(shapely.to_wkt(made.array))),
}
print("made:", list(map(str, made)), "empty:", made.is_empty.tolist())
for what, points in found.items():
    print(f"{what}:", list(map(str, points)), "empty:", [point.is_empty for point in points])
empty = {what: points[1].is_empty for what, points in found.items()}
as_expected = [what for what, is_so in empty.items() if not is_so] == ["from_wkt"] and not made.is_empty.any()
sys.exit(0 if as_expected and str(made[1]) == "POINT Z (NaN NaN 4)" else 1)
PY
