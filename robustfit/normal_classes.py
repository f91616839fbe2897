"""Classes whose features are normal with one covariance: the model of linear discriminant analysis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustfit.linalg import Array


@dataclass(frozen=True)
class NormalClasses:
    """Class j has the share pi_j of the rows and features ~ N(m_j, S).

    means: m, `(k, q)`; covariance: S, `(q, q)`, positive definite; shares: pi, `(k,)`, positive, with sum 1. The log
    odds of two classes are linear in the features, so that logistic regression is the true model. Reference: Anderson
    (2003), An Introduction to Multivariate Statistical Analysis, 3rd ed., section 6.4.
    """

    means: Array
    covariance: Array
    shares: Array

    @property
    def logits(self) -> Array:
        """The k logits' coefficients `(1 + q, k)`, intercepts first: S^-1 m_j, log pi_j - m_j' S^-1 m_j / 2, centred.

        >>> NormalClasses(np.array([[0.0], [2.0]]), np.eye(1), np.array([0.5, 0.5])).logits
        array([[ 1., -1.],
               [-1.,  1.]])
        """
        slopes = np.linalg.solve(self.covariance, self.means.T)
        intercepts = np.log(self.shares) - 0.5 * (self.means.T * slopes).sum(0)
        coef = np.concatenate([intercepts[None], slopes])
        centred: Array = coef - coef.mean(-1, keepdims=True)
        return centred

    @property
    def coef(self) -> Array:
        """The true coefficients: of two classes the log odds of the second `(1 + q,)`, of more the logits `(1 + q, k)`.

        >>> NormalClasses(np.array([[0.0], [2.0]]), np.eye(1), np.array([0.5, 0.5])).coef
        array([-2.,  2.])
        """
        logits = self.logits
        difference: Array = logits[:, 1] - logits[:, 0]
        return difference if len(self.shares) == 2 else logits

    @property
    def moment(self) -> Array:
        """E[x x'] of a row x = (1, features), `(1 + q, 1 + q)`.

        >>> NormalClasses(np.array([[0.0], [2.0]]), np.eye(1), np.array([0.5, 0.5])).moment
        array([[1., 1.],
               [1., 3.]])
        """
        rows = np.column_stack([np.ones(len(self.shares)), self.means])
        moment: Array = rows.T @ (self.shares[:, None] * rows)
        moment[1:, 1:] += self.covariance
        return moment

    def error(self, coef: Array) -> Array:
        """The probability that two classes' sign rule, y = 1 where b0 + z'b > 0, mislabels a new row; `(*batch,)`.

        Exact: scores are normal within a class. coef: `(*batch, 1 + q)`.

        >>> two = NormalClasses(np.array([[0.0], [2.0]]), np.eye(1), np.array([0.5, 0.5]))
        >>> float(two.error(np.array([-1.0, 1.0])).round(6)), float(two.error(np.array([1.0, 0.0])))
        (0.158655, 0.5)
        """
        from scipy.special import ndtr

        size = np.abs(coef).max(-1, keepdims=True)
        coef = coef / np.where((size > 0) & np.isfinite(size), size, 1.0)  # the rule is the same, and nothing overflows
        scores = coef[..., :1] + coef[..., 1:] @ self.means.T
        width = np.sqrt(np.square(coef[..., 1:] @ np.linalg.cholesky(self.covariance)).sum(-1, keepdims=True))
        constant = np.where(scores > 0, np.inf, -np.inf)
        above = np.where(width == 0, constant, scores / np.where(width == 0, 1.0, width))
        wrong: Array = ndtr(above * [1.0, -1.0]) @ self.shares
        return wrong

    @property
    def bayes_error(self) -> float:
        """The least probability with which any rule mislabels a new row of two classes.

        >>> round(NormalClasses(np.array([[0.0], [2.0]]), np.eye(1), np.array([0.5, 0.5])).bayes_error, 6)
        0.158655
        """
        return float(self.error(self.coef))
