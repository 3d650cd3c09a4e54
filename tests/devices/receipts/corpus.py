"""Texts that must come out of every printer, and texts that must do nothing but be printed."""

from typing import Final

WRITTEN: Final = (
    "Молоко «Ёжик» 3,2 % — 1 л, №5",
    "Съешь ещё этих мягких французских булок, да выпей чаю",
    "ИТОГО: 1 234,56 ₽",
    "Zażółć gęślą jaźń; ŁÓDŹ, ŚWIĘTOKRZYSKIE",
    "Suma PLN 1 234,56 zł, rabat −5 %",
    "Їжак їв ґречку, Єва — щедрий борщ. Ціна 99,90 ₴",
    "Чай з м’ятою… «Карпати»",
    "Preis 12,99 € – Größe ½ ™ © ®",
    "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "Árvíztűrő tükörfúrógép; Iñtërnâtiônàlizætiøn",
    "Қазақстан теңгесі 500 ₸, Ўзбекистон",
    "Emoji 😀🎉🔥🍕❤️☕🥛🍎👍🏽🇷🇺👨‍👩‍👧",
    "й из двух знаков: и\u0306, ё: е\u0308, ź: z\u0301",
    "日本語 한국어 中文",
    "שלום مرحبا ไทย ქართული Ελληνικά",
    "✓ ★ → ≤ ≥ • … “quoted” ‘single’ „niski”",
    "#$@[\\]^`{|}~ are themselves",
)

_KICK = "\x1bp\x00\x32\x32"
HOSTILE: Final = (
    f"Item {_KICK}",
    "Item \x10\x14\x01\x00\x05",
    "Item \x1b@\x1d(A\x02\x00\x00\x02",
    "Item \x1dV\x00\x1bi\x1bm",
    f"\x9b\x90{_KICK}\x85\x07\x7f",
    f"a\x00b\x00{_KICK}\x0c\x0b",
    "\u202eelpmaxe \u2066\u200f\ufeff\u00ad",
    "\ud800 half, \udfff half",
    "Z" + "\u0301" * 300,
    "x" * 500,
    "👨‍👩‍👧‍👦" * 60,
    "\u2028line\u2029paragraph\x85next",
    "\U0010ffff\ue000\ufffd\uffff",
    "{{B{C%s%n{0}",
)
