"""Where in a project an exception arose."""

from __future__ import annotations

import re

import pytest
import yaml

from hpsearch.classes.source import line_in_project


def test_an_error_in_an_installed_package_has_the_line_there_unless_the_project_has_one() -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.safe_load("[")
    assert re.fullmatch(r" \(test_source\.py, line \d+\)", line_in_project(caught.value))
    below = caught.value.__traceback__
    assert below
    caught.value.__traceback__ = below.tb_next
    assert re.fullmatch(r" \(parser\.py, line \d+\)", line_in_project(caught.value))
