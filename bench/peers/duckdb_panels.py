"""Twelve million impressions over a year as rows of DuckDB, and the dashboard's panels as SQL over them."""
import json
import sys
import time

import duckdb

IMPRESSIONS = 12_000_000
ROUNDS = 9

ROWS = f"""
create table impressions as
with drawn as (
  select range as n, random() as a, random() as b, random() as c, random() as d, random() as e,
         sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) as normal
  from range({IMPRESSIONS})
)
select timestamp '2025-11-01' + to_milliseconds((a * 365 * 86400000)::bigint) as at,
       n // 4 as session,
       case when b < 0.5 then 'A' else 'B' end as "group",
       ['mobile', 'mobile', 'desktop', 'desktop', 'tablet'][1 + (c * 5)::int % 5] as device,
       ['Chrome', 'Safari', 'Edge', 'Firefox'][1 + (d * 4)::int % 4] as browser,
       ['Android', 'iOS', 'Windows', 'macOS', 'Linux'][1 + (c * 5)::int % 5] as os,
       '/p/product-' || floor(140 * e * e * e)::int as page,
       case when n % 4 = 0 then ['', 'www.google.com', 'www.bing.com', 'www.reddit.com'][1 + (e * 4)::int % 4] else '' end as referrer,
       case when d < 0.08 then 'search-engine' else '' end as bot,
       n % 4 = 0 as opens_session,
       b < 0.03 and n % 4 = 0 as has_order,
       (case when b < 0.5 then 1300 else 2100 end * exp(0.45 * normal))::float as lcp,
       (900 * exp(0.5 * normal))::float as fcp,
       (250 * exp(0.6 * normal))::float as ttfb,
       (75 * exp(0.7 * normal))::float as inp
from drawn order by at
"""

TOTALS = "count(*), count(*) filter (opens_session), count(*) filter (has_order), approx_count_distinct(session)"
QUANTILES = ", ".join(f"quantile_cont({timer}, [0.5, 0.75, 0.95])" for timer in ("lcp", "fcp", "ttfb", "inp"))


def breakdown(dimension, where=""):
    return (f"select {dimension}, {TOTALS}, quantile_cont(lcp, 0.75) from impressions where bot = '' {where} "
            f"group by 1 order by 2 desc limit 10")


PANELS = {
    "overview": f"select {TOTALS} from impressions where bot = ''",
    "timeseries": f"select date_trunc('day', at), {TOTALS}, quantile_cont(lcp, 0.75) from impressions where bot = '' group by 1 order by 1",
    "vitals": f"select {QUANTILES} from impressions where bot = ''",
    "histogram": """select "group", (lcp / 100)::int, count(*) from impressions where bot = '' group by 1, 2""",
    "pages": breakdown("page"),
    "referrers": breakdown("referrer"),
    "devices": breakdown("device"),
    "browsers": breakdown("browser"),
    "systems": breakdown("os"),
    "filtered_overview": f"select {TOTALS} from impressions where bot = '' and device = 'mobile'",
    "filtered_pages": breakdown("page", """and "group" = 'A' and device = 'mobile'"""),
}


def p95_ms(database, query):
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        database.execute(query).fetchall()
        times.append(1000 * (time.perf_counter() - begun))
    return sorted(times)[-1]


def main(path):
    database = duckdb.connect(path)
    database.execute(ROWS)
    figures = {f"{name}_p95_ms": round(p95_ms(database, query), 1) for name, query in PANELS.items()}
    figures["worst_panel_p95_ms"] = max(figures.values())
    figures["impressions"] = IMPRESSIONS
    print(json.dumps({"name": "peer", "figures": figures}))


main(sys.argv[1])
