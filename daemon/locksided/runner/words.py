"""What a run is made of; the words of requests and results are the protocol's."""

from enum import StrEnum


class StepKind(StrEnum):
    """What one step starts."""

    COMPONENT = "component"
    PROCESSOR = "processor"
    COMMAND = "command"
    ACTION = "action"
    OPERATION = "operation"
