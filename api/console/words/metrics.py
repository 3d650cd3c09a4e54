"""Phrases of the page that says what figures mean: English -> (Russian, Polish).

What a metric says of its window, of tax, returns and missing values is worded in the reports; formulas stay as they
are written there.
"""

from typing import Final

METRICS: Final[dict[str, tuple[str, str]]] = {
    "Find a figure": ("Найти цифру", "Znajdź liczbę"),
    "a word of its name, formula or meaning": (
        "слово из названия, формулы или смысла",
        "słowo z nazwy, wzoru lub znaczenia",
    ),
    "Formula": ("Формула", "Wzór"),
    "Window": ("Период", "Okres"),
    "Missing values": ("Нет данных", "Brak danych"),
    # figures of alerts
    "Position": ("Позиция", "Pozycja"),
    "what is there and on its way, less what is promised": (
        "что есть и что в пути, без обещанного",
        "co jest i co w drodze, bez tego, co obiecane",
    ),
    "on hand − reserved + incoming": ("в наличии − в резерве + ожидается", "na stanie − zarezerwowane + w drodze"),
    "now": ("сейчас", "teraz"),
    "Units a day": ("Единиц в день", "Sztuk dziennie"),
    "how fast it sells in this place": ("как быстро продаётся в этом месте", "jak szybko sprzedaje się w tym miejscu"),
    "units sold in the place ÷ 28; of goods that are new there, ÷ the days since their first sale": (
        "продано единиц в месте ÷ 28; новый там товар — ÷ дни с первой продажи",
        "sztuki sprzedane w miejscu ÷ 28; towar tam nowy — ÷ dni od pierwszej sprzedaży",
    ),
    "the 28 days until now, or until it ran out": (
        "28 дней до сегодня или до того, как товар кончился",
        "28 dni do dziś albo do wyczerpania towaru",
    ),
    "nothing sold: 0": ("ничего не продано: 0", "nic nie sprzedano: 0"),
    "Lost margin a day": ("Потеря маржи в день", "Utrata marży dziennie"),
    "what is expected to be lost each day while there is nothing": (
        "что, вероятно, теряется каждый день, пока товара нет",
        "ile zapewne traci się każdego dnia, gdy towaru nie ma",
    ),
    "units a day × ((gross − discount − tax) ÷ units, − the product's moving average cost), rounded": (
        "единиц в день × ((валовые − скидка − налог) ÷ единицы − скользящая средняя себестоимость товара), с "
        "округлением",
        "sztuk dziennie × ((brutto − rabat − podatek) ÷ sztuki − średni ruchomy koszt produktu), zaokrąglone",
    ),
    "the 28 days until now, or until it ran out; in the currency of most units": (
        "28 дней до сегодня или до того, как товар кончился; в валюте большинства единиц",
        "28 dni do dziś albo do wyczerpania towaru; w walucie większości sztuk",
    ),
    "null: no priced sale, or no known cost; the revenue is shown then": (
        "пусто: нет продаж с ценой или известной себестоимости; тогда показана выручка",
        "puste: brak sprzedaży z ceną albo znanego kosztu; wtedy pokazano przychód",
    ),
    "Found and expected": ("Было и ожидалось", "Było i oczekiwano"),
    "what a channel did, beside what is usual for it": (
        "что было в канале рядом с обычным для него",
        "co zrobił kanał obok tego, co dla niego zwykłe",
    ),
    "found: orders, refusals, returns, releases, or sales whose sale or reservation came without a payment reference, "
    "in its hours; expected: the mean of the same hours of the same weekday, the busiest week left out, and more of "
    "them where there are more orders than usual": (
        "было: заказы, отказы, возвраты, отмены или продажи, у которых ни в продаже, ни в резерве нет ссылки на "
        "оплату, за эти часы; ожидалось: среднее за те же часы того же дня недели без самой бойкой недели, и больше, "
        "если заказов больше обычного",
        "było: zamówienia, odmowy, zwroty, zwolnienia lub sprzedaże, przy których ani sprzedaż, ani rezerwacja nie ma "
        "odnośnika do płatności, w tych godzinach; oczekiwano: średnia z tych samych godzin tego samego dnia tygodnia "
        "bez najruchliwszego tygodnia, i więcej, gdy zamówień jest więcej niż zwykle",
    ),
    "the channel's last eight weeks, by the clock of the place where it sells most": (
        "последние восемь недель канала, по часам места, где он продаёт больше всего",
        "ostatnie osiem tygodni kanału, według zegara miejsca, gdzie sprzedaje najwięcej",
    ),
    "are what a peak of returns is told from": (
        "по ним узнают всплеск возвратов",
        "po nich poznaje się skok zwrotów",
    ),
    "a channel younger than three weeks is not judged": (
        "канал моложе трёх недель не оценивается",
        "kanał młodszy niż trzy tygodnie nie jest oceniany",
    ),
    # windows
    "business days asked for": ("запрошенные рабочие дни", "wybrane dni handlowe"),
    "business days asked for, by when it was booked": (
        "запрошенные рабочие дни, по времени записи",
        "wybrane dni handlowe, według czasu zapisu",
    ),
    "business days asked for: of sales, and of returns by the day they came back": (
        "запрошенные рабочие дни: продаж, а возвратов — по дню возврата",
        "wybrane dni handlowe: sprzedaży, a zwrotów według dnia zwrotu",
    ),
    "business days of the sales asked for": ("запрошенные рабочие дни продаж", "wybrane dni handlowe sprzedaży"),
    "business days on which it was asked for": (
        "рабочие дни, когда это просили",
        "dni handlowe, w których o to pytano",
    ),
    "business days on which the goods came back": (
        "рабочие дни, когда товар вернулся",
        "dni handlowe, w których towar wrócił",
    ),
    "days asked for": ("запрошенные дни", "wybrane dni"),
    "days asked for of which the channel said what its customers looked at": (
        "запрошенные дни, за которые канал сообщил, что смотрели покупатели",
        "wybrane dni, z których kanał podał, co oglądali klienci",
    ),
    "days asked for; without a first day, 28 days up to the last, or up to now": (
        "запрошенные дни; без первого дня — 28 дней до последнего или до сегодня",
        "wybrane dni; bez pierwszego dnia 28 dni do ostatniego lub do dziś",
    ),
    "reservations made on the business days asked for, with all that became of them since": (
        "резервы, сделанные в эти рабочие дни, и всё, что с ними стало потом",
        "rezerwacje z wybranych dni handlowych i wszystko, co się z nimi stało",
    ),
    "stock-outs that began on the business days asked for": (
        "нехватки, начавшиеся в запрошенные рабочие дни",
        "braki, które zaczęły się w wybranych dniach handlowych",
    ),
    "the business day, as it was when it was closed": (
        "рабочий день, каким он был при закрытии",
        "dzień handlowy, jaki był przy zamknięciu",
    ),
    "the last business day asked for": ("последний из запрошенных дней", "ostatni z wybranych dni handlowych"),
    "the moment asked for, else now; by when it was booked": (
        "запрошенный момент, иначе сейчас; по времени записи",
        "wybrana chwila, inaczej teraz; według czasu zapisu",
    ),
    "what came to the day after it was closed": (
        "что добавилось ко дню после закрытия",
        "co doszło do dnia po jego zamknięciu",
    ),
    # tax and returns
    "is it": ("это он и есть", "to właśnie on"),
    "as in the `unit_cost` given": ("как в заданной `unit_cost`", "jak w podanym `unit_cost`"),
    "as in the `unit_cost` given, which should be without": (
        "как в заданной `unit_cost`, где его быть не должно",
        "jak w podanym `unit_cost`, który powinien być bez niego",
    ),
    "as in the figure": ("как в самой цифре", "jak w samej liczbie"),
    "as in the figure it is a part of": ("как в цифре, часть которой это", "jak w liczbie, której to część"),
    "has nothing to do with it": ("не влияет", "nie ma wpływu"),
    "included": ("включён", "wliczony"),
    "like contribution": ("как во вкладе", "jak we wkładzie"),
    "not in it": ("не входит", "nie wchodzi"),
    "taken off": ("вычитается", "odjęte"),
    "taken off; fees are of prices with tax": (
        "вычитается; комиссии считаются с цен с налогом",
        "odjęty; prowizje liczą się od cen z podatkiem",
    ),
    "are no sale": ("не продажа", "nie są sprzedażą"),
    "are not among them": ("сюда не входят", "nie wchodzą tu"),
    "back in": ("снова в наличии", "wracają na stan"),
    "back in, at the average": ("снова в наличии, по средней", "wracają na stan, po średniej"),
    "back in, in the place that took them": (
        "снова в наличии, там, где их приняли",
        "wracają na stan tam, gdzie je przyjęto",
    ),
    "begin anew": ("отсчёт заново", "liczą się od nowa"),
    "begin anew in the place that took them": (
        "отсчёт заново там, где их приняли",
        "liczą się od nowa tam, gdzie je przyjęto",
    ),
    "by their own rate": ("по своей ставке", "według własnej stawki"),
    "counted too": ("тоже считаются", "też się liczą"),
    "is them": ("это они и есть", "to właśnie one"),
    "is them; in the channel of the sale that `original` names": (
        "это они и есть; в канале продажи, которую называет `original`",
        "to właśnie one; w kanale sprzedaży, którą podaje `original`",
    ),
    "make no order": ("заказом не считаются", "nie są zamówieniem"),
    "not taken off": ("не вычитаются", "nieodjęte"),
    "taken off, at the average when they came back": (
        "вычитаются, по средней на момент возврата",
        "odjęte, po średniej z chwili zwrotu",
    ),
    "taken off; the fee is given back with them, payment and fixed cost are not": (
        "вычитаются; комиссия возвращается с ними, плата за платёж и постоянный расход — нет",
        "odjęte; prowizja wraca z nimi, koszt płatności i koszt stały nie",
    ),
    # missing values
    "never null": ("есть всегда", "jest zawsze"),
    "a return without a price counts 0": ("возврат без цены считается за 0", "zwrot bez ceny liczy się jako 0"),
    "like cost": ("как у себестоимости", "jak koszt"),
    "lines without a price count 0 and stand in rows with `currency` null": (
        "строки без цены считаются за 0 и стоят в строках без валюты",
        "pozycje bez ceny liczą się jako 0 i stoją w wierszach bez waluty",
    ),
    "no discount: 0": ("нет скидки: 0", "brak rabatu: 0"),
    "no rate: 0": ("нет ставки: 0", "brak stawki: 0"),
    "nothing asked for: 0": ("ничего не просили: 0", "o nic nie pytano: 0"),
    "null: in several currencies, which are never added": (
        "пусто: в нескольких валютах, их не складывают",
        "puste: w kilku walutach, których się nie sumuje",
    ),
    "null: its cost is not known": ("пусто: себестоимость неизвестна", "puste: koszt nieznany"),
    "null: neither": ("пусто: ни того, ни другого", "puste: ani jednego, ani drugiego"),
    "null: no `from` or `to`, or nothing before": (
        "пусто: дни не заданы или до них ничего",
        "puste: nie podano dni albo nic przedtem",
    ),
    "null: no cost is known, or costs are in several currencies": (
        "пусто: себестоимость неизвестна или в нескольких валютах",
        "puste: koszt nieznany albo w kilku walutach",
    ),
    "null: no known cost, or the fixed cost is in another currency": (
        "пусто: себестоимость неизвестна или постоянный расход в другой валюте",
        "puste: koszt nieznany albo koszt stały w innej walucie",
    ),
    "null: no line has a known cost; lines without one are counted in `uncosted`, never taken as 0": (
        "пусто: ни у одной строки нет себестоимости; строки без неё — в «Без себестоимости», нулём не считаются",
        "puste: żadna pozycja nie ma kosztu; pozycje bez niego są w „Bez kosztu”, nigdy jako 0",
    ),
    "null: no orders": ("пусто: нет заказов", "puste: brak zamówień"),
    "null: no priced sale before": (
        "пусто: раньше не продавалось с ценой",
        "puste: brak wcześniejszej sprzedaży z ceną",
    ),
    "null: no stock": ("пусто: нет запаса", "puste: brak zapasu"),
    "null: no such order": ("пусто: таких заказов нет", "puste: brak takich zamówień"),
    "null: no views": ("пусто: нет просмотров", "puste: brak wyświetleń"),
    "null: no order with the first": ("пусто: нет заказов с первым", "puste: brak zamówień z pierwszym"),
    "null: none confirmed": ("пусто: ничего не подтверждено", "puste: nic nie potwierdzono"),
    "null: nothing sold": ("пусто: ничего не продано", "puste: nic nie sprzedano"),
    "null: nothing was held": ("пусто: ничего не держали", "puste: nic nie trzymano"),
    "null: nothing was sold": ("пусто: ничего не продано", "puste: nic nie sprzedano"),
    "null: of 0": ("пусто: доля от 0", "puste: udział w 0"),
    "null: of no line it is known, or in several currencies": (
        "пусто: ни у одной строки неизвестно или в нескольких валютах",
        "puste: nieznane dla żadnej pozycji albo w kilku walutach",
    ),
    "null: the day is not closed": ("пусто: день не закрыт", "puste: dzień nie jest zamknięty"),
}
