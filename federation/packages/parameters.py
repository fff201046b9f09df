"""The parameters of an algorithm: shown as a form at the point, checked before a task runs."""

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from federation.packages.errors import BadParameters
from federation.packages.texts import ManifestPart, Text

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "choices": (list, tuple),
}


class Option(ManifestPart):
    """One value that a parameter may have, with its name for people."""

    value: str = Field(min_length=1, max_length=128)
    label: Text


class Parameter(ManifestPart):
    """One field of the form. `choices` is a list of option values; `string` is one of them if there are any."""

    type: Literal["number", "integer", "boolean", "string", "choices"]
    label: Text
    help: Text | None = None
    unit: str = Field(default="", max_length=16, description="shown behind the field, e.g. s")
    default: JsonValue
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[Option, ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        fault = self.fault(self.default)
        if fault is not None:
            msg = f"the default does not fit: {fault}"
            raise ValueError(msg)
        return self

    def fault(self, value: JsonValue) -> str | None:
        """Return what is wrong with `value`, or None if it may stand here."""
        wrong_bool = isinstance(value, bool) != (self.type == "boolean")
        if wrong_bool or not isinstance(value, _JSON_TYPES[self.type]):
            return f"must be of type {self.type}"
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._fault_of_number(value)
        if isinstance(value, str):
            return self._fault_of_choice(value) if self.options else None
        if isinstance(value, list):
            faults = (self._fault_of_choice(item) for item in value)
            return next((fault for fault in faults if fault is not None), None)
        return None

    def json_schema(self) -> dict[str, JsonValue]:
        """Return this parameter as JSON Schema 2020-12, with `x-label`, `x-help` and `x-unit` for the form."""
        schema: dict[str, JsonValue] = {"default": self.default, "title": self.label.en}
        schema["x-label"] = self.label.model_dump()
        if self.help is not None:
            schema["x-help"] = self.help.model_dump()
        if self.unit:
            schema["x-unit"] = self.unit
        if self.minimum is not None:
            schema["minimum"] = self.minimum
        if self.maximum is not None:
            schema["maximum"] = self.maximum
        values: list[JsonValue] = [option.value for option in self.options]
        names: list[JsonValue] = [option.label.model_dump() for option in self.options]
        if self.type == "choices":
            schema |= {"type": "array", "items": {"type": "string", "enum": values}, "uniqueItems": True}
        else:
            schema["type"] = self.type
            if values:
                schema["enum"] = values
        if names:
            schema["x-option-labels"] = names
        return schema

    def _fault_of_number(self, value: float) -> str | None:
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - only NaN differs from itself
            return "must be a finite number"
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum:g}"
        return None

    def _fault_of_choice(self, value: JsonValue) -> str | None:
        allowed = [option.value for option in self.options]
        return None if value in allowed else "must be one of " + ", ".join(allowed)


def json_schema(parameters: dict[str, Parameter]) -> dict[str, JsonValue]:
    """Return the JSON Schema 2020-12 of a task's parameters."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: parameter.json_schema() for name, parameter in parameters.items()},
    }


def settle(parameters: dict[str, Parameter], given: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a value for every parameter: the given one, else its default.

    Raises BadParameters that names every unknown parameter and every value that does not fit.
    """
    known = ", ".join(parameters) or "none"
    faults = {name: f"unknown; there are {known}" for name in given if name not in parameters}
    for name, value in given.items():
        fault = parameters[name].fault(value) if name in parameters else None
        if fault is not None:
            faults[name] = fault
    if faults:
        raise BadParameters(faults)
    return {name: given.get(name, parameter.default) for name, parameter in parameters.items()}
