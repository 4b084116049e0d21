"""ETL over frames: one task for each region. A total takes all frames at once, and a loop takes one after the other.

Each library is imported inside the tasks that need it, so the DAG file is parsed without any of them.
"""

from airflow.sdk import DAG, task

from exclusive_redis_xcom import fetch_all

REGIONS = ["north", "south", "west"]

with DAG(
    "mapped_frames",
    schedule=None,
    params={"xcom_acl": {"extract": {"return_value": ["clean", "total"]}, "clean": {"return_value": ["largest"]}}},
    doc_md=__doc__,
):

    @task
    def extract(region):
        import pandas as pd

        return pd.DataFrame({"region": region, "amount": range(1000)})

    @task
    def clean(frame):
        import polars as pl

        return pl.from_pandas(frame).filter(pl.col("amount") >= 10)

    @task
    def total(frames):
        import pandas as pd

        together = pd.concat(fetch_all(frames))  # all frames, or an error
        print("rows:", len(together), "sum:", together["amount"].sum())

    @task
    def largest(frames):
        import pyarrow.compute as pc

        for frame in frames:  # reads ahead, and holds a few frames at a time
            print(f"largest in {frame['region'][0]}:", pc.max(frame.to_arrow()["amount"]))

    extracted = extract.expand(region=REGIONS)
    total(extracted)
    largest(clean.expand(frame=extracted))
