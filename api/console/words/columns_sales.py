"""What columns about sales and money hold, as the reports say it: English -> (Russian, Polish)."""

from typing import Final

COLUMNS_SALES: Final[dict[str, tuple[str, str]]] = {
    "code of the channel; of a return: that of the sale it belongs to": (
        "код канала; у возврата — канал его продажи",
        "kod kanału; przy zwrocie kanał jego sprzedaży",
    ),
    "hour 2026-11-22T13:00, day 2026-11-22, week 2026-W47, or group Kitchen / Cups": (
        "час 2026-11-22T13:00, день 2026-11-22, неделя 2026-W47 или группа Kitchen / Cups",
        "godzina 2026-11-22T13:00, dzień 2026-11-22, tydzień 2026-W47 lub grupa Kitchen / Cups",
    ),
    "different orders with a sale in the period": (
        "разных заказов с продажей за период",
        "różne zamówienia ze sprzedażą w okresie",
    ),
    "sold; returned units are not taken off": ("продано; возвраты не вычтены", "sprzedane; zwroty nieodjęte"),
    "price x quantity of each line, rounded half up, added": (
        "цена × количество каждой строки, округлено, сложено",
        "cena × ilość każdej pozycji, zaokrąglona, zsumowana",
    ),
    "discounts of these lines": ("скидки этих строк", "rabaty tych pozycji"),
    "price x quantity of what was returned in the period": (
        "цена × количество возвращённого за период",
        "cena × ilość zwróconego w okresie",
    ),
    "gross - discount - returns": ("валовые − скидка − возвраты", "brutto − rabat − zwroty"),
    "the tax in net: line by line amount x rate / (1 + rate), rounded half up": (
        "налог в чистых: по строкам сумма × ставка / (1 + ставка), округлено",
        "podatek w netto: pozycjami kwota × stawka / (1 + stawka), zaokrąglony",
    ),
    "of the amounts; null: these lines came without a price and count 0": (
        "валюта сумм; пусто: строки без цены, считаются нулём",
        "waluta kwot; puste: pozycje bez ceny, liczone jako 0",
    ),
    "of the product": ("артикул товара", "SKU produktu"),
    "code of the channel": ("код канала", "kod kanału"),
    "sold in the channel; returned units are not taken off": (
        "продано в канале; возвраты не вычтены",
        "sprzedane w kanale; zwroty nieodjęte",
    ),
    "gross - discount - returns; null: in several currencies, which are never added": (
        "валовые − скидка − возвраты; пусто: в разных валютах, они не складываются",
        "brutto − rabat − zwroty; puste: w kilku walutach, których się nie sumuje",
    ),
    "the channel's part of the product's units in all channels that were asked for": (
        "доля канала в единицах товара по всем выбранным каналам",
        "część kanału w sztukach produktu ze wszystkich wybranych kanałów",
    ),
    "different orders with a sale": ("разных заказов с продажей", "różne zamówienia ze sprzedażą"),
    "part of the net of all channels in this currency": (
        "доля в чистых продажах всех каналов в этой валюте",
        "część netto wszystkich kanałów w tej walucie",
    ),
    "net / net of as many days before `from`, less 1; null without from and to": (
        "чистые / чистые за столько же дней до начала, минус 1; пусто без дат",
        "netto / netto z tylu samo dni przedtem, minus 1; puste bez dat",
    ),
    "gross - discount of an order on average, rounded half up": (
        "валовые − скидка на заказ в среднем",
        "brutto − rabat na zamówienie średnio",
    ),
    "lines refused for lack of stock / all lines asked for, in all currencies": (
        "строк с отказом из-за нехватки / всех строк, во всех валютах",
        "pozycje odmówione z braku towaru / wszystkie, we wszystkich walutach",
    ),
    "units returned / units sold, in all currencies": (
        "возвращено / продано единиц, во всех валютах",
        "zwrócone / sprzedane sztuki, we wszystkich walutach",
    ),
    "the tax in net": ("налог в чистых", "podatek w netto"),
    "of the goods sold less those returned, as far as it is known; null: of none it is": (
        "проданного минус возвращённое, насколько известно; пусто: неизвестна",
        "sprzedanych minus zwrócone, o ile znany; puste: nieznany",
    ),
    "net - tax - cost, of the lines with a known cost; null: there are none": (
        "чистые − налог − себестоимость по строкам с известной; пусто: таких нет",
        "netto − podatek − koszt, dla pozycji ze znanym kosztem; puste: brak",
    ),
    "lines sold and returned whose cost is not known: they are in no margin": (
        "строк с неизвестной себестоимостью: они не в марже",
        "pozycje o nieznanym koszcie: nie ma ich w marży",
    ),
    "margin less the channel's fee, payment and fixed cost of these lines": (
        "маржа минус комиссия канала, платёж и постоянные расходы",
        "marża minus prowizja kanału, płatność i koszt stały",
    ),
    "contribution / orders with a known cost, rounded half up": (
        "вклад / заказов с известной себестоимостью",
        "wkład / zamówienia o znanym koszcie",
    ),
    "margin / (net - tax), both of the lines with a known cost": (
        "маржа / (чистые − налог), по строкам с известной себестоимостью",
        "marża / (netto − podatek), dla pozycji o znanym koszcie",
    ),
    "code of the place; of a return: where it was taken back": (
        "код места; у возврата — где приняли",
        "kod miejsca; przy zwrocie gdzie przyjęto",
    ),
    "0.19 = 19 %; lines without a rate stand at 0": (
        "0,19 = 19 %; строки без ставки стоят при 0",
        "0,19 = 19 %; pozycje bez stawki stoją przy 0",
    ),
    "gross - discount, tax included": ("валовые − скидка, с налогом", "brutto − rabat, z podatkiem"),
    "price x quantity of what was returned, tax included": (
        "цена × количество возвращённого, с налогом",
        "cena × ilość zwróconego, z podatkiem",
    ),
    "sales - returns": ("продажи − возвраты", "sprzedaż − zwroty"),
    "the tax in net, added line by line": (
        "налог в чистых, сложенный по строкам",
        "podatek w netto, sumowany pozycjami",
    ),
    "business day of the place": ("рабочий день места", "dzień handlowy miejsca"),
    "price x quantity of what was returned": ("цена × количество возвращённого", "cena × ilość zwróconego"),
    "gross - discount - returns, as it is known now": (
        "валовые − скидка − возвраты, как известно сейчас",
        "brutto − rabat − zwroty, jak wiadomo teraz",
    ),
    "the tax in net, as it is known now": ("налог в чистых, как известно сейчас", "podatek w netto, jak wiadomo teraz"),
    "net as it was written down; null: the day is not closed": (
        "чистые, как записано; пусто: день не закрыт",
        "netto, jak zapisano; puste: dzień niezamknięty",
    ),
    "tax as it was written down; null: the day is not closed": (
        "налог, как записано; пусто: день не закрыт",
        "podatek, jak zapisano; puste: dzień niezamknięty",
    ),
    "net - closed_net: what came later; see book_corrections": (
        "чистые − закрытые: что пришло позже",
        "netto − zamknięte: co przyszło później",
    ),
    "when the day was closed; null: it is not": (
        "когда день закрыт; пусто: не закрыт",
        "kiedy zamknięto dzień; puste: niezamknięty",
    ),
    "who closed it": ("кто закрыл", "kto zamknął"),
    "the closed business day that it belongs to": (
        "закрытый день, к которому относится",
        "zamknięty dzień, do którego należy",
    ),
    "the business day on which it was booked: the date of the correction": (
        "день записи: дата исправления",
        "dzień zapisu: data korekty",
    ),
    "sold and returned lines": ("строк продаж и возвратов", "pozycje sprzedaży i zwrotów"),
    "business day in which it happened; the sales reports have it there": (
        "день, когда это было; отчёты продаж относят туда",
        "dzień, w którym to było; tam mają to raporty sprzedaży",
    ),
    "business day in which it was booked": ("день, когда это записано", "dzień, w którym to zapisano"),
    "code of the place": ("код места", "kod miejsca"),
    "sold, less returned": ("продано минус возвращено", "sprzedane minus zwrócone"),
    "gross - discount of the sold lines": ("валовые − скидка проданных строк", "brutto − rabat sprzedanych pozycji"),
    "price x quantity of the returned lines": (
        "цена × количество возвращённых строк",
        "cena × ilość zwróconych pozycji",
    ),
    "1 Monday to 7 Sunday, of the business day": (
        "1 — понедельник … 7 — воскресенье, рабочего дня",
        "1 poniedziałek … 7 niedziela, dnia handlowego",
    ),
    "0 to 23": ("от 0 до 23", "od 0 do 23"),
    "different orders with a sale then": ("разных заказов с продажей тогда", "różne zamówienia ze sprzedażą wtedy"),
    "sold": ("продано", "sprzedane"),
    "part of the channel's orders, each counted in every hour it has a sale in": (
        "доля заказов канала; заказ считается в каждом своём часе",
        "część zamówień kanału; zamówienie liczone w każdej swojej godzinie",
    ),
    "empty, or the day, SKU or group asked for by `by`": (
        "пусто либо день, артикул или группа",
        "puste albo dzień, SKU lub grupa",
    ),
    "how often products were looked at": ("сколько раз смотрели товары", "ile razy oglądano produkty"),
    "how often they were put into a cart": ("сколько раз клали в корзину", "ile razy wkładano do koszyka"),
    "different orders with a sale of them": ("разных заказов с их продажей", "różne zamówienia z ich sprzedażą"),
    "cart_adds / views; null: no views": (
        "в корзину / просмотры; пусто: нет просмотров",
        "do koszyka / wyświetlenia; puste: brak wyświetleń",
    ),
    "orders / views; null: no views": (
        "заказы / просмотры; пусто: нет просмотров",
        "zamówienia / wyświetlenia; puste: brak wyświetleń",
    ),
    "what was searched for; null: the search was for a SKU": (
        "что искали; пусто: искали артикул",
        "czego szukano; puste: szukano SKU",
    ),
    "the SKU that was searched for; null: for something else": (
        "артикул, который искали; пусто: другое",
        "szukane SKU; puste: coś innego",
    ),
    "that showed nothing": ("без результата", "bez wyniku"),
    "different days with one": ("разных дней с таким", "różne dni z takim"),
    "the first of them": ("первый из них", "pierwszy z nich"),
    "the last of them": ("последний из них", "ostatni z nich"),
}
