"""Every threshold of the rules, in one object, with the reason for each value."""

from dataclasses import dataclass
from typing import Final

from pipelines.believing import Persistence


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitSettings:
    """Of what a place is used to: a chimney, a boulder garden, the sun in one gap each evening."""

    start_s: float = 6.0
    """What a camera's first three looks show was there before. A restart doesn't begin anew: what
    rules remember is kept on the worker's disk."""
    gap_s: float = 60.0
    """Unseen for longer, a sign comes anew: its first look counts weakly, since lights and dust
    that pass are each time elsewhere. Longer than five looks, within which a hazard is believed."""
    habit_s: float = 300.0
    """Seen for so long in all without having alarmed, a sign is the place's own. A fire that
    stays weak for five minutes while it is looked at closely is rarer than a chimney."""
    spells: int = 5
    """So many alarms of one place are a habit, too; fewer may be a fire that rekindles."""
    spells_span_s: float = 2 * 86_400.0
    """Over which they must spread: embers rekindle for a day, seldom for two."""
    growth: float = 2.0
    """Area, in usual ones, that is no longer habit: a detector's boxes tremble by half."""
    margin: float = 0.2
    """Score above the usual that isn't either: scores of one chimney vary by 0.1."""
    forget_s: float = 14 * 86_400.0
    """Unseen for so long, a place is forgotten: as long as scores of candidates are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FireSettings:
    """Of ``fire``."""

    persistence: Persistence = Persistence()  # noqa: RUF009 - frozen
    habit: HabitSettings = HabitSettings()
    still_share: float = 0.1
    """Restlessness below which a light is still. Pictures of real flames that differ at all gave
    0.27 and more; lamps under noise and coding 0.05 and less."""
    still_s: float = 20.0
    """Still for ten sentry looks it is a lamp; and flames once seen to move are flames so long."""
    over_vehicle_share: float = 0.5
    """So much of its box within a moving vehicle's and it is that vehicle's light. A burning one
    stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeSettings:
    """Of ``smoke``."""

    persistence: Persistence = Persistence()  # noqa: RUF009 - frozen
    habit: HabitSettings = HabitSettings()
    still_share: float = 0.03
    """Smoke changes less than flames: real plumes gave 0.1 and more between looks 2 s apart."""
    still_s: float = 20.0
    """What looks like smoke and didn't move for ten looks is a wall or a cloud bank."""
    over_vehicle_share: float = 0.5
    """As for fire: exhaust and steam go with their vehicle."""
    fog_width: float = 0.7
    """Wider than so much of the picture it may be fog, cloud or a wet lens."""
    fog_area: float = 0.5
    """And larger than so much of it: a plume blown flat is wide and low."""
    lasts_s: float = 3.0
    """Seen without a break: a vent's puff or the dust behind a lorry is elsewhere by then. With 5 s
    drawn smoke was told of 3.2 s later, and no fewer look-alikes were."""
    wanders_share: float = 0.012
    """Of its sides, by which its edges usually wander: what fog unveils or pales has a fixed
    outline, 0.008 at most; drawn plumes wander by 0.015 and mostly 0.05 and more, real ones by
    0.3."""
    calm_wanders_share: float = 0.05
    """Likewise while nothing moves in it: a tree that fog pales is calm in nine looks of ten, and
    its box trembles by up to 0.04; drawn plumes are calm in one of five at most."""
    stirs_share: float = 0.1
    """Restlessness that is a plume's, however its outline stays: trees in fog and gauges have 0.08
    at most, real plumes 0.1 and more."""
    source_s: float = 60.0
    """Large smoke is believed if there was a fire, or a plume half as wide, so lately: fog has
    neither, and takes minutes to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebrisSettings:
    """Of ``debris``."""

    persistence: Persistence = Persistence()  # noqa: RUF009 - frozen
    habit: HabitSettings = HabitSettings(start_s=5.0, habit_s=40.0)
    """Rocks don't come and go: those that lay there are seen in the first looks, so that one
    which falls soon after isn't taken for one of them. What falls is sure within some looks; a
    corner that fog bares scores weakly for a minute before it scores enough."""
    over_vehicle_share: float = 0.5
    """A rock that is mostly a vehicle is that vehicle."""
    sure_score: float = 0.85
    """A rock as sure as this counts at once, though it may still roll, and though the background
    sees nothing new: drawn puddles, bags and dust score 0.8 at most."""
    smallest_sure: float = 0.045
    """Of the picture's width, such a rock's own: drawn ones that score so are 0.055 wide and more,
    and of people whom the masker misses, who sit or lie 46 m away, none is wider than 0.03."""
    still_s: float = 10.0
    """A thing must lie for so long: a plastic bag is blown on, a vehicle waits to turn."""
    largest_share: float = 0.5
    """Of the zone: what covers more is a change of light, or the camera has moved."""
    tallest: float = 1.3
    """Height of a thing in widths: what lies is wider than high, and who stands or sits isn't. The
    masker misses some of them, far away and at night."""
    thing_score: float = 0.6
    """A thing has no detector's score; it counts as the pack's threshold for rock."""
    shown_score: float = 0.8
    """Of a vehicle of which the detector is sure: those of drawn streets reach it at every hour,
    people from above who walked in a block 0.77."""
    shown_looks: int = 3
    """In so many looks it was sure of one, two cars that pass, and it sees what is on this road.
    Before, from above or through a dirty lens, what lies there may be somebody whom it misses."""
    smallest_share: float = 0.04
    """Of the picture's width, a thing's longer side: leaves that settle have 0.03, a tyre at 25 m
    has 0.05."""
    heap_share: float = 0.2
    """Of the picture's width: so wide are slides on a road. Somebody who lies is as wide only where
    the masker sees everybody well."""
    drops_s: float = 20.0
    """What is narrower was lost by a vehicle seen on the road so shortly before. Who lies down on
    an empty road isn't told of though the masker missed him."""
    vehicle_memory_s: float = 60.0
    """Where a vehicle stood, a thing is that vehicle for so long after it was last seen: a
    standing bus drops out of a detector's sight for ten looks and more."""
    vehicle_stands_s: float = 3.0
    """Seen in one place for more than a look's distance it stands; others pass, and what a lorry
    loses on a busy road must not be hidden by those behind it."""
    vehicle_unseen_s: float = 10.0
    """Unseen for longer, the next box in its place is another vehicle's: cars that pass one after
    the other in one lane stand nowhere."""
    vehicle_passes_s: float = 4.5
    """A passing one hides the place in its own look and the next two."""
    vehicle_overlap: float = 0.5
    """Overlap (IoU) from which a thing has the size of a vehicle seen there, and is it; what a
    lorry loses lies within its box as it drives on, and is smaller."""
    burn_memory_s: float = 60.0
    """What appears while something burns, or so soon after, is smoke's shade or scorched ground:
    in `fire_street.mp4` several such things. Rocks that the detector sees count all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedVehicleSettings:
    """Of ``stopped_vehicle``."""

    persistence: Persistence = Persistence(  # noqa: RUF009 - frozen
        hits=2, looks=3, misses_to_end=15
    )
    """It has stood for long when it is first said; half a minute behind a lorry ends nothing."""
    lone_s: float = 10.0
    """While others pass it. Who waits for another to turn stands for less (``MIN_DWELL_S``)."""
    red_light_s: float = 120.0
    """The longest red light: until then a queue, or a vehicle that nothing passes, may wait."""
    fewest_looks: int = 6
    """Sightings in its place: in one look of ten another car's box stands there by chance."""
    queue_others: int = 2
    """So many more that stand in the zone make a queue."""
    queue_after_s: float = 4.0
    """What stood for so long stands in the queue; chance seldom makes three looks agree."""
    discharge_s: float = 10.0
    """So long after a queue its last may still stand: each driver starts a second after the one
    before."""
    fewest_passers: int = 3
    """Sightings beyond it that say that traffic flows; one or two may be a box gone astray."""
    habit_stands: int = 3
    """A place where vehicles stood as often in a day is a bus stop, a stop line, a parking bay."""
    habit_factor: float = 3.0
    """Of the usual stand there: so much longer, and it is not what usually stands there."""
    habit_s: float = 86_400.0
    """A place at which nothing stood for a day is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongWaySettings:
    """Of ``wrong_way``."""

    persistence: Persistence = Persistence(hits=1, strong_hits=1, looks=1)  # noqa: RUF009 - frozen
    """One sighting sums up two seconds and more of its way."""
    lengths: float = 1.75
    """Of its own, against the direction: reversing into a space takes one or one and a half."""
    seconds: float = 2.0
    """That it must take: ten looks; a track that jumps from one car to another is quicker."""
    reversing_lengths: float = 4.0
    """For one that stood before on the picture: to park or turn, nobody reverses so far."""
    rested_s: float = 2.0
    """Who stood for so long stood."""
    crossed_s: float = 4.0
    """For one that came into the zone from beside it: overtaking ends before, mostly."""
    aside_share: float = 0.5
    """Of the way along: so far aside at most, about 27 degrees; more is turning or crossing."""
    backward_share: float = 0.1
    """Of the way in the allowed direction at most: a box that wanders goes to and fro."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObstructionSettings:
    """Of ``obstruction``."""

    persistence: Persistence = Persistence(  # noqa: RUF009 - frozen
        hits=1, strong_hits=1, looks=1, misses_to_end=15
    )
    """It has stood for long, and in six looks, when it is first said: one more says nothing new.
    Half a minute behind a lorry ends nothing."""
    permitted_s: float = 30.0
    """To let somebody out or to wait for the gate to open takes less."""
    fewest_looks: int = 6
    """As for stopped vehicles."""
    covered_share: float = 0.2
    """Of the zone under the lower half of its box: a fifth gone, and a fire engine isn't through,
    wherever the foot is."""
    inside_share: float = 0.5
    """Of the lower half of its box: so much in the zone, and it stands in it."""
    rock_s: float = 10.0
    """A rock lies where it fell; what the detector takes for one in passing doesn't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterSettings:
    """Of ``water_over_line``."""

    persistence: Persistence = Persistence()  # noqa: RUF009 - frozen
    """On top of a median: a rising river can wait 6 s, a false siren costs more."""
    sure: float = 0.5
    """On the marsh gauge's staff and board no reading that is so sure is off by .02 of a scale."""
    readings: int = 5
    """The level is the median of so many: two wrong ones, of a wave or a bird, change nothing."""
    fewest: int = 3
    """Before so many nothing is said: the median of two is a guess."""
    jump_share: float = 0.15
    """Water doesn't change by more of the scale between two looks; boats and headlights do."""
    agree_share: float = 0.05
    """Jumped readings in a row that differ by less are one place: waves are smaller, boats pass
    on."""
    jump_s: float = 120.0
    """A jump that stays for so long is a surge. Who stops before a gauge goes on sooner, or moves;
    it is the same at the first sight after a start, for nobody knows what was before."""
    fresh_s: float = 30.0
    """Within so long ``fewest`` readings must be sure: rain makes one in ten of a dry wall sure."""
    rate_per_s: float = 0.003
    """Water that wasn't seen for a while may have moved so much since, ``jump_share`` at most: a
    flash flood rises by a scale of 2 m in some minutes."""
    fall_s: float = 600.0
    """A jump from over the line to below it must stay so long: floods fall slowly, and of a scale
    that is all under water a line further down may be read."""
    margin_share: float = 0.03
    """So far below the line the water must fall to end an alarm: waves at the line don't flap."""
    hold_s: float = 3600.0
    """So long an alarm outlasts readings that say nothing: night, rain, a scale that is all under
    water. A flood doesn't end because it can't be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFaultSettings:
    """Of ``camera_fault``. The rule itself waits; looks come every 1 to 4 s."""

    persistence: Persistence = Persistence(hits=1, strong_hits=1, looks=1)  # noqa: RUF009 - frozen
    """The times below have passed before there is a sighting."""
    lost_after_s: float = 60.0
    """A camera that starts anew, or whose switch does, is back within 45 s."""
    fewest_looks: int = 5
    """So many looks show a fault, however long it lasted: two looks a minute apart prove little."""
    frozen_s: float = 20.0
    """A codec that codes nothing of a still scene refreshes its picture every 2 to 12 s."""
    black_s: float = 20.0
    """An exposure that adapts to headlights or a camera that starts is dark for seconds."""
    covered_s: float = 25.0
    """All but all is hidden: a lorry that passes before the lens does so for 20 s at most."""
    half_covered_s: float = 45.0
    """About half is hidden: a bus stands at its stop for 30 s."""
    moved_s: float = 40.0
    """So long the new scene stays: a bus is a new scene for 30 s, a patrol stays 10 to 30 s."""
    blurred_s: float = 30.0
    """A lens that seeks its focus after infrared switched finds it within 10 s."""
    hidden_share: float = 0.25
    """Of the cells with detail, with ``bared_share``: light hides 0.1 of them. A cover of 60 % of
    the picture hides 0.5, and 0.3 if most of the detail lies beside it."""
    folded_share: float = 0.5
    """Likewise, whatever edges there are: drawn cloths and bags with folds hide 0.6 and more, a
    camera that was turned 0.2 at most, a bus before half the picture 0.3."""
    bared_share: float = 0.42
    """Of the cells with any edge: without one now. A cover of 60 % bares 0.47 and more, a bus
    before half the picture 0.38 at most, fog 0.3 but for the thickest by night."""
    faded_share: float = 0.4
    """Of the cells with detail: dulled, not gone. Fog that hides so much fades 0.4 and more."""
    whole_share: float = 0.8
    """Of the cells with detail: a cloth over all of it hides 0.83 and more."""
    dark_level: float = 20.0
    """Where nine cells of ten are darker, it is night that hides."""
    other_scene: float = 0.3
    """Of the likeness (see vision/tamper): unrelated scenes 0.13, the same by other light 0.44."""
    shift_below: float = 0.8
    """Of the cells whose edges are where they were: where more are, nothing can have shifted by
    16 px of 512, and nobody need ask."""
    same_scene: float = 0.5
    """Likewise: two looks of one scene share more, also with traffic before a third of it."""
    soft_share: float = 0.58
    """Of the sharpness: a blur of 2 px of 512, at which a flame of 6 px is smeared; rain
    and other light leave 0.63 and more."""
    kept_layout: float = 0.93
    """Bright and dark lie as they did: any defocus keeps 0.97, no cover 0.9."""
    learn_s: float = 8.0
    """The first reference is 5 looks of 2 s; later ones thin out what passed by."""
    adapt_every_s: float = 15.0
    """With ``adapt_share``: dusk takes 30 minutes, a reference follows in two."""
    adapt_share: float = 0.15
    """What a look counts in the reference."""
    adopt_after_s: float = 3600.0
    """A move that somebody was told of for an hour is how the camera stands now."""
    longest_gap_s: float = 60.0
    """What lies further apart isn't one thing that lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One part a hazard."""

    fire: FireSettings = FireSettings()
    smoke: SmokeSettings = SmokeSettings()
    debris: DebrisSettings = DebrisSettings()
    stopped_vehicle: StoppedVehicleSettings = StoppedVehicleSettings()
    wrong_way: WrongWaySettings = WrongWaySettings()
    obstruction: ObstructionSettings = ObstructionSettings()
    water_over_line: WaterSettings = WaterSettings()
    camera_fault: CameraFaultSettings = CameraFaultSettings()


SETTINGS: Final = Settings()
