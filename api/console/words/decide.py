"""Phrases of the overview, of channels, products and rules: English -> (Russian, Polish)."""

from typing import Final

DECIDE: Final[dict[str, tuple[str, str]]] = {
    # overview
    "All places and channels, as it happens": (
        "Все места и каналы, как есть сейчас",
        "Wszystkie miejsca i kanały, na bieżąco",
    ),
    "Sales today": ("Продажи сегодня", "Sprzedaż dziś"),
    "Orders today": ("Заказы сегодня", "Zamówienia dziś"),
    "Units sold today": ("Продано единиц сегодня", "Sztuk sprzedanych dziś"),
    "Asked for and not there today": ("Спросили, а не было", "Pytano, a nie było"),
    "units of {n} products": ("единиц, товаров: {n}", "sztuk, produktów: {n}"),
    "nothing was missing": ("всего хватило", "niczego nie brakło"),
    "{change} against last {day} by {hour}": (
        "{change} к прошлому разу ({day}) до {hour}",
        "{change} do poprzedniego dnia ({day}) do {hour}",
    ),
    "nothing a week ago by {hour}": ("неделю назад до {hour} ничего", "tydzień temu do {hour} nic"),
    "no hour of the day is over yet": ("ещё не прошло ни одного часа дня", "nie minęła jeszcze żadna godzina dnia"),
    "Sales by channel, last five minutes": ("Продажи по каналам, пять минут", "Sprzedaż według kanałów, pięć minut"),
    "units in each five seconds": ("единиц за каждые пять секунд", "sztuk na każde pięć sekund"),
    "{sales} sale lines and {all} movements in the last minute": (
        "строк продаж: {sales}, движений: {all} за минуту",
        "pozycji sprzedaży: {sales}, ruchów: {all} w minucie",
    ),
    "Just now": ("Только что", "Przed chwilą"),
    "The engine": ("Система", "System"),
    "Shard {n}": ("Часть {n}", "Część {n}"),
    "{n} records": ("записей: {n}", "zapisów: {n}"),
    "ready": ("работает", "działa"),
    "starting": ("запускается", "startuje"),
    "read_only": ("только чтение", "tylko odczyt"),
    "away": ("не отвечает", "nie odpowiada"),
    "Figures": ("Цифры", "Liczby"),
    "how far reports are behind the sales": ("насколько отчёты отстают от продаж", "o ile raporty są za sprzedażą"),
    "{n} s behind": ("отстают на {n} с", "{n} s opóźnienia"),
    "All movements": ("Все движения", "Wszystkie ruchy"),
    # my warehouse
    "Sales": ("Продажи", "Sprzedaż"),
    "Orders": ("Заказы", "Zamówienia"),
    "Units": ("Единицы", "Sztuki"),
    "Units sold": ("Продано единиц", "Sprzedane sztuki"),
    "Average basket": ("Средний чек", "Średni koszyk"),
    "today so far": ("сегодня на этот час", "dziś do tej pory"),
    "today": ("сегодня", "dziś"),
    "last week": ("неделю назад", "tydzień temu"),
    "Sales by hour": ("Продажи по часам", "Sprzedaż według godzin"),
    "today, with the hour that goes on, beside last week": (
        "сегодня вместе с идущим часом и неделю назад",
        "dziś wraz z trwającą godziną i tydzień temu",
    ),
    "Nothing sold yet": ("Ещё ничего не продано", "Jeszcze nic nie sprzedano"),
    "Neither today nor on this weekday last week": ("Ни сегодня, ни неделю назад", "Ani dziś, ani tydzień temu"),
    "Ran out": ("Закончилось", "Skończyło się"),
    "nothing available, now or earlier today": (
        "не было доступно сейчас или раньше",
        "nic dostępnego, teraz lub wcześniej",
    ),
    "Nothing ran out": ("Ничего не закончилось", "Nic się nie skończyło"),
    "Everything that was there yesterday still is": (
        "Всё, что было вчера, есть и сегодня",
        "Wszystko, co było wczoraj, jest nadal",
    ),
    "{n} asked for meanwhile": ("за это время просили {n}", "w tym czasie pytano o {n}"),
    "nobody asked meanwhile": ("никто не спрашивал", "nikt nie pytał"),
    "out": ("нет", "brak"),
    "back": ("снова есть", "znów jest"),
    "deliveries and transfers that are expected": (
        "ожидаемые поставки и перемещения",
        "oczekiwane dostawy i przesunięcia",
    ),
    "Expected deliveries appear here with their quantity": (
        "Ожидаемые поставки появятся здесь с количеством",
        "Oczekiwane dostawy pojawią się tu z ilością",
    ),
    "There are no places yet": ("Мест ещё нет", "Nie ma jeszcze miejsc"),
    "Register one through the API or by import": ("Заведите через API или импортом", "Dodaj przez API lub import"),
    # channels
    "Channel": ("Канал", "Kanał"),
    "Beside each other": ("Рядом", "Obok siebie"),
    "growth is against as many days before": (
        "рост к стольким же дням до того",
        "wzrost względem tylu samo dni przedtem",
    ),
    "without a price": ("без цены", "bez ceny"),
    "Net sales": ("Чистые продажи", "Sprzedaż netto"),
    "Share": ("Доля", "Udział"),
    "Growth": ("Рост", "Wzrost"),
    "Refused": ("Отказы", "Odmowy"),
    "Contribution per order": ("Вклад заказа", "Wkład na zamówienie"),
    "Share of sales": ("Доли продаж", "Udział w sprzedaży"),
    "net of returns": ("за вычетом возвратов", "po odjęciu zwrotów"),
    "Sales over time": ("Продажи по времени", "Sprzedaż w czasie"),
    "From reservation to goods": ("От резерва до выдачи", "Od rezerwacji do wydania"),
    "units, up to now": ("единиц, до сих пор", "sztuk, do teraz"),
    "When they sell": ("Когда продают", "Kiedy sprzedają"),
    "orders by weekday and hour of the place": (
        "заказы по дням недели и часам места",
        "zamówienia według dnia i godziny miejsca",
    ),
    "No sales in these days": ("В эти дни продаж нет", "Brak sprzedaży w tych dniach"),
    "Nothing was reserved in these days": ("В эти дни ничего не резервировали", "W tych dniach nic nie rezerwowano"),
    "Given back": ("Возвращено", "Oddano"),
    "Conversion": ("Конверсия", "Konwersja"),
    # products
    "What sells most": ("Что продаётся лучше", "Co sprzedaje się najlepiej"),
    "by sales; a product leads to its places, channels and cover": (
        "по продажам; товар ведёт к местам, каналам и запасу",
        "według sprzedaży; produkt prowadzi do miejsc, kanałów i zapasu",
    ),
    "Product": ("Товар", "Produkt"),
    "Class": ("Класс", "Klasa"),
    "Sells it most": ("Продаёт больше", "Sprzedaje najwięcej"),
    "The first dozen": ("Первая дюжина", "Pierwszy tuzin"),
    "part of all sales": ("доля всех продаж", "część całej sprzedaży"),
    "Bought together": ("Покупают вместе", "Kupowane razem"),
    "pairs in one order, above chance": (
        "пары в одном заказе, чаще случайного",
        "pary w jednym zamówieniu, częściej niż losowo",
    ),
    "No pairs in these days": ("В эти дни пар нет", "Brak par w tych dniach"),
    "Who buys this": ("Кто покупает это", "Kto kupuje to"),
    "buys this too": ("покупает и это", "kupuje też to"),
    "Orders with both": ("Заказов с обоими", "Zamówień z oboma"),
    "of those with the first": ("из заказов с первым", "z zamówień z pierwszym"),
    "against chance": ("против случайного", "względem losowości"),
    "Cover": ("Запас", "Zapas na"),
    "Sell-through": ("Распродано", "Wyprzedane"),
    "products": ("товары", "produkty"),
    "orders": ("зак.", "zam."),
    "hours": ("часы", "godziny"),
    # rules
    "Formula, window, and what is left out": ("Формула, период и что не учтено", "Wzór, okres i co pominięto"),
    "Rules that hold everywhere": ("Общие правила", "Ogólne zasady"),
    "Days": ("Дни", "Dni"),
    "Revenue": ("Выручка", "Przychód"),
    "Returns": ("Возвраты", "Zwroty"),
    "Tax": ("Налог", "Podatek"),
    "Money": ("Деньги", "Pieniądze"),
    "Asked for and not there": ("Спросили, а не было", "Pytano, a nie było"),
    "Comparisons": ("Сравнения", "Porównania"),
    "A business day begins by the clock on the wall of its place, at 04:00 unless the place says "
    "otherwise. A sale counts "
    "on the day it happened, even if it was booked later.": (
        "Рабочий день начинается по часам своего места, в 04:00, если не сказано иначе. Продажа относится к "
        "дню, когда она "
        "была, даже если записана позже.",
        "Dzień handlowy zaczyna się według zegara miejsca, o 04:00, jeśli nie podano inaczej. Sprzedaż liczy "
        "się w dniu, w "
        "którym się odbyła, nawet jeśli zapisano ją później.",
    ),
    "Goods count when they leave: sold over the counter, or fulfilled. A reservation is no sale yet.": (
        "Товар считается, когда уходит: продан на кассе или выдан. Резерв ещё не продажа.",
        "Towar liczy się, gdy wychodzi: sprzedany przy kasie lub wydany. Rezerwacja to jeszcze nie sprzedaż.",
    ),
    "A return is taken off on the day it comes back, in the channel of its sale.": (
        "Возврат вычитается в день возврата, в канале своей продажи.",
        "Zwrot odejmuje się w dniu zwrotu, w kanale sprzedaży.",
    ),
    "Prices include tax. The tax of a line is amount × rate ÷ (1 + rate), rounded half up, then added.": (
        "Цены с налогом. Налог строки: сумма × ставка ÷ (1 + ставка), с округлением, затем складывается.",
        "Ceny zawierają podatek. Podatek pozycji: kwota × stawka ÷ (1 + stawka), zaokrąglony, potem sumowany.",
    ),
    "Amounts of different currencies are never added. Lines without a price or a cost are shown and "
    "never taken for nought.": (
        "Суммы в разных валютах не складываются. Строки без цены или себестоимости показываются и не считаются нулём.",
        "Kwoty w różnych walutach nie są sumowane. Pozycje bez ceny lub kosztu są pokazane i nie liczą się jako zero.",
    ),
    "On hand − reserved − safety stock. Quarantine is in no figure but its own.": (
        "В наличии − в резерве − страховой запас. Карантин входит только в собственную цифру.",
        "Na stanie − zarezerwowane − zapas bezpieczeństwa. Kwarantanna jest tylko we własnej liczbie.",
    ),
    "What was refused for lack of stock, once for each customer, product and day, less what the same one got later or "
    "elsewhere.": (
        "Отказы из-за нехватки, один раз на покупателя, товар и день, за вычетом полученного позже или в другом месте.",
        "Odmowy z braku towaru, raz na klienta, produkt i dzień, bez tego, co otrzymał później lub gdzie indziej.",
    ),
    "The hours of today that are over, in all places, are compared with the same hours of the same weekday last week; "
    "growth with as many days before.": (
        "Закончившиеся во всех местах часы сегодняшнего дня сравниваются с теми же часами того же дня недели; рост — "
        "со столькими же днями до того.",
        "Godziny dnia, które minęły we wszystkich miejscach, porównuje się z tymi samymi godzinami tego samego dnia "
        "tygodnia; wzrost z tyloma dniami przedtem.",
    ),
    "text": ("текст", "tekst"),
    "money": ("деньги", "kwota"),
    "count": ("число", "liczba"),
    "ratio": ("отношение", "stosunek"),
    "day": ("день", "dzień"),
    "moment": ("момент", "chwila"),
}
