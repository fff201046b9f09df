"""Documents agree with the repository: links resolve, the map is whole, decisions are listed, news is valid."""

import re
from pathlib import Path
from typing import Any

import pytest

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^()\s]+)\)")
FRAGMENT = re.compile(r"^(?:\d+|\+[a-z0-9-]+)\.(?P<type>[a-z]+)(?:\.\d+)?\.md$")
DECISION = re.compile(r"^\d{4}-[a-z0-9-]+\.md$")


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def _anchors(document: Path) -> set[str]:
    lines = document.read_text("utf-8").splitlines()
    return {_anchor(line.lstrip("#")) for line in lines if re.match(r"#{1,6} ", line)}


def _broken_links(root: Path, document: Path) -> list[str]:
    broken = []
    text = re.sub(r"```.*?```", "", (root / document).read_text("utf-8"), flags=re.DOTALL)
    for target in (match["target"] for match in LINK.finditer(text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (root / document).parent / path if path else root / document
        if not place.exists() or (anchor and place.suffix == ".md" and anchor not in _anchors(place)):
            broken.append(f"{document}: {target}")
    return broken


def test_every_link_of_every_document_leads_somewhere(root: Path, files: list[Path]) -> None:
    documents = [file for file in files if file.suffix == ".md"]

    assert [link for document in documents for link in _broken_links(root, document)] == []


def test_the_readmes_map_names_every_folder_of_the_root(root: Path, files: list[Path]) -> None:
    readme = (root / "README.md").read_text("utf-8")
    folders = {file.parts[0] for file in files if len(file.parts) > 1 and not file.parts[0].startswith(".")}

    assert [folder for folder in sorted(folders) if f"{folder}/" not in readme] == []


def test_every_decision_is_in_the_index_with_its_title_and_its_status(root: Path) -> None:
    folder = root / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    decisions = sorted(file for file in folder.glob("*.md") if file.name not in {"README.md", "template.md"})

    assert decisions
    for number, decision in enumerate(decisions, start=1):
        text = decision.read_text("utf-8")
        assert DECISION.match(decision.name), decision.name
        assert decision.name.startswith(f"{number:04}"), "a number is missing, or taken twice"
        assert f"]({decision.name})" in index
        assert text.startswith(f"# {number:04}: ")
        assert re.search(r"^Status: (proposed|accepted|replaced by \[)", text, flags=re.MULTILINE)
        for part in ("Context", "Decision", "Consequences", "Alternatives"):
            assert f"\n## {part}\n" in text, f"{decision.name} has no {part}"


def test_every_news_fragment_has_a_type_that_the_changelog_knows(root: Path, pyproject: dict[str, Any]) -> None:
    types = {each["directory"] for each in pyproject["tool"]["towncrier"]["type"]}

    for fragment in (root / "changes").iterdir():
        if fragment.name == "README.md":
            continue
        match = FRAGMENT.match(fragment.name)
        assert match, fragment.name
        assert match["type"] in types, fragment.name
        assert fragment.read_text("utf-8").strip(), f"{fragment.name} says nothing"


@pytest.mark.parametrize(
    ("heading", "anchor"), [("The two commands", "the-two-commands"), ("`make`, at once", "make-at-once")]
)
def test_an_anchor_is_made_as_readers_make_it(heading: str, anchor: str) -> None:
    assert _anchor(heading) == anchor
