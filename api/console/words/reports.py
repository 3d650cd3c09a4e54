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
    "Deliveries": ("Поставки", "Dostawy"),
    "Source": ("Источник", "Źródło"),
    "Due": ("Срок", "Termin"),
    "Announced": ("Объявлено", "Zapowiedziane"),
    "What is on its way to each place, by purchase order or transfer; what should be there first comes first.": (
        "Что едет в каждое место, по заказам и перемещениям; сначала то, что должно прийти раньше.",
        "Co jedzie do każdego miejsca, według zamówień i przesunięć; najpierw to, co powinno przyjść wcześniej.",
    ),
    "Demand": ("Спрос", "Popyt"),
    "Counter": ("У кассы", "Przy kasie"),
    "What each channel's customers decided to buy in each period: reservations when they were confirmed, and what was "
    "sold over the counter. What was cancelled afterwards stands beside it.": (
        "Что решили купить покупатели каждого канала: подтверждённые резервы и проданное у кассы. Отменённое потом "
        "стоит рядом.",
        "Co postanowili kupić klienci każdego kanału: potwierdzone rezerwacje i sprzedaż przy kasie. Anulowane potem "
        "stoi obok.",
    ),
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
    "that was asked for at a time, less what the same one obtained then or within 7 business days, in whatever "
    "channel.": (
        "Что просили и не получили. Покупатель считается один раз на товар и день, за вычетом полученного "
        "тогда или в следующие 7 рабочих дней.",
        "O co pytano, a czego nie otrzymano. Klient liczy się raz na produkt i dzień, bez tego, co otrzymał wtedy "
        "lub w ciągu 7 dni handlowych.",
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
    "What was bought together with a product in any channel, then what is put into carts and looked at most in its "
    "group; of both, what is in stock here comes first.": (
        "Что покупали вместе с товаром в любом канале, затем что в его группе чаще кладут в корзину и смотрят; "
        "сначала то, что есть здесь.",
        "Co kupowano razem z produktem w każdym kanale, potem co w jego grupie najczęściej trafia do koszyka i jest "
        "oglądane; najpierw to, co jest tutaj.",
    ),
    "Products by their part of the turnover (A, B, C) and by how steadily they sell (X, Y, Z).": (
        "Товары по доле оборота (A, B, C) и по ровности продаж (X, Y, Z).",
        "Produkty według udziału w obrocie (A, B, C) i równomierności sprzedaży (X, Y, Z).",
    ),
    "What is on hand, with how long it has not sold there; that which never sold first, then the longest.": (
        "Что лежит и сколько не продаётся; сначала то, что не продавалось никогда.",
        "Co leży i jak długo się nie sprzedaje; najpierw to, co nigdy się nie sprzedało.",
    ),
    "When a cell that had been available had nothing available on any of the days asked for, how long, and what was "
    "refused there meanwhile.": (
        "Какого товара в эти дни не было, хотя прежде был, сколько времени, и в чём тогда отказали.",
        "Jakiego towaru w tych dniach nie było, choć przedtem był, jak długo i czego wtedy odmówiono.",
    ),
    "How fast goods turn in each place over the days asked for, and how long what is there will last.": (
        "Как быстро оборачивается товар в каждом месте и на сколько хватит.",
        "Jak szybko rotuje towar w każdym miejscu i na jak długo wystarczy.",
    ),
    "Product margins": ("Маржа товаров", "Marża produktów"),
    "What each product earns in each channel: net of tax, less what the goods cost when they left.": (
        "Что зарабатывает каждый товар в каждом канале: без налога, минус себестоимость при выбытии.",
        "Ile zarabia każdy produkt w każdym kanale: bez podatku, minus koszt towaru przy wydaniu.",
    ),
    "Books": ("Книги", "Księgi"),
    "What each business day came to in each place and channel, beside what was written down when it was closed.": (
        "Итог каждого дня в каждом месте и канале рядом с тем, что записано при закрытии.",
        "Wynik każdego dnia w każdym miejscu i kanale obok tego, co zapisano przy zamknięciu.",
    ),
    "Book corrections": ("Исправления книг", "Korekty ksiąg"),
    "What came to closed business days after they were closed, by the day on which it was booked.": (
        "Что добавилось к закрытым дням, по дню записи.",
        "Co doszło do zamkniętych dni, według dnia zapisu.",
    ),
    "From looking to buying in each channel, on the days of which it said what its customers looked at; what is looked "
    "at most first.": (
        "От просмотра к покупке в каждом канале; сначала то, на что смотрят чаще.",
        "Od oglądania do zakupu w każdym kanale; najpierw to, co oglądane najczęściej.",
    ),
    "Empty searches": ("Пустые поиски", "Puste wyszukiwania"),
    "What customers searched for and were shown nothing, the most often first: what to list, or to have again.": (
        "Что искали и не нашли, чаще всего сначала: что завести или вернуть.",
        "Czego szukano i nie znaleziono, najczęściej najpierw: co wprowadzić lub mieć znowu.",
    ),
    "Products by their part of the turnover or margin (A, B, C) and by how steadily they sell (X, Y, Z).": (
        "Товары по доле оборота или маржи (A, B, C) и по ровности продаж (X, Y, Z).",
        "Produkty według udziału w obrocie lub marży (A, B, C) i równomierności sprzedaży (X, Y, Z).",
    ),
    "Ageing": ("Возраст запаса", "Wiekowanie zapasu"),
    "How long ago what is on hand came in to its place, first in, first out. Whatever brings goods in is a layer of "
    "its own: a receipt, a transfer, a return, a count that found more.": (
        "Как давно пришло то, что лежит: первым пришло, первым ушло. Каждый приход — свой слой.",
        "Jak dawno przyszło to, co leży: pierwsze weszło, pierwsze wyszło. Każde przyjęcie to osobna warstwa.",
    ),
    # choices
    "Value": ("Стоимость", "Wartość"),
    "Margin": ("Маржа", "Marża"),
    "Part": ("Часть", "Część"),
    "Sku": ("Артикул", "SKU"),
    "By": ("По", "Według"),
    "Hour": ("Час", "Godzina"),
    "Day": ("День", "Dzień"),
    "Week": ("Неделя", "Tydzień"),
    # heads of columns
    "Cost": ("Себестоимость", "Koszt"),
    "Uncosted": ("Без себестоимости", "Bez kosztu"),
    "Contribution": ("Вклад", "Wkład"),
    "Per order": ("На заказ", "Na zamówienie"),
    "Margin rate": ("Доля маржи", "Stopa marży"),
    "Closed net": ("Закрыто: чистые", "Zamknięte netto"),
    "Closed tax": ("Закрыто: налог", "Zamknięty podatek"),
    "Difference": ("Разница", "Różnica"),
    "Closed at": ("Закрыто", "Zamknięto"),
    "Closed by": ("Кто закрыл", "Zamknął"),
    "Confirm hours": ("Часов до подтверждения", "Godzin do potwierdzenia"),
    "Because": ("Почему", "Dlaczego"),
    "Views": ("Просмотры", "Wyświetlenia"),
    "Cart adds": ("В корзину", "Do koszyka"),
    "Cart rate": ("Доля в корзину", "Udział w koszyku"),
    "Query": ("Запрос", "Zapytanie"),
    "Searches": ("Поисков", "Wyszukiwania"),
    "First": ("Первый", "Pierwszy"),
    "Last": ("Последний", "Ostatni"),
    "Oldest": ("Самый старый", "Najstarszy"),
    "To 30": ("До 30 дней", "Do 30 dni"),
    "To 60": ("До 60 дней", "Do 60 dni"),
    "To 90": ("До 90 дней", "Do 90 dni"),
    "To 180": ("До 180 дней", "Do 180 dni"),
    "Older": ("Старше", "Starsze"),
    "Usual": ("Обычно", "Zwykle"),
    "Lost": ("Потеряно", "Stracone"),
    "Lost sales": ("Потерянные продажи", "Utracona sprzedaż"),
    "Lost margin": ("Потерянная маржа", "Utracona marża"),
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
    "There since": ("Есть с", "Jest od"),
    "Last sold": ("Последняя продажа", "Ostatnia sprzedaż"),
    "Days without sale": ("Дней без продаж", "Dni bez sprzedaży"),
    "Began": ("Началось", "Początek"),
    "Ended": ("Кончилось", "Koniec"),
    "Hours": ("Часов", "Godzin"),
    "Average stock": ("Средний остаток", "Średni stan"),
    "Turns": ("Оборотов", "Obroty"),
    "Days of cover": ("Дней запаса", "Dni zapasu"),
    "Sell through": ("Распродано", "Wyprzedane"),
    # the books
    "Close the day": ("Закрытие дня", "Zamknięcie dnia"),
    "What each business day came to, written down once and for ever": (
        "Итог каждого рабочего дня, записанный один раз и навсегда",
        "Wynik każdego dnia handlowego, zapisany raz na zawsze",
    ),
    "There is no such day in the books": ("Такого дня в книгах нет", "Nie ma takiego dnia w księgach"),
    "All days": ("Все дни", "Wszystkie dni"),
    "Earlier days": ("Дни раньше", "Wcześniejsze dni"),
    "Later days": ("Дни позже", "Późniejsze dni"),
    "Nothing was sold in these days": ("В эти дни ничего не продано", "W tych dniach nic nie sprzedano"),
    "Nor is any of them closed": ("И ни один из них не закрыт", "I żaden z nich nie jest zamknięty"),
    "channels closed: {n} of {m}": ("закрыто каналов: {n} из {m}", "zamkniętych kanałów: {n} z {m}"),
    "goes on": ("идёт", "trwa"),
    "no sales": ("пусто", "pusto"),
    "not closed": ("не закрыт", "niezamknięty"),
    "partly closed": ("закрыт частично", "częściowo zamknięty"),
    "closed": ("закрыт", "zamknięty"),
    "changed since": ("потом изменился", "zmieniony później"),
    "a planner or an administrator closes it": (
        "закрывает планировщик или администратор",
        "zamyka planista lub administrator",
    ),
    "Nothing was sold on this day": ("В этот день ничего не продано", "W tym dniu nic nie sprzedano"),
    "This day is not over yet": ("Этот день ещё не кончился", "Ten dzień jeszcze się nie skończył"),
    "This day is not closed": ("Этот день не закрыт", "Ten dzień nie jest zamknięty"),
    "{day} is closed": ("{day}: день закрыт", "{day}: dzień zamknięty"),
    "There is nothing to close": ("Закрывать нечего", "Nie ma czego zamykać"),
    "Close {day} in {place}?": ("Закрыть {day}: {place}?", "Zamknąć {day}: {place}?"),
    "What each channel came to is written down in your name and never changes. What comes later stands beside it as a "
    "correction. That cannot be undone.": (
        "Итог каждого канала записывается от вашего имени и больше не меняется. То, что придёт потом, встанет рядом "
        "как исправление. Отменить это нельзя.",
        "Wynik każdego kanału zostanie zapisany w Twoim imieniu i już się nie zmieni. To, co przyjdzie później, stanie "
        "obok jako korekta. Tego nie można cofnąć.",
    ),
    "Books of {channel}": ("Книги: {channel}", "Księgi: {channel}"),
    "The whole day": ("Весь день", "Cały dzień"),
    "closed by {name}, {moment}": ("закрыл {name}, {moment}", "zamknięte przez {name}, {moment}"),
    "What was written down": ("Что записано", "Co zapisano"),
    "That too is written down": ("Это тоже записано", "To też jest zapisane"),
    "What came later": ("Что пришло потом", "Co przyszło później"),
    "from what was written down to what is known now": (
        "от записанного к тому, что известно теперь",
        "od zapisanego do tego, co wiadomo teraz",
    ),
    "Nothing came later": ("Потом ничего не пришло", "Później nic nie przyszło"),
    "The day stands as it was written down": ("День остаётся таким, как записан", "Dzień jest taki, jak go zapisano"),
    "What": ("Что", "Co"),
    "written down": ("записано", "zapisano"),
    "booked {day}": ("внесено {day}", "zaksięgowano {day}"),
    "moved: a clock was changed, or a return found its sale": (
        "сдвиг: сменили часы места или возврат нашёл свою продажу",
        "przesunięcie: zmieniono zegar miejsca albo zwrot znalazł swoją sprzedaż",
    ),
    "known now": ("известно теперь", "wiadomo teraz"),
}
