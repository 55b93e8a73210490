"""Measure what a frozen encoder knows of a number: ridge regression on its vectors, before and after the transformer.

Command::

    python benchmarks/probe.py PREPARED ENCODER --label age_years

Five folds over scans; the penalty is chosen inside each training part. Prints the mean absolute error.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medical_transformer.experiments.config import InputConfig
from medical_transformer.experiments.data import UnlabelledSource, open_data
from medical_transformer.slices import Plane
from medical_transformer.tasks import load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("--label", default="age_years")
    given = parser.parse_args()
    saved = load_model(given.encoder)
    data = open_data(given.prepared, InputConfig(pool=saved.pool, modalities=saved.modalities))
    places = [place for place, scan in enumerate(data.cohort.scans) if given.label in scan.labels]
    truth = np.array([float(data.cohort.scans[place].labels[given.label]) for place in places])
    before, after = [], []
    with torch.no_grad():
        for place in places:
            features = saved.network.encode_slices(UnlabelledSource(data).volumes([place]))
            vectors = {plane: features[plane].vectors for plane in Plane}
            related = saved.network.relate_slices(vectors)
            before.append(torch.cat([vectors[plane].mean(1) for plane in Plane], 1)[0].numpy())
            after.append(torch.cat([related[plane].mean(1) for plane in Plane], 1)[0].numpy())
    for name, vectors in (("before the transformer", before), ("after the transformer", after)):
        ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
        folds = KFold(5, shuffle=True, random_state=0)
        error = np.abs(cross_val_predict(ridge, np.array(vectors), truth, cv=folds) - truth).mean()
        print(f"{name}: mean absolute error {error:.2f} on {len(truth)} scans")


if __name__ == "__main__":
    main()
