"""What is read from files and configurations: one kind of model for all of it."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """No unknown keys, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
