"""Metrics of the tasks, as manifests and tables show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        key: in manifests: "top1".
        title: in tables, without the unit: "top-1".
        unit: "%" for a share of 1, which is shown in percent; empty for a plain number.
        digits: decimal places of a plain number; 0 for three significant digits.
        higher_is_better: its direction; False for a loss or a perplexity.
    """

    key: str
    title: str
    unit: Literal["%", "dB", "nats", ""]
    digits: int = 1
    higher_is_better: bool = True

    @property
    def heading(self) -> str:
        """`top-1 %`."""
        return f"{self.title} {self.unit}".rstrip()

    def words(self, value: float) -> str:
        """Return `value` in its unit, without the unit's name: "83.8"."""
        if self.unit == "%":
            return f"{100 * value:.1f}"
        return f"{value:.{self.digits}f}" if self.digits else f"{value:.3g}"

    def lost(self, reference: float, actual: float) -> float:
        """Return the loss of `actual` against `reference`: absolute for shares, otherwise relative to the reference."""
        lost = reference - actual if self.higher_is_better else actual - reference
        return lost if self.unit == "%" else lost / abs(reference)


TOP1 = Metric(key="top1", title="top-1", unit="%")
TOP5 = Metric(key="top5", title="top-5", unit="%")
MEAN_IOU = Metric(key="mean_iou", title="mean IoU", unit="%")
AP = Metric(key="ap", title="AP", unit="%")
AP50 = Metric(key="ap50", title="AP50", unit="%")
PSNR = Metric(key="psnr_db", title="PSNR", unit="dB")
ELBO = Metric(key="elbo", title="ELBO", unit="nats")
ACCURACY = Metric(key="accuracy", title="accuracy", unit="%")
R2 = Metric(key="r2", title="R2", unit="", digits=4)
MAE = Metric(key="mae", title="MAE", unit="", digits=0, higher_is_better=False)
RMSE = Metric(key="rmse", title="RMSE", unit="", digits=0, higher_is_better=False)
SPEARMAN = Metric(key="spearman", title="rank correlation", unit="", digits=3)
EXACT_MATCH = Metric(key="exact_match", title="exact match", unit="%")
FOUND_TOKENS = Metric(key="found_tokens", title="hidden tokens found", unit="%")
PERPLEXITY = Metric(key="perplexity", title="perplexity", unit="", digits=3, higher_is_better=False)
AUC = Metric(key="auc", title="AUC", unit="%")
RECONSTRUCTION_ERROR = Metric(
    key="reconstruction_error", title="reconstruction error", unit="", digits=0, higher_is_better=False
)
METRICS = (
    TOP1,
    TOP5,
    MEAN_IOU,
    AP,
    AP50,
    PSNR,
    ELBO,
    ACCURACY,
    R2,
    MAE,
    RMSE,
    SPEARMAN,
    EXACT_MATCH,
    FOUND_TOKENS,
    PERPLEXITY,
    AUC,
    RECONSTRUCTION_ERROR,
)
