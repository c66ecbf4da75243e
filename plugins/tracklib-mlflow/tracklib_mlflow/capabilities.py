"""What MLflow holds, and how well, with the companions that stand beside it."""

from __future__ import annotations

from tracklib.backends.capabilities import EXACT, Capabilities, Encoding, Feature, Limits, lossy
from tracklib_mlflow import names, texts
from tracklib_mlflow.points import NS

__all__ = ["CAPABILITIES"]


def _to_milliseconds(nanoseconds: int) -> int:
    """Return a time as it is read back: in whole milliseconds."""
    return nanoseconds // NS * NS


CAPABILITIES = Capabilities(
    # MLflow's own forms are narrower than this: see the README for what goes beside them, and where.
    features=dict.fromkeys(Feature, EXACT)
    | {Feature.TIME_OF_POINT: lossy("MLflow's times of points are milliseconds", _to_milliseconds)},
    limits=Limits(batch_records=1000, name_chars=names.MAX_NAME, param_chars=texts.MAX_PARAM, tag_chars=texts.MAX_TAG),
    names=Encoding(
        "characters that MLflow refuses are written :HEX:; a name beyond 250 characters is cut and ends in its digest, "
        "with the whole of it in tracklib/text/<digest>.txt",
        names.encode,
        names.decode,
    ),
    idempotent=True,
)
