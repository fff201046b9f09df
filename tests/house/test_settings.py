"""Every setting is documented where it is declared, and a setting that does not exist is refused."""

import importlib
import inspect
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

PACKAGES = {"appliance", "federation", "firmware_profiles", "hil_tests", "hub", "image_build"}


def _models(files: list[Path]) -> list[type[BaseModel]]:
    configs = [file for file in files if file.name == "config.py" and file.parts[0] in PACKAGES]
    modules = [importlib.import_module(".".join(file.with_suffix("").parts)) for file in configs]
    return [
        value
        for module in modules
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, BaseModel) and value.__module__ == module.__name__
    ]


def _is_group(field: FieldInfo) -> bool:
    """Say whether the field is a group of settings, which its class describes."""
    return inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)


def test_every_setting_has_a_description(files: list[Path]) -> None:
    models = _models(files)
    if not models:
        pytest.skip("no settings yet")

    silent = [
        f"{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not (field.description or _is_group(field))
    ]

    assert silent == []


def test_a_setting_that_does_not_exist_is_refused(files: list[Path]) -> None:
    assert [model.__name__ for model in _models(files) if model.model_config.get("extra") != "forbid"] == []
