"""What can be chosen about composed images, with the defaults."""

from typing import Literal

from pydantic import Field, field_validator

from jetimg.common.schema import StrictModel

# Objects in an image; a file has room for so many jets in an event (jetimg/event_file/layout.py).
MOST = 1000


class Composition(StrictModel):
    """How images are composed."""

    objects: tuple[int, int] = Field(default=(12, 20), description="least and most objects of an image")
    background: str = Field(
        default="", description="sample whose events, without objects, lie under the images; empty: nothing does"
    )
    mask: Literal["ellipse", "hits"] = Field(
        default="ellipse",
        description="of an object: the pixels of its ellipse of second moments, or all pixels where it deposits energy",
    )
    flip_eta: float = Field(default=0.5, ge=0, le=1, description="probability that an object is mirrored in eta")
    rotate: bool = Field(default=True, description="objects are turned about the beam by a random number of pixels")
    shift: int = Field(default=1, ge=0, description="most pixels that an object is shifted in eta, either way")

    @field_validator("objects")
    @classmethod
    def _range(cls, objects: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= objects[0] <= objects[1] <= MOST:
            raise ValueError(f"1 to {MOST}, the least first")
        return objects
