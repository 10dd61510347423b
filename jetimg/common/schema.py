"""What is read from files and configurations: one kind of model for all of it.

The same stands in `detector.common.schema`: whoever reads event files does so without `detector`.
"""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """No unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
