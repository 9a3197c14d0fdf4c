"""A resolved job as YAML."""

from __future__ import annotations

from io import StringIO
from typing import Any


def to_yaml(value: Any) -> str:
    """Plain values as block YAML, lists of plain values on one line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedSeq

    def styled(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {key: styled(inner) for key, inner in entry.items()}
        if isinstance(entry, list):
            sequence = CommentedSeq(styled(inner) for inner in entry)
            if not any(isinstance(inner, dict) for inner in entry):
                sequence.fa.set_flow_style()
            return sequence
        return entry

    stream = StringIO()
    writer = YAML(typ="rt", pure=True)
    writer.width = 100
    writer.dump(styled(value), stream)
    return stream.getvalue()
