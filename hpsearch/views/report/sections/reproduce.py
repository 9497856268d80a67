"""How to get the same again: commands, versions, the study file."""

from __future__ import annotations

import platform

from hpsearch.measure.report import ReportData
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.views.formatting import command
from hpsearch.views.report.blocks import Block, Code, KeyValues, Paragraph, Section
from hpsearch.views.winner import study_file


def reproduce(data: ReportData) -> Section:
    """Returns the commands, the versions and the files that a search and its winner come from."""
    study, spec = data.study, data.spec
    name, best = study.name, study.best
    commands = [
        f"{command('run', f'{name}.yaml')}  # the search again, from the file below",
        f"{command('status', name)}  # its state",
    ]
    if not data.is_whole_grid:
        commands.append(f"{command('resume', name, add=10)}  # ten more trials")
    if best is not None:
        commands[1:1] = [
            f"{command('best', name, yaml='best.yaml')}  # the best trial as a file",
            f"{command('run', 'best.yaml')}  # and trained again",
        ]
    facts = {"seed": str(spec.seed), "database": study.storage, "trials' files": study.runs}
    facts |= {"split": data.split} if data.split else {}
    facts |= {"python": platform.python_version(), **data.versions}
    parts: list[Block] = [
        Code("Commands", "\n".join(commands)),
        KeyValues(facts),
        Paragraph(
            "With one slot, a search with these versions and this seed proposes the same settings"
            " again. With several slots, the proposals depend on timing: on which results are known"
            " when a trial is proposed."
        ),
        Code(f"{name}.yaml", to_yaml(spec.document), folded=True),
    ]
    if best is not None:
        parts.append(Code("best.yaml", study_file(spec, best, "best.yaml"), folded=True))
    return Section("Reproduce", parts)
