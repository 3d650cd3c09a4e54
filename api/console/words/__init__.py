"""What pages say, in the reader's language: the English phrase is the key, the others stand beside it."""

from typing import Final

from starlette.requests import Request

from api.console.words.columns_sales import COLUMNS_SALES
from api.console.words.columns_stock import COLUMNS_STOCK
from api.console.words.decide import DECIDE
from api.console.words.devices import DEVICES
from api.console.words.frame import FRAME
from api.console.words.metrics import METRICS
from api.console.words.reports import REPORTS
from api.console.words.stock import STOCK

LANGUAGES: Final = {"en": "English", "ru": "Русский", "pl": "Polski"}
LANGUAGE_COOKIE: Final = "omnistock_language"
_ALL: Final = {**METRICS, **COLUMNS_SALES, **COLUMNS_STOCK, **REPORTS, **DECIDE, **DEVICES, **STOCK, **FRAME}
_PHRASES: Final[dict[str, dict[str, str]]] = {
    "en": {},
    "ru": {english: russian for english, (russian, _) in _ALL.items()},
    "pl": {english: polish for english, (_, polish) in _ALL.items()},
}


class Words:
    """Phrases of one language; a phrase that has no translation stays English rather than missing."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._phrases: dict[str, str] = _PHRASES[language]

    def __call__(self, phrase: str, **values: object) -> str:
        found = self._phrases.get(phrase, phrase)
        return found.format(**values) if values else found


_WORDS: Final = {language: Words(language) for language in LANGUAGES}


def words_of(request: Request) -> Words:
    """The reader's choice, else the first language of the browser that we have, else English."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return _WORDS[chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))]


def preferred(accepted: str) -> str:
    """The language that a browser would like best of those we have: `Accept-Language`."""
    ranked = []
    for at, part in enumerate(accepted.split(",")[:20]):
        name, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        ranked.append((-weight, at, name.split("-")[0].lower()))
    return next((name for weight, _, name in sorted(ranked) if weight and name in LANGUAGES), "en")
