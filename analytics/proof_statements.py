"""The statements of the replay's proof, as SQL over the tables that `analytics.proof` prepares.

`line`: one row per Parquet line with its answer. `fold`: every event with what its cell holds before and after it,
summed from nothing in feed order. `refusal`, `refusal_seen`: the refused lines, and what the fold has at their
place. A statement holds when `contradicted` finds nothing; it answers with one text a row.
"""

from typing import Final, NamedTuple


class Statement(NamedTuple):
    """Something that must be true, what it is held against, and what contradicts it."""

    text: str
    counted: str
    contradicted: str


STATEMENTS: Final = (
    Statement(
        "every Parquet line was sent once",
        "select count(*) from parquet_line",
        """select coalesce(p.key, l.id) from parquet_line p full join line l on $name || '.' || p.key = l.id
           where p.key is null or l.id is null or p.quantity <> l.quantity
           union all select id || ' twice' from line group by id having count(*) > 1""",
    ),
    Statement(
        "every line was accepted or refused for want of stock",
        "select count(*) from line",
        """select id || ' ' || coalesce(outcome, 'unanswered') from line
           where outcome is null or outcome not in ('ok', 'insufficient_stock', 'group_failed')""",
    ),
    Statement(
        "all opening stock was received",
        "select count(*) from opening",
        """select p.id || ' ' || coalesce(o.outcome::varchar, 'unanswered')
           from plan_opening p left join opening o using (id)
           left join (select command_id, sum(moved) as moved from event where kind = 'receive' group by all) e
                on e.command_id = p.id
           where o.outcome is distinct from 'ok' or e.moved is distinct from p.quantity""",
    ),
    Statement(
        "an accepted line moved its units, once, where it should",
        "select count(*) from line where outcome = 'ok'",
        """select l.id from line l left join (
               select command_id, any_value(kind) as kind, count(distinct kind) as kinds, sum(moved) as moved,
                      any_value(sku) as sku, count(*) as events, any_value(warehouse) as warehouse,
                      any_value(unit_price) as unit_price
               from event where kind in ('sell', 'reserve') group by command_id
           ) e on e.command_id = l.id
           where l.outcome = 'ok' and (
               e.moved is distinct from l.quantity or e.kind <> l.kind or e.kinds <> 1 or e.sku <> l.sku
               or e.unit_price is distinct from l.unit_price
               or (l.warehouse is not null and (e.events <> 1 or e.warehouse <> l.warehouse)))""",
    ),
    Statement(
        "a refused line moved nothing",
        "select count(*) from line where outcome <> 'ok'",
        "select l.id from line l semi join event e on e.command_id = l.id where l.outcome <> 'ok'",
    ),
    Statement(
        "a basket stands or falls as a whole",
        "select count(distinct basket) from line",
        """select basket from line group by basket
           having count(*) filter (outcome = 'ok') not in (0, count(*))
               or (count(*) filter (outcome = 'ok') = 0 and count(*) filter (outcome = 'insufficient_stock') = 0)""",
    ),
    Statement(
        "the counters on every event are those of the fold",
        "select count(*) from fold",
        """select n || ' ' || kind || ' ' || sku || '@' || warehouse from fold
           where on_hand <> on_hand_then or reserved <> reserved_then or available <> free_then""",
    ),
    Statement(
        "no cell was ever below its bound",
        "select count(*) from fold",
        """select n || ' ' || kind || ' ' || sku || '@' || warehouse from fold
           where free_then < 0 or reserved_then < 0 or on_hand_then < 0""",
    ),
    Statement(
        "every acceptance had room at its place",
        "select count(*) from fold where kind in ('sell', 'reserve')",
        """select command_id || ' wanted ' || moved || ' of ' || free_before from fold
           where kind in ('sell', 'reserve') and free_before < moved""",
    ),
    Statement(
        "every refusal was short at its place, by the figure it was told",
        "select count(*) from refusal where outcome = 'insufficient_stock'",
        """select r.id || ' wanted ' || r.quantity || ', told ' || coalesce(r.available::varchar, 'nothing')
                  || ', there were ' || coalesce(s.free_there, '?')
           from refusal r left join refusal_seen s using (id)
           where r.outcome = 'insufficient_stock' and was_short is distinct from true""",
    ),
    Statement(
        "a line that fell with its basket had room itself",
        "select count(*) from refusal where outcome = 'group_failed'",
        """select r.id || ' wanted ' || r.quantity || ', there were ' || coalesce(s.free_there, '?')
           from refusal r left join refusal_seen s using (id)
           where r.outcome = 'group_failed' and had_room is distinct from true""",
    ),
    Statement(
        "rows took effect in the order they were sent",
        "select count(*) from event join sent on command_id = id",
        """select command_id from (
               select command_id, s.last_at,
                      max(s.first_at) over (partition by sku, warehouse order by n
                                            rows between unbounded preceding and 1 preceding) as sent_before
               from event join sent s on command_id = s.id
           ) where sent_before > last_at""",
    ),
    Statement(
        "delivered lines came from the first hub that had enough, or from what each had, in order",
        "select count(*) from line where warehouse is null and outcome = 'ok'",
        """with taken as (
               select command_id as id, sku, min(n) as n, list(warehouse || ' ' || moved order by n) as actual
               from fold semi join line on fold.command_id = line.id and line.warehouse is null and line.outcome = 'ok'
               where kind = 'reserve' group by all
           ), seen as (
               select t.id, t.actual, l.quantity, h.store, h.rank, coalesce(greatest(0, f.free_then), 0) as free
               from taken t join line l using (id) cross join hubs h
               asof left join (select n, sku as f_sku, warehouse as f_warehouse, free_then from fold) f
                    on f.f_sku = t.sku and f.f_warehouse = h.store and f.n < t.n
           ), choice as (
               select id, actual, quantity, store, rank, free,
                      bool_or(free >= quantity) over (partition by id) as whole,
                      min(rank) filter (free >= quantity) over (partition by id) as first_whole,
                      sum(free) over (partition by id order by rank) - free as before
               from seen
           ), expected as (
               select id, any_value(actual) as actual, list(store || ' ' || units order by rank) as expected
               from (select *, case when whole then if(rank = first_whole, quantity, 0)
                                    else greatest(0, least(free, quantity - before)) end::bigint as units from choice)
               where units > 0 group by id
           )
           select id || ' from ' || actual::varchar || ', not ' || expected::varchar
           from expected where actual <> expected""",
    ),
    Statement(
        "every confirm, fulfilment and release was answered ok",
        "select count(*) from follow_ups",
        "select id || ' ' || outcome from follow_ups where outcome is distinct from 'ok'",
    ),
    Statement(
        "every reservation ended as its customer decided",
        "select count(*) from reservations",
        """with wanted as (
               select basket, any_value(fate) as fate, sum(quantity) as units, arg_min(quantity, line) as first_units
               from line where kind = 'reserve' and outcome = 'ok' group by basket
           ), ended as (
               select reservation, coalesce(sum(moved) filter (kind = 'reserve'), 0) as held,
                      coalesce(sum(moved) filter (kind = 'fulfil'), 0) as fulfilled,
                      coalesce(sum(moved) filter (kind = 'release'), 0) as released,
                      coalesce(sum(moved) filter (kind = 'expire'), 0) as expired
               from event where reservation is not null group by reservation
           )
           select basket || ' ' || fate
           from wanted left join reservations using (basket) left join ended using (reservation)
           where held is distinct from units
              or fulfilled <> case fate when 'fetched' then units when 'in_part' then first_units else 0 end
              or released <> case fate when 'given_back' then units when 'in_part' then units - first_units else 0 end
              or expired <> case fate when 'lapsed' then units else 0 end""",
    ),
    Statement(
        "the engine reports on_hand and reserved of every cell as folded",
        "select count(*) from cells",
        """with last as (
               select sku, warehouse, arg_max(on_hand_then, n) as on_hand, arg_max(reserved_then, n) as reserved
               from fold semi join plan_opening using (sku) group by all
           )
           select coalesce(l.sku, c.sku) || '@' || coalesce(l.warehouse, c.warehouse::varchar) from last l
           full join cells c on l.sku = c.sku and l.warehouse = c.warehouse
           where l.on_hand is distinct from c.on_hand or l.reserved is distinct from c.reserved
              or c.available is distinct from c.on_hand - c.reserved""",
    ),
    Statement(
        "units sold: the Parquet lines, the fold and the shelves agree",
        "select count(*) from cells",
        """select c.sku || '@' || c.warehouse from cells c join (
               select sku, warehouse, sum(on_hand_by) filter (kind not in ('sell', 'fulfil')) as came,
                      coalesce(sum(moved) filter (kind in ('sell', 'fulfil')), 0) as sold
               from fold group by all
           ) f on f.sku = c.sku and f.warehouse = c.warehouse where f.came - f.sold <> c.on_hand
           union all
           select sku from (
               select sku, sum(case fate when 'till' then quantity when 'fetched' then quantity
                                         when 'in_part' then if(line = first, quantity, 0) else 0 end) as sold
               from (select *, min(line) over (partition by basket) as first from line where outcome = 'ok')
               group by sku
           ) l full join (
               select sku, sum(moved) as moved from event e
               where (kind = 'sell' and starts_with(command_id, $name || '.'))
                  or (kind = 'fulfil' and reservation in (select reservation from reservations)) group by sku
           ) e using (sku) where coalesce(l.sold, 0) <> coalesce(e.moved, 0)""",
    ),
)
