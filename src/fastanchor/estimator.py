"""k-means as an estimator with the interface of scikit-learn, which is not imported."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._check import Called
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._types import FloatArray, IntArray, Metric, Rng, Start, Update
from fastanchor.cluster import clustered
from fastanchor.engine import METRICS, BoxesLike, choose
from fastanchor.kernels import ONCE

__all__ = ["AnchorKMeans"]

CALLED = Called(boxes="X", k="n_clusters", weights="sample_weight")


class AnchorKMeans:
    """k-means over box sizes as a scikit-learn estimator: :func:`kmeans` behind ``fit`` and ``predict``.

    It can be cloned, pickled, tuned by a search over parameters, and used as the last step of a pipeline. scikit-learn
    need not be installed.

    Parameters
    ----------
    n_clusters : int, default 9
        Number of centres.
    metric, update, init, n_init, max_iter
        As in :func:`kmeans`, with the same defaults.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        Seed or source of randomness.

    Attributes
    ----------
    cluster_centers_ : (n_clusters, 2) float64
        Widths and heights in the unit of the boxes; read-only.
    labels_ : (n,) int64
        Nearest centre of each fitted box; read-only.
    inertia_ : float
        Sum of the distances ``1 - IoU``, or of the squared Euclidean distances.
    n_iter_ : int
        Updates made.
    n_features_in_ : int
        2, the width and the height.

    Examples
    --------
    >>> boxes = [[10, 10], [12, 10], [50, 60], [54, 66], [52, 60]]
    >>> model = AnchorKMeans(2, init=[[10, 10], [50, 60]]).fit(boxes)
    >>> model.cluster_centers_
    array([[11., 10.],
           [52., 60.]])
    >>> model.predict([[9, 12], [70, 70]])
    array([0, 1])
    """

    _estimator_type = "clusterer"  # for scikit-learn before 1.6

    cluster_centers_: FloatArray
    labels_: IntArray
    inertia_: float
    n_iter_: int
    n_features_in_: int

    def __init__(
        self,
        n_clusters: int = 9,
        *,
        metric: Metric = "iou",
        update: Update = "median",
        init: Start = "random",
        n_init: int = 1,
        max_iter: int = 300,
        random_state: Rng | np.random.RandomState = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.metric = metric
        self.update = update
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: BoxesLike, y: object = None, sample_weight: ArrayLike | None = None) -> AnchorKMeans:
        """Find the centres of boxes, and return the estimator.

        Parameters
        ----------
        X : (n, 2) array-like, Boxes or BoxIndex
            Widths and heights, in any unit; a ``Boxes`` counts in pixels of its images. With ``metric="euclidean"`` any
            finite points.
        y : ignored
        sample_weight : (n,) array-like, optional
            How often each box counts; see :func:`kmeans`.

        Raises
        ------
        DataError
            If a parameter or X breaks a rule, or there are fewer distinct boxes than `n_clusters`.
        """
        self._look_at(X)
        state = self.random_state
        if isinstance(state, np.random.RandomState):
            state = int(state.randint(2**31))
        found = clustered(
            X,
            self.n_clusters,
            metric=self.metric,
            update=self.update,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            rng=_check.generator(state, "random_state"),
            progress=False,
            named=CALLED,
            weights=sample_weight,
        )
        self.cluster_centers_ = found.centers
        self.labels_ = found.labels
        self.inertia_ = found.inertia
        self.n_iter_ = found.n_iter
        self.n_features_in_ = 2
        return self

    def predict(self, X: BoxesLike) -> IntArray:
        """Return the nearest centre of each box, (n,) int64; ties go to the lowest.

        Parameters
        ----------
        X : (n, 2) array-like, Boxes or BoxIndex
            In the unit of the boxes that were fitted.

        Raises
        ------
        DataError
            If ``fit`` was not called, or X breaks a rule. The former is also scikit-learn's NotFittedError if that is
            imported.
        """
        if not hasattr(self, "cluster_centers_"):
            raise _not_fitted(f"this {type(self).__name__} has no centres yet; call fit first")
        self._look_at(X)
        _check.choice(self.metric, "metric", METRICS)
        return choose(X, metric=self.metric, argument="X", work=ONCE).labels(self.cluster_centers_, self.metric)

    def fit_predict(self, X: BoxesLike, y: object = None, sample_weight: ArrayLike | None = None) -> IntArray:
        """Fit, and return the nearest centre of each box, (n,) int64."""
        return self.fit(X, sample_weight=sample_weight).labels_

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: object) -> AnchorKMeans:
        """Set parameters by name, and return the estimator.

        Raises
        ------
        DataError
            If there is no such parameter.
        """
        legal = self._names()
        for name in params:
            if name not in legal:
                raise DataError(
                    f"{name}: not a parameter of {type(self).__name__}; the parameters are {', '.join(legal)}"
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def _look_at(self, X: object) -> None:
        """Raise for invalid arrays with the messages that scikit-learn's tools expect."""
        if not isinstance(X, np.ndarray):
            return
        if X.dtype.kind == "c":
            raise WrongTypeError("X: Complex data not supported; widths and heights are real numbers")
        if X.ndim != 2:
            raise DataError(f"X: must have shape (n, 2), got {X.shape}. Reshape your data to one box per row")
        n = X.shape[1]
        if n != 2:
            words = f"X has {n} features, but {type(self).__name__} is expecting 2 features as input"
            if n < 2:
                words += f": {n} feature(s) (shape={X.shape}) while a minimum of 2 is required, width and height"
            raise DataError(words)
        if X.dtype.kind == "f" and np.isnan(X).any():
            raise DataError("X: contains NaN; widths and heights must be numbers")
        if self.metric == "iou" and X.dtype.kind in "fi" and (X < 0).any():
            raise DataError("X: Negative values in data; widths and heights must be > 0")

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        values = self.get_params()
        changed = [f"{name}={value!r}" for name, value in values.items() if value is not defaults[name].default]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="clusterer",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(positive_only=self.metric == "iou"),
        )


def _not_fitted(sentence: str) -> DataError:
    loaded = sys.modules.get("sklearn.exceptions")
    bases = (DataError,) if loaded is None else (DataError, loaded.NotFittedError)
    return type("NotFittedError", bases, {})(sentence)  # type: ignore[no-any-return]  # made here
