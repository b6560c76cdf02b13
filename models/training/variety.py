"""What the training mixes in: the share of each ingredient.

Every share can be 0, so that an ablation can leave one ingredient out.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """Shares 0-1 of where an ingredient is used; 0 leaves it out."""

    pasted: float = 0.45
    """Of roads without hazards: so many get some pasted in."""
    pasted_elsewhere: float = 0.2
    """Of hazard-free pictures of the fire sets; few: as they are they teach what is none."""
    emptied: float = 0.25
    """Of pictures with a hazard, but for forests: the part beside it, where nothing burns."""
    decoys: float = 0.35
    """Of pastes: a piece of another road, unlabelled."""
    pairs: float = 0.25
    """Of pasted flames: smoke rises above them, both labelled."""
    drawn_pastes: float = 0.15
    """Of pasted flames and smoke: drawn, not cut out of a picture."""
    night: float = 0.3
    """Of pictures with pastes: darkened first, so that the fire is the light."""
    lookalikes: float = 0.25
    """Of hazard-free pictures without pastes: given lights, orange things, haze, dust."""
    lookalikes_elsewhere: float = 0.1
    """Of all other pictures: given the same."""
    camera_look: float = 1.0
    """Of samples: seen by a poor camera, in so far as each fault's own chance allows."""
    drawn: float = 0.12
    """Of all pictures: drawn stills. Enough to find drawn rocks, too few to learn drawing."""


FULL = Variety()
"""Every ingredient at its usual share."""

PLAIN = Variety(
    pasted=0.0,
    pasted_elsewhere=0.0,
    emptied=0.0,
    decoys=0.0,
    pairs=0.0,
    drawn_pastes=0.0,
    night=0.0,
    lookalikes=0.0,
    lookalikes_elsewhere=0.0,
    camera_look=0.0,
    drawn=0.0,
)
"""Nothing added: the labelled pictures alone, with the mild changes of colour and sharpness."""

INGREDIENTS = {
    "composites": ("pasted", "pasted_elsewhere", "decoys", "pairs", "night"),
    "emptied": ("emptied",),
    "lookalikes": ("lookalikes", "lookalikes_elsewhere"),
    "camera_look": ("camera_look",),
    "drawn": ("drawn", "drawn_pastes"),
}
"""What an ablation leaves out at a time: its name, and the fields that are 0 without it."""
