"""Phrases of the reports: titles, what each is for, heads of columns: English -> (Russian, Polish)."""

from typing import Final

REPORTS: Final[dict[str, tuple[str, str]]] = {
    "Each as a table, a chart, and a file": ("Таблица, график и файл", "Tabela, wykres i plik"),
    "All reports": ("Все отчёты", "Wszystkie raporty"),
    "There is no such report": ("Такого отчёта нет", "Nie ma takiego raportu"),
    "Say which SKU": ("Укажите артикул", "Podaj SKU"),
    "Nothing in these days and filters": ("За эти дни и с этими условиями ничего", "Nic w tych dniach i filtrach"),
    "{n} rows": ("строк: {n}", "wierszy: {n}"),
    "the first {n} rows": ("первые строки: {n}", "pierwsze wiersze: {n}"),
    # titles
    "Channel sales": ("Продажи каналов", "Sprzedaż kanałów"),
    "Product channels": ("Товары по каналам", "Produkty według kanałów"),
    "Stock as of": ("Остатки на момент", "Stany na moment"),
    "Unmet demand": ("Неудовлетворённый спрос", "Niezaspokojony popyt"),
    "Channel comparison": ("Сравнение каналов", "Porównanie kanałów"),
    "Channel tax": ("Налог по каналам", "Podatek według kanałów"),
    "Late corrections": ("Поздние исправления", "Późne korekty"),
    "Reservation funnel": ("Воронка резервов", "Lejek rezerwacji"),
    "Hourly profile": ("По часам", "Profil godzinowy"),
    "Basket affinity": ("Пары в корзине", "Pary w koszyku"),
    "Suggestions": ("Что предложить", "Podpowiedzi"),
    "ABC / XYZ": ("ABC / XYZ", "ABC / XYZ"),
    "Slow stock": ("Медленный товар", "Wolny towar"),
    "Stock outs": ("Когда не было товара", "Braki towaru"),
    "Turnover": ("Оборачиваемость", "Rotacja"),
    # what each is for
    "What each channel sold in each period. Amounts include tax; those of different currencies stand apart.": (
        "Что продал каждый канал за каждый период. Суммы с налогом; разные валюты стоят отдельно.",
        "Co każdy kanał sprzedał w każdym okresie. Kwoty z podatkiem; różne waluty osobno.",
    ),
    "For each product the channels that sell it, the one that sells most of it first.": (
        "Для каждого товара — каналы, которые его продают, первый — самый сильный.",
        "Dla każdego produktu kanały, które go sprzedają, najpierw najsilniejszy.",
    ),
    "Every cell as it was after the last record that its shard had decided at that moment.": (
        "Остаток каждого товара в каждом месте на этот момент.",
        "Stan każdego produktu w każdym miejscu w tej chwili.",
    ),
    "What was asked for and not obtained. A customer (else a reference) counts once for each SKU and "
    "day, with the most "
    "that was asked for at a time, less what the same one obtained then or later, in whatever channel.": (
        "Что просили и не получили. Покупатель считается один раз на товар и день, за вычетом полученного "
        "тогда или позже.",
        "O co pytano, a czego nie otrzymano. Klient liczy się raz na produkt i dzień, bez tego, co otrzymał później.",
    ),
    "Channels beside each other: share, growth, basket, refusals and returns, to decide which to push or close.": (
        "Каналы рядом: доля, рост, чек, отказы и возвраты — какой развивать, какой закрыть.",
        "Kanały obok siebie: udział, wzrost, koszyk, odmowy i zwroty — który rozwijać, a który zamknąć.",
    ),
    "What each channel sold and took back in each place at each rate of tax, with the tax in it.": (
        "Что каждый канал продал и принял назад в каждом месте по каждой ставке налога.",
        "Co każdy kanał sprzedał i przyjął z powrotem w każdym miejscu według stawki podatku.",
    ),
    "What was booked after the business day in which it happened had ended: by how much that day was changed.": (
        "Что записано после конца своего рабочего дня: насколько тот день изменился.",
        "Co zapisano po końcu dnia handlowego: o ile ten dzień się zmienił.",
    ),
    "What became of the units that were reserved on the days asked for, up to now.": (
        "Что стало с единицами, зарезервированными в эти дни, до сих пор.",
        "Co stało się ze sztukami zarezerwowanymi w tych dniach, do teraz.",
    ),
    "When each channel sells, by weekday and hour of the clock on the wall of the place.": (
        "Когда продаёт каждый канал: по дням недели и часам места.",
        "Kiedy każdy kanał sprzedaje: według dnia tygodnia i godziny miejsca.",
    ),
    "Pairs of products that were sold in one order at least twice, each pair in both directions.": (
        "Пары товаров, проданные в одном заказе хотя бы дважды, в обе стороны.",
        "Pary produktów sprzedane w jednym zamówieniu co najmniej dwa razy, w obie strony.",
    ),
    "What was bought together with a product in any channel; what is in stock here comes first.": (
        "Что покупали вместе с товаром в любом канале; сначала то, что есть здесь.",
        "Co kupowano razem z produktem w każdym kanale; najpierw to, co jest tutaj.",
    ),
    "Products by their part of the turnover (A, B, C) and by how steadily they sell (X, Y, Z).": (
        "Товары по доле оборота (A, B, C) и по ровности продаж (X, Y, Z).",
        "Produkty według udziału w obrocie (A, B, C) i równomierności sprzedaży (X, Y, Z).",
    ),
    "What is on hand, with how long it has not sold there; that which never sold first, then the longest.": (
        "Что лежит и сколько не продаётся; сначала то, что не продавалось никогда.",
        "Co leży i jak długo się nie sprzedaje; najpierw to, co nigdy się nie sprzedało.",
    ),
    "When a cell that had been available had nothing available, how long, and what was refused there meanwhile.": (
        "Когда доступный товар кончался, на сколько, и в чём тогда отказали.",
        "Kiedy dostępny towar się kończył, na jak długo i czego wtedy odmówiono.",
    ),
    "How fast goods turn in each place over the days asked for, and how long what is there will last.": (
        "Как быстро оборачивается товар в каждом месте и на сколько хватит.",
        "Jak szybko rotuje towar w każdym miejscu i na jak długo wystarczy.",
    ),
    # choices
    "By": ("По", "Według"),
    "Hour": ("Час", "Godzina"),
    "Day": ("День", "Dzień"),
    "Week": ("Неделя", "Tydzień"),
    # heads of columns
    "Period": ("Период", "Okres"),
    "Gross": ("Валовые", "Brutto"),
    "Discount": ("Скидка", "Rabat"),
    "Net": ("Чистые", "Netto"),
    "Currency": ("Валюта", "Waluta"),
    "Requested": ("Просили", "Żądano"),
    "Obtained": ("Получили", "Otrzymano"),
    "Unmet": ("Не хватило", "Zabrakło"),
    "Basket": ("Чек", "Koszyk"),
    "Refusal rate": ("Доля отказов", "Odsetek odmów"),
    "Return rate": ("Доля возвратов", "Odsetek zwrotów"),
    "Rate": ("Ставка", "Stawka"),
    "Booked": ("Записано", "Zapisano"),
    "Lines": ("Строк", "Pozycje"),
    "Reservations": ("Резервы", "Rezerwacje"),
    "Cancelled": ("Отменено", "Anulowano"),
    "Weekday": ("День недели", "Dzień tygodnia"),
    "With": ("Вместе с", "Razem z"),
    "Confidence": ("Уверенность", "Pewność"),
    "Lift": ("Подъём", "Lift"),
    "Suggested": ("Предложить", "Podpowiedź"),
    "ABC": ("ABC", "ABC"),
    "XYZ": ("XYZ", "XYZ"),
    "Running": ("Накоплено", "Narastająco"),
    "Variation": ("Разброс", "Zmienność"),
    "First received": ("Первая приёмка", "Pierwsze przyjęcie"),
    "Last received": ("Последняя приёмка", "Ostatnie przyjęcie"),
    "Last sold": ("Последняя продажа", "Ostatnia sprzedaż"),
    "Days without sale": ("Дней без продаж", "Dni bez sprzedaży"),
    "Began": ("Началось", "Początek"),
    "Ended": ("Кончилось", "Koniec"),
    "Hours": ("Часов", "Godzin"),
    "Average stock": ("Средний остаток", "Średni stan"),
    "Turns": ("Оборотов", "Obroty"),
    "Days of cover": ("Дней запаса", "Dni zapasu"),
    "Sell through": ("Распродано", "Wyprzedane"),
}
