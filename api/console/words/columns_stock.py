"""What columns about stock, reservations and pairs hold, as the reports say it: English -> (Russian, Polish)."""

from typing import Final

COLUMNS_STOCK: Final[dict[str, tuple[str, str]]] = {
    "of the cell": ("артикул", "SKU"),
    "code of the place; those of kind quarantine stand here too, by themselves": (
        "код места; карантин стоит здесь отдельно",
        "kod miejsca; kwarantanna stoi tu osobno",
    ),
    "in the place": ("в этом месте", "w tym miejscu"),
    "of these held, by open holds and confirmed reservations": (
        "из них отложено резервами",
        "z tego odłożone rezerwacjami",
    ),
    "on their way": ("в пути", "w drodze"),
    "on_hand - reserved - safety_stock": (
        "в наличии − в резерве − страховой запас",
        "na stanie − zarezerwowane − zapas bezpieczeństwa",
    ),
    "on its way": ("в пути", "w drodze"),
    "code of the place that it goes to; quarantine is left out": (
        "код места, куда едет; без карантина",
        "kod miejsca, do którego jedzie; bez kwarantanny",
    ),
    "the purchase order, or the id of the transfer": (
        "заказ поставщику или перемещение",
        "zamówienie lub przesunięcie",
    ),
    "still to come from it": ("ещё должно прийти", "jeszcze przyjdzie"),
    "when it should be there, as was said last; null: nobody said, as of a transfer": (
        "когда должно прийти, как сказано последним; пусто: не сказано",
        "kiedy powinno przyjść, według ostatniej wiadomości; puste: nie podano",
    ),
    "when it was first said to be on its way": ("когда впервые сказали, что едет", "kiedy podano po raz pierwszy"),
    "day 2026-11-22 or week 2026-W47": ("день 2026-11-22 или неделя 2026-W47", "dzień 2026-11-22 lub tydzień 2026-W47"),
    "different orders confirmed or sold over the counter in the period": (
        "разные заказы, подтверждённые или проданные у кассы",
        "różne zamówienia potwierdzone lub sprzedane przy kasie",
    ),
    "confirmed + counter; cancelled units are not taken off": (
        "подтверждено + у кассы; отменённое не вычтено",
        "potwierdzone + przy kasie; anulowane nie odjęte",
    ),
    "held by reservations when they were confirmed": (
        "отложено резервами, когда их подтвердили",
        "odłożone rezerwacjami, gdy je potwierdzono",
    ),
    "sold over the counter": ("продано у кассы", "sprzedane przy kasie"),
    "released in the period, after they were confirmed in it or before": (
        "снято в этот период после подтверждения",
        "zwolnione w tym okresie po potwierdzeniu",
    ),
    "that was asked for": ("который просили", "o które pytano"),
    "in which it was first asked for": ("в котором спросили впервые", "w którym zapytano najpierw"),
    "business day; of a line without a place, by the clock of the most preferred place": (
        "рабочий день; без места — по часам первого места",
        "dzień handlowy; bez miejsca według zegara pierwszego miejsca",
    ),
    "by those who did not get all of it": ("теми, кто получил не всё", "przez tych, którzy nie dostali wszystkiego"),
    "by the same, then or within 7 business days; each unit serves once": (
        "ими же, тогда или в следующие 7 рабочих дней; единица один раз",
        "przez tych samych, wtedy lub w ciągu 7 dni handlowych; sztuka raz",
    ),
    "requested - obtained": ("просили − получили", "żądane − otrzymane"),
    "that held anything": ("которые что-то держали", "które coś trzymały"),
    "asked for: held + refused": ("просили: отложено + отказано", "żądano: odłożone + odmówione"),
    "asked for and not held, as often as it was asked for": (
        "просили и не отложено, столько раз, сколько просили",
        "żądano i nie odłożono, tyle razy, ile żądano",
    ),
    "reserved at first": ("зарезервировано сначала", "zarezerwowane na początku"),
    "of these in reservations that were confirmed": (
        "из них в подтверждённых резервах",
        "z tego w potwierdzonych rezerwacjach",
    ),
    "left the house": ("выдано", "wydane"),
    "released after they were confirmed": ("снято после подтверждения", "zwolnione po potwierdzeniu"),
    "released before": ("снято до подтверждения", "zwolnione przedtem"),
    "given back at their deadline": ("возвращено по сроку", "oddane po terminie"),
    "still held": ("ещё отложено", "nadal odłożone"),
    "fulfilled / held": ("выдано / отложено", "wydane / odłożone"),
    "fulfilled / held; null: nothing was held": (
        "выдано / отложено; пусто: ничего не откладывали",
        "wydane / odłożone; puste: nic nie odłożono",
    ),
    "from reserving to confirming, a unit on average; null: none was": (
        "от резерва до подтверждения, единица в среднем; пусто: не было",
        "od rezerwacji do potwierdzenia, średnio sztuka; puste: brak",
    ),
    "who buys this ...": ("кто покупает это…", "kto kupuje to…"),
    "... buys this with it": ("…покупает вместе и это", "…kupuje razem to"),
    "orders with both": ("заказов с обоими", "zamówienia z oboma"),
    "orders with both / orders with the first": (
        "заказов с обоими / заказов с первым",
        "zamówienia z oboma / zamówienia z pierwszym",
    ),
    "confidence / the second's part of all orders; above 1: more often than by chance": (
        "уверенность / доля второго во всех заказах; больше 1: чаще случайного",
        "pewność / część drugiego we wszystkich zamówieniach; powyżej 1: częściej niż losowo",
    ),
    "beside this ...": ("рядом с этим…", "obok tego…"),
    "... show this": ("…показать это", "…pokaż to"),
    "orders with both / orders with the first; null: it has none": (
        "заказов с обоими / заказов с первым; пусто: таких нет",
        "zamówienia z oboma / zamówienia z pierwszym; puste: nie ma takich",
    ),
    "bought_together; or interest: of the same group, when one SKU is asked for": (
        "bought_together или interest: из той же группы, когда спрошен один SKU",
        "bought_together albo interest: z tej samej grupy, gdy pytano o jedno SKU",
    ),
    "how often it was looked at, on the same days": (
        "сколько раз его смотрели за те же дни",
        "ile razy je oglądano w tych samych dniach",
    ),
    "of the suggested in all channels, on the last 28 days or those asked for": (
        "предложенного во всех каналах за последние 28 дней или за выбранные",
        "podpowiedzianego we wszystkich kanałach z ostatnich 28 dni lub z wybranych",
    ),
    "orders with both, in all channels": (
        "заказов с обоими во всех каналах",
        "zamówienia z oboma we wszystkich kanałach",
    ),
    "of the suggested in the place asked for, else in all but quarantine": (
        "предложенного в выбранном месте, иначе везде кроме карантина",
        "podpowiedzianego w wybranym miejscu, inaczej wszędzie poza kwarantanną",
    ),
    "gross - discount": ("валовые − скидка", "brutto − rabat"),
    "part of all sales in this currency": ("доля всех продаж в этой валюте", "część całej sprzedaży w tej walucie"),
    "part of all sales in this currency, or of all margins above 0, as asked": (
        "доля всех продаж в этой валюте либо всей маржи выше 0",
        "część całej sprzedaży w tej walucie albo marż powyżej 0",
    ),
    "the shares of this product and of those before it": (
        "доли этого товара и тех, что перед ним",
        "udziały tego produktu i tych przed nim",
    ),
    "A: those before it have less than 80 % of the sales; B: less than 95 %; C: the rest": (
        "A: перед ним меньше 80 % продаж; B: меньше 95 %; C: остальное",
        "A: przed nim mniej niż 80 % sprzedaży; B: mniej niż 95 %; C: reszta",
    ),
    "A: those before it have less than 80 % of the whole; B: less than 95 %; C: the rest": (
        "A: перед ним меньше 80 % целого; B: меньше 95 %; C: остальное",
        "A: przed nim mniej niż 80 % całości; B: mniej niż 95 %; C: reszta",
    ),
    "standard deviation of a week's units / their mean, over all weeks asked for": (
        "стандартное отклонение недели / среднее, по всем неделям",
        "odchylenie standardowe tygodnia / średnia, po wszystkich tygodniach",
    ),
    "X: variation up to 0.5; Y: up to 1; Z: above": (
        "X: разброс до 0,5; Y: до 1; Z: выше",
        "X: zmienność do 0,5; Y: do 1; Z: powyżej",
    ),
    "sales - tax - cost of the lines with a known cost; null: there are none": (
        "продажи − налог − себестоимость известных строк; пусто: таких нет",
        "sprzedaż − podatek − koszt znanych pozycji; puste: brak",
    ),
    "lines sold whose cost is not known: they are in no margin": (
        "строк с неизвестной себестоимостью: они не в марже",
        "pozycje o nieznanym koszcie: nie ma ich w marży",
    ),
    "of the amounts": ("валюта сумм", "waluta kwot"),
    "of the goods": ("артикул", "SKU"),
    "code of the place; quarantine is left out": ("код места; без карантина", "kod miejsca; bez kwarantanny"),
    "business day; null: came by a transfer, a count or a return": (
        "день; пусто: пришло перемещением, пересчётом или возвратом",
        "dzień; puste: przyszło przesunięciem, liczeniem lub zwrotem",
    ),
    "business day": ("рабочий день", "dzień handlowy"),
    "business day; null: never": ("рабочий день; пусто: никогда", "dzień handlowy; puste: nigdy"),
    "business day on which there was some again after there was none, however it came": (
        "рабочий день, когда товар снова появился после нуля, как бы ни пришёл",
        "dzień, w którym towar znów się pojawił po zerze, jakkolwiek przyszedł",
    ),
    "since it last sold or has been there, whichever is later": (
        "с последней продажи или с появления, что позже",
        "od ostatniej sprzedaży lub od pojawienia się, co późniejsze",
    ),
    "dead: no sale for 90 days or more; slow: for 28 or more; else moving": (
        "dead: без продаж 90 дней и больше; slow: 28 и больше; иначе moving",
        "dead: bez sprzedaży 90 dni lub więcej; slow: 28 lub więcej; inaczej moving",
    ),
    "on hand at the SKU's moving average; null: it has none, or in several currencies": (
        "наличие по средней себестоимости; пусто: её нет или она в разных валютах",
        "stan po średnim koszcie; puste: brak lub w kilku walutach",
    ),
    "of the value": ("валюта стоимости", "waluta wartości"),
    "age of a unit on average": ("возраст единицы в среднем", "średni wiek sztuki"),
    "business day on which the oldest of them came in": (
        "день, когда пришла самая старая",
        "dzień przyjścia najstarszej",
    ),
    "of them 30 days old or less": ("из них не старше 30 дней", "z nich do 30 dni"),
    "31 to 60 days": ("от 31 до 60 дней", "od 31 do 60 dni"),
    "61 to 90 days": ("от 61 до 90 дней", "od 61 do 90 dni"),
    "91 to 180 days": ("от 91 до 180 дней", "od 91 do 180 dni"),
    "older than 180 days": ("старше 180 дней", "starsze niż 180 dni"),
    "when `available` fell to 0 or below": (
        "когда доступное упало до 0 или ниже",
        "kiedy dostępne spadło do 0 lub niżej",
    ),
    "when it rose above; null: it has not yet": (
        "когда стало больше 0; пусто: ещё нет",
        "kiedy wzrosło powyżej; puste: jeszcze nie",
    ),
    "from the one to the other; until the newest record if it has not ended": (
        "от одного до другого; если не кончилось — до последней записи",
        "od jednego do drugiego; do najnowszego zapisu, jeśli trwa",
    ),
    "asked for here and refused meanwhile; what names no place counts in the first that its channel sources from "
    "and that is out; who asks again counts once": (
        "просили здесь и отказали за это время; без места — в первом из мест канала, где не было; повторное один раз",
        "żądano tutaj i odmówiono w tym czasie; bez miejsca: w pierwszym z miejsc kanału, gdzie brakło; ponowne raz",
    ),
    "what sells here in so many hours, by the 28 days before, rounded half up": (
        "сколько здесь продаётся за столько часов, по 28 дням до того",
        "ile się tu sprzedaje w tyle godzin, według 28 dni przedtem",
    ),
    "the larger of refused and usual: most who see no stock do not ask": (
        "большее из отказов и обычного: кто видит, что нет, не спрашивает",
        "większe z odmów i zwykłego: kto widzi brak, nie pyta",
    ),
    "lost at the SKU's last price before, tax included; null: there is none": (
        "потеряно по последней цене до того, с налогом; пусто: её нет",
        "stracone po ostatniej cenie przedtem, z podatkiem; puste: brak",
    ),
    "lost at the margin of that sale; null: its cost is not known": (
        "потеряно по марже той продажи; пусто: себестоимость неизвестна",
        "stracone według marży tej sprzedaży; puste: koszt nieznany",
    ),
    "of that price": ("валюта этой цены", "waluta tej ceny"),
    "business days asked for; from the first movement, until now, unless given": (
        "рабочих дней; без дат — с первого движения до сих пор",
        "dni handlowe; bez dat od pierwszego ruchu do teraz",
    ),
    "in these days": ("за эти дни", "w tych dniach"),
    "by `receive` in these days": ("принято за эти дни", "przyjęte w tych dniach"),
    "on hand at the end of each of these days, on average, rounded half up": (
        "в наличии в конце каждого из этих дней, в среднем",
        "na stanie na koniec każdego z tych dni, średnio",
    ),
    "at the end of the last of them": ("в конце последнего из них", "na koniec ostatniego z nich"),
    "sold / average stock; null without stock": (
        "продано / средний остаток; пусто без остатка",
        "sprzedane / średni stan; puste bez stanu",
    ),
    "on hand / sold in a day; null: nothing was sold": (
        "в наличии / продано в день; пусто: ничего не продано",
        "na stanie / sprzedane dziennie; puste: nic nie sprzedano",
    ),
    "sold / (sold + on hand); null: neither": (
        "продано / (продано + в наличии); пусто: ни того ни другого",
        "sprzedane / (sprzedane + na stanie); puste: ani jedno",
    ),
    "of what was sold, as far as it is known; null: of none it is, or in currencies": (
        "проданного, насколько известна; пусто: неизвестна или в разных валютах",
        "sprzedanych, o ile znany; puste: nieznany lub w kilku walutach",
    ),
    "sales - tax - cost of the lines with a known cost; null like cost": (
        "продажи − налог − себестоимость известных строк; пусто как себестоимость",
        "sprzedaż − podatek − koszt znanych pozycji; puste jak koszt",
    ),
    "on hand at the SKU's moving average then; null: it has none, or in currencies": (
        "наличие по средней себестоимости тогда; пусто: её нет или в разных валютах",
        "stan po ówczesnym średnim koszcie; puste: brak lub w kilku walutach",
    ),
    "of cost, margin and value; null: of none, or of several": (
        "валюта себестоимости, маржи и стоимости; пусто: нет или несколько",
        "waluta kosztu, marży i wartości; puste: brak lub kilka",
    ),
}
