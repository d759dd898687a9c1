"""The dashboard's panels as SQL over one row an impression, in DuckDB: duckdb_panels.py ROWS.parquet.

The rows are those that `tidemill bench queries --rows` wrote; ranges, filters, rounds and names of figures are its, too.
"""
import json
import sys
import time

import duckdb

DAY_S = 86_400
RANGES = [(1, 3), (7, 3), (90, 5), (365, 20)]
FILTERS = [
    "",
    "and device = 'mobile'",
    "and page = '/p/product-3'",
    """and "group" = 'A' and device = 'mobile' and browser = 'Chrome'""",
]

TOTALS = """count(*), approx_count_distinct(visitor), count(*) filter (opens_session), sum(session_impressions),
    count(*) filter (session_impressions = 1), sum(orders), sum(revenue_cents), sum(errors)"""
PEOPLE = "bot = ''"


def breakdown(dimension):
    return f'select "{dimension}", {TOTALS}, quantile_disc(lcp, 0.75) from chosen where {PEOPLE} group by 1 order by 2 desc limit 10'


QUANTILES = ", ".join(
    f"quantile_disc({timer}, [0.5, 0.75, 0.95]), count({timer})" for timer in ("lcp", "inp", "cls", "fcp", "ttfb", "load"))

PANELS = {
    "overview": f"select {TOTALS} from chosen where {PEOPLE}",
    "timeseries": f"""select at_s // {DAY_S}, count(*), count(*) filter (opens_session), sum(orders), sum(revenue_cents), sum(errors),
        quantile_disc(lcp, 0.75) from chosen where {PEOPLE} group by 1 order by 1""",
    "vitals": f"select {QUANTILES} from chosen where {PEOPLE}",
    "histogram": f"""select "group", (lcp // 100)::int, count(*) from chosen where {PEOPLE} group by 1, 2""",
    "pages": breakdown("page"),
    "referrers": breakdown("referrer"),
    "countries": breakdown("country"),
    "devices": breakdown("device"),
    "browsers": breakdown("browser"),
    "systems": breakdown("os"),
    "quality": f"select at_s // {DAY_S}, bot, count(*) from chosen group by 1, 2",
    "values": f"select page, count(*) from chosen where {PEOPLE} and page like '/p/%' group by 1 order by 2 desc limit 20",
}


def quantile(times, q):
    times = sorted(times)
    return times[max(0, -(-int(q * 1000) * len(times) // 1000) - 1)]


def main(rows):
    database = duckdb.connect()
    database.execute(f"create view impressions as select * from read_parquet('{rows}')")
    count, last = database.execute("select count(*), max(at_s) from impressions").fetchone()
    today = (last // DAY_S + 1) * DAY_S
    figures, worst = {}, 0.0
    # A whole round takes DuckDB minutes: fewer rounds of the year, the same questions.
    rounds_max = 3
    for name, query in PANELS.items():
        everything, year = [], 0.0
        for chosen in FILTERS:
            for days, rounds in RANGES:
                times = []
                for round_ in range(min(rounds, rounds_max)):
                    to = today - 7 * 60 * round_
                    source = f"(select * from impressions where at_s >= {to - days * DAY_S} and at_s < {to} {chosen})"
                    begun = time.perf_counter()
                    database.execute(query.replace("from chosen", f"from {source}")).fetchall()
                    times.append(1000 * (time.perf_counter() - begun))
                if days == 365:
                    year = max(year, quantile(times, 0.95))
                everything += times
        figures[f"{name}_p50_ms"] = round(quantile(everything, 0.5), 1)
        figures[f"{name}_p95_ms"] = round(quantile(everything, 0.95), 1)
        figures[f"{name}_year_p95_ms"] = round(year, 1)
        worst = max(worst, year)
    figures["worst_panel_p95_ms"] = round(worst, 1)
    figures["impressions"] = count
    print(json.dumps({"name": "peer", "figures": figures}))


main(sys.argv[1])
