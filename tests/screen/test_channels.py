"""By which ways a picture could be found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight.screen.channels import Obstacle, content_boxes, obstacles_of_size, same_shape
from firstlight.screen.member import Facts

SIDES = st.integers(16, 4000)


@given(width=SIDES, height=SIDES, side=st.sampled_from([64, 256, 384, 512]))
def test_the_box_of_a_bordered_picture_is_where_it_was_pasted(width: int, height: int, side: int) -> None:
    scale = side / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (side - inner[0]) // 2, (side - inner[1]) // 2
    boxes = content_boxes((side, side), (width, height))
    if same_shape((side, side), (width, height)):
        assert not boxes  # too nearly square for a border
    else:
        assert (left, top, left + inner[0], top + inner[1]) in boxes
        assert all(0 <= x0 < x1 <= side and 0 <= y0 < y1 <= side for x0, y0, x1, y1 in boxes)


@given(width=SIDES, height=SIDES, longer=st.integers(16, 4000))
def test_a_picture_that_was_only_resized_has_the_same_shape(width: int, height: int, longer: int) -> None:
    scale = longer / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    assert same_shape(size, (width, height))
    assert same_shape(size[::-1], (width, height))  # EXIF turns it


@pytest.mark.parametrize(
    ("size", "original", "bordered", "wanted"),
    [
        ((256, 256), (640, 480), True, Obstacle.BORDERED),
        ((256, 256), (640, 480), False, Obstacle.CROPPED),
        ((256, 192), (640, 480), False, Obstacle(0)),
        ((128, 96), (640, 480), False, Obstacle.SMALL),
        ((640, 480), (640, 480), False, Obstacle(0)),
        ((256, 256), (0, 0), False, Obstacle(0)),
    ],
)
def test_what_the_recorded_size_says(
    size: tuple[int, int], original: tuple[int, int], bordered: bool, wanted: Obstacle
) -> None:
    assert obstacles_of_size(size, Facts(width=original[0], height=original[1]), bordered) == wanted
