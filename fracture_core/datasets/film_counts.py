"""Numbers of patients, studies and images of a data set, by split and part."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from fracture_core.datasets.catalog import Dataset, studies


def counts(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count the manifest by part, with a row of part "all" at the end of each split.

    Returns:
        split, part, patients, studies, positive_studies, images, positive_images.
    """
    by_study = studies(manifest)
    by_study["positive_images"] = by_study["label"] * by_study["views"]
    whole = by_study.assign(part="all")
    tables = []
    for split in by_study["split"].unique():
        for table in (by_study, whole):
            grouped = table[table["split"] == split].groupby(["split", "part"])
            tables.append(
                grouped.agg(
                    patients=("patient", "nunique"),
                    studies=("key", "size"),
                    positive_studies=("label", "sum"),
                    images=("views", "sum"),
                    positive_images=("positive_images", "sum"),
                ).reset_index()
            )
    counted: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return counted


def inspect(dataset: Dataset) -> dict[str, Any]:
    """Return the facts of a data set for JSON: root, kind, rows (see `counts`), skipped, ignored.

    "patients" is `None` where the data name none; "ignored" is left out where there is nothing.
    """
    rows = counts(dataset.manifest).to_dict("records")
    ignored = [asdict(each) for each in dataset.ignored]
    if not dataset.patients:
        rows = [row | {"patients": None} for row in rows]
    return {
        "root": str(dataset.root),
        "kind": dataset.kind,
        "rows": rows,
        "skipped": [asdict(each) for each in dataset.skipped],
        **({"ignored": ignored} if ignored else {}),
    }
