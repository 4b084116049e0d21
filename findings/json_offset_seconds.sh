#!/bin/sh
# Local times before railways have offsets from UTC with seconds: Paris was 9 minutes and 21 seconds ahead. In JSON, pydantic,
# msgspec and ormsgpack drop or round these seconds, so that the moment moves by up to 32 seconds. Each in its own way.
# None of them reads what `datetime.isoformat` writes of such a moment. In UTC, all of them keep it.
set -eu

. "$(dirname "$0")/environment.sh"
install venv pydantic==2.14.3 msgspec==0.22.0 ormsgpack==1.13.1 pandas==3.1.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import msgspec
import ormsgpack
import pandas as pd
import pydantic

print({name: version(name) for name in ("pydantic", "msgspec", "ormsgpack", "pandas")})
adapter = pydantic.TypeAdapter(datetime)
WRITERS = {
    "pydantic": lambda moment: adapter.dump_json(moment).decode().strip('"'),
    "msgspec": lambda moment: msgspec.json.encode(moment).decode().strip('"'),
    "ormsgpack": lambda moment: ormsgpack.unpackb(ormsgpack.packb(moment)),
    "pandas": lambda moment: pd.Series([moment]).to_json(date_format="iso", orient="values").strip('["]'),
}
READERS = {
    "pydantic": adapter.validate_python,
    "msgspec": lambda text: msgspec.convert(text, datetime),
    "pandas": pd.Timestamp,
    "Python": datetime.fromisoformat,
}
OFFSETS = {"Paris before 1911": (0, 9, 21), "Amsterdam before 1937": (1, 19, 32), "Monrovia before 1972": (-1, 15, 30)}
moved, read = {}, {}
for place, (hours, minutes, seconds) in OFFSETS.items():
    moment = datetime(1900, 1, 1, tzinfo=timezone(timedelta(hours=hours, minutes=minutes, seconds=seconds)))
    for name, write in WRITERS.items():
        text = write(moment)
        moved[place, name] = (datetime.fromisoformat(text.replace("Z", "+00:00")) - moment).total_seconds()
        print(f"{place}, {moment.isoformat()} by {name}: {text}, {moved[place, name]:+.0f} s")
    for name, parse in READERS.items():
        try:
            read[place, name] = parse(moment.isoformat()) == moment
        except ValueError as error:
            read[place, name] = type(error).__name__
for name in READERS:
    print(f"{name} reads {moment.isoformat()}: {read[place, name]}")
in_seconds = [[moved[place, name] for name in WRITERS] for place in OFFSETS]
as_found = in_seconds == [[21, 21, 21, 0], [32, -28, -28, 0], [-30, -30, 30, 0]]
readable = [read[place, name] is True for place in OFFSETS for name in READERS]
sys.exit(0 if as_found and readable == [False, False, False, True] * 3 else 1)
PY
