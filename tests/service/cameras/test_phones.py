"""Numbers that somebody answers, and those that reach nobody; alike wherever one is typed."""

import pytest
from pydantic import TypeAdapter, ValidationError

from service.cameras.bulk import BulkPatch
from service.cameras.models import CameraPatch, Contact
from service.imports.models import ImportDefaults

GOOD = """
0571-88888888 | 057188888888 | 010-8888 8888 | (0571)8888-8888 | （０５７１）８８８８８８８８
0398-6123456 | 0571-88888888-8512 | 0571-88888888转8512 | 0571-88888888 ext. 12
+86 571 8888 8888 | +86-10-88888888
0086 571 88888888 | +86 138 0013 8000 | 13800138000 | 138-0013-8000 | 19912345678
110 | 119 | 120 | 12345 | 12379 | 0571-12345 | 96345 | 95598 | 10086 | 400-123-4567 | 8008201234
"""
BAD = """
8796 | 123 | 0571-8512 | 88888888 | 1380013800 | 138001380001 | 12800138000 | - | 0 | 电话
000-0000000 | 0571-88888888, 13800138000 | 8512 0571 | 11111111111 | 0571- | +1 202 555 0100
0571-888888888 | 12
"""


def _each(words: str) -> list[str]:
    return [one.strip() for line in words.strip().splitlines() for one in line.split("|")]


@pytest.mark.parametrize("said", _each(GOOD))
def test_a_number_that_somebody_answers_is_kept_as_typed(said: str) -> None:
    assert TypeAdapter(Contact).validate_python(said) == said


@pytest.mark.parametrize("said", _each(BAD))
def test_what_reaches_nobody_is_refused_wherever_it_is_typed(said: str) -> None:
    for model in (CameraPatch, BulkPatch, ImportDefaults):
        with pytest.raises(ValidationError) as caught:
            model.model_validate({"contact_number": said})
        [one] = caught.value.errors()
        assert one["type"] == "contact_number"
        assert "area code" in one["msg"]
