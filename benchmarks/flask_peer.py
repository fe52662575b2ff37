"""The same pipeline as people glue it together today: scikit-learn, pandas and LightGBM behind Flask.

``python -m benchmarks.flask_peer FILE`` fits and stores it; gunicorn serves `app`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import joblib
import pandas as pd
from flask import Flask, jsonify, request
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from benchmarks.tables import TABLES, frames

TREES = 200


def fit(path: str) -> None:
    """Fit the pipeline on adult and store it."""
    train, _ = frames(TABLES[0])
    frame = pd.DataFrame(train.to_dict(as_series=False))
    target = frame.pop("income")
    numbers = ["age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"]
    frame[numbers] = frame[numbers].apply(pd.to_numeric)
    categories = [name for name in frame.columns if name not in numbers]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepare = make_column_transformer((encoder, categories), remainder="passthrough")
    pipeline = make_pipeline(prepare, LGBMClassifier(n_estimators=TREES, verbosity=-1, n_jobs=1))
    joblib.dump(pipeline.fit(frame, target), path)


app = Flask(__name__)
_pipeline: Any = joblib.load(os.environ["FLASK_PEER_MODEL"]) if "FLASK_PEER_MODEL" in os.environ else None


@app.post("/predict")
def predict() -> Any:
    """One row in, one label and its probabilities out."""
    row = pd.DataFrame([request.get_json()])
    shares = _pipeline.predict_proba(row)[0]
    best = int(shares.argmax())
    return jsonify({"prediction": _pipeline.classes_[best], "probabilities": shares.tolist()})


if __name__ == "__main__":
    fit(sys.argv[1])
