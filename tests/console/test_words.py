"""Every phrase of every page in Russian and Polish, with the same blanks; and the language that a reader gets."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import api.console
from analytics.reports import REPORTS
from analytics.reports.metrics import METRICS
from api.console.alert_sums import BY
from api.console.alerts import ODD
from api.console.alerts import STATES as ALERT_STATES
from api.console.books import State
from api.console.devices import HEALTH, JOBS, REASONS
from api.console.devices import KINDS as DEVICE_KINDS
from api.console.events import KINDS, OUTCOMES
from api.console.frame import SHORT, WAYS
from api.console.pages.metrics import ASKED, HOLDS, OF_ALERTS, RULES
from api.console.pages.reports import heading, title_of
from api.console.pages.reservations import STATES
from api.console.pages.users import DID
from api.console.spans import WORDS
from api.console.thresholds import FIELDS, HINTS
from api.console.words import LANGUAGES, Words, preferred

PACKAGE = Path(api.console.__file__).parent


def literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def phrases() -> set[str]:
    """What the pages translate, as far as it stands in them, and what they translate of tables."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name == "t":
                    found |= set(literals(node.args[0]))
    found |= {way.title for way in WAYS} | {way.group for way in WAYS} | set(SHORT.values())
    found |= {words for words, _, _ in KINDS.values()} | {words for words, _ in STATES.values()}
    found |= {*OUTCOMES.values(), *ODD.values(), *BY.values(), *(words for words, _ in ALERT_STATES.values())}
    found |= {words for table in (DEVICE_KINDS, HEALTH, JOBS) for words, _ in table.values()} | set(REASONS.values())
    found |= set(WORDS.values()) | {*FIELDS.values(), *HINTS.values(), *HOLDS.values()}
    found |= {words for each in OF_ALERTS for words in (each["name"], each["about"], *each["metric"].values())}
    found |= {*ASKED.values(), *DID.values(), "What"} | {state.value[0] for state in State}
    for title, rule in RULES:
        found |= {title, rule}
    return found


def of_reports() -> set[str]:
    return {title_of(name) for name in REPORTS} | {
        heading(column.name) for report in REPORTS.values() for column in report.columns
    }


@pytest.mark.parametrize("language", ["ru", "pl"])
def test_no_phrase_of_a_page_is_left_in_english(language: str) -> None:
    t = Words(language)
    same = {"SKU", "ABC", "XYZ", "ABC / XYZ", "API keys", "Menu", "Lift", "Alert"}
    assert {phrase for phrase in phrases() if t(phrase) == phrase} - same == set()


@pytest.mark.parametrize("language", ["ru", "pl"])
def test_reports_have_names_and_heads_in_every_language(language: str) -> None:
    t = Words(language)
    assert {phrase for phrase in of_reports() if t(phrase) == phrase} - {
        "SKU",
        "ABC",
        "XYZ",
        "ABC / XYZ",
        "Lift",
    } == set()


@pytest.mark.parametrize("language", ["ru", "pl"])
def test_nearly_all_that_reports_say_of_themselves_is_translated(language: str) -> None:
    t = Words(language)
    said = {report.about for report in REPORTS.values()}
    said |= {column.about for report in REPORTS.values() for column in report.columns}
    said |= {words for metric in METRICS.values() for words in metric[1:]}
    # What a report says is worded there, and may be worded better before anybody has translated it.
    left = {phrase for phrase in said if t(phrase) == phrase}
    assert len(left) <= len(said) / 10, left


@pytest.mark.parametrize("language", ["ru", "pl"])
def test_a_translation_has_the_blanks_of_its_phrase(language: str) -> None:
    t = Words(language)
    for phrase in phrases():
        assert set(re.findall(r"{\w+}", t(phrase))) == set(re.findall(r"{\w+}", phrase)), phrase


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("de-DE,de;q=0.9,ru;q=0.5,en;q=0.4", "ru"),
        ("en;q=0.2, ru;q=0.9", "ru"),
        ("ru;q=0, pl;q=nonsense", "en"),
        ("*", "en"),
    ],
)
def test_a_reader_gets_the_first_language_that_there_is(accepted: str, language: str) -> None:
    assert preferred(accepted) == language
    assert language in LANGUAGES
