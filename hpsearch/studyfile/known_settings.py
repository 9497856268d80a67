"""Known settings: the combined priors of a space, and the settings that a file enqueues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.diagnostics import InvalidValueError, did_you_mean, in_yaml
from hpsearch.studyfile.distributions import NO_PRIOR, Choice, Distribution, FloatRange
from hpsearch.studyfile.links import InfeasibleError
from hpsearch.studyfile.space import Space

Setting = dict[str, Scalar]


def priors_of(space: Space) -> Setting:
    """Returns the values believed to be good, by parameter."""
    return {
        name: distribution.prior
        for name, distribution in space.parameters.items()
        if distribution.prior is not NO_PRIOR
    }


def expected_setting(space: Space) -> Setting | None:
    """Returns the setting that combines all priors; None for a space without priors.

    A range without a prior is at its middle, a choice at its first option. Among named branches it
    takes the first that contains a prior.
    """
    priors = priors_of(space)
    if not priors:
        return None
    setting: Setting = {}

    def suggest(name: str, distribution: Distribution) -> Scalar:
        if name in priors:
            setting[name] = priors[name]
        elif isinstance(distribution, Choice):
            inside = (option for option in distribution.options if _has_prior(name, option))
            setting[name] = next(inside, distribution.options[0])
        else:
            setting[name] = distribution.middle()
        return setting[name]

    def _has_prior(choice: str, option: Scalar) -> bool:
        return any(prior.startswith(f"{choice}.{option}.") for prior in priors)

    space.sample(suggest)
    return setting


def read_setting(space: Space, given: Any) -> Setting:
    """Returns a setting in the space's terms: full names, implied branches, exact numbers.

    Args:
        space: what is searched.
        given: values by parameter, named by its path or the end of it, as in tables. Parameters
            may be missing: the sampler proposes those.

    Raises:
        InvalidValueError: something in it is not in the space; the message names everything that is
            not.
    """
    if not isinstance(given, Mapping) or not given:
        raise InvalidValueError(
            "write a mapping of parameters to values, as in {lr: 0.003, dropout: 0.1}"
        )
    parameters = space.parameters
    setting: Setting = {}
    errors: list[str] = []
    for written, value in given.items():
        name = _full_name(str(written), parameters)
        if name is None:
            errors.append(f"no parameter is named '{written}'{did_you_mean(written, parameters)}")
        elif name in setting:
            errors.append(f"{name} has two values, under two names; leave one out")
        elif not parameters[name].contains(value):
            errors.append(
                f"{in_yaml(value)} is not a value of {name}: {described(parameters[name])}"
            )
        else:
            decimal = isinstance(parameters[name], FloatRange)
            setting[name] = float(value) if decimal else value
    for choice in space.branch_parameters:
        errors += _take_branch(choice, setting)
    if errors:
        raise InvalidValueError("; ".join(errors))
    return setting


def broken_constraint(space: Space, setting: Mapping[str, Scalar]) -> str:
    """Returns which constraint a setting breaks, as far as its values show it; empty for none."""
    try:
        space.sample(lambda name, _: setting[name])
    except KeyError:  # the sampler proposes what the setting leaves out
        return space.violation({}, setting)
    except InfeasibleError as error:
        return str(error)
    return ""


def described(distribution: Distribution) -> str:
    """Returns the values of a distribution in a few words: `0.0001 to 0.1`, `one of a, b`."""
    if isinstance(distribution, Choice):
        return f"one of {', '.join(str(option) for option in distribution.options)}"
    low, high = distribution.bounds()
    whole = "" if isinstance(distribution, FloatRange) else "whole numbers, "
    steps = distribution.step
    step = f" in steps of {steps:.12g}" if steps not in (None, 1) else ""
    return f"{whole}{low:.12g} to {high:.12g}{step}"


def _full_name(written: str, parameters: Mapping[str, Distribution]) -> str | None:
    """Returns the parameter with this name, or the only one whose path ends in it."""
    if written in parameters:
        return written
    ending = [name for name in parameters if name.endswith(f".{written}")]
    return ending[0] if len(ending) == 1 else None


def _take_branch(choice: str, setting: Setting) -> list[str]:
    """Takes the branch that contains the other values; returns what contradicts it."""
    inside = {
        name.removeprefix(f"{choice}.").partition(".")[0]
        for name in setting
        if name.startswith(f"{choice}.")
    }
    taken = setting.get(choice)
    others = sorted(inside - {str(taken)})
    if taken is not None and others:
        return [f"{choice} is {taken}, but values of its branch {others[0]} are given"]
    if len(inside) > 1:
        return [f"values of several branches of {choice} are given: {', '.join(sorted(inside))}"]
    if inside and taken is None:
        setting[choice] = inside.pop()
    return []
