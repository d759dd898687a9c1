use super::*;
use crate::operators::testing::{Operate, Table, table, text};

fn bids() -> Table {
    table("item: Int64, price: Int64, ws: Timestamp, we: Timestamp").keyed(&[0])
}

fn config(start: u64, end: u64, rank_number: bool, last_first: bool) -> WindowTopNConfig {
    let ranked = table("item: Int64, price: Int64, ws: Timestamp, we: Timestamp, rank: Int64");
    WindowTopNConfig {
        input: bids().schema,
        window_start: 2,
        window_end: 3,
        sort: vec![(1, SortOptions { descending: true, nulls_first: false })],
        last_first,
        start,
        end,
        rank_number,
        schema: if rank_number { ranked.schema } else { bids().schema },
    }
}

fn operate(config: WindowTopNConfig, workers: usize) -> Operate {
    Operate::new(1, workers, move |_| WindowTopN::new(config.clone()))
}

#[test]
fn the_best_rows_of_a_window_come_when_it_ends() {
    let mut test = operate(config(1, 2, true, false), 1);
    let first = "+I | 1 | 5 | 00:00 | 00:10 | 00:01
                 +I | 1 | 7 | 00:00 | 00:10 | 00:02
                 +I | 1 | 9 | 00:10 | 00:20 | 00:11
                 +I | 2 | 1 | 00:00 | 00:10 | 00:03";
    test.rows(0, bids().rows(first));
    test.restart(3);
    test.rows(0, bids().rows("+I | 1 | 6 | 00:00 | 00:10 | 00:04"));
    test.watermark("00:10");
    let expected = "+I | 1 | 6 | 00:00 | 00:10 | 2 | 00:09.999
                    +I | 1 | 7 | 00:00 | 00:10 | 1 | 00:09.999
                    +I | 2 | 1 | 00:00 | 00:10 | 1 | 00:09.999";
    assert_eq!(test.take_sorted(), text(expected));
    test.restart(1);
    test.watermark("00:11");
    test.rows(0, bids().rows("+I | 1 | 8 | 00:00 | 00:10 | 00:04"));
    assert_eq!((test.take_late().len(), test.late()), (1, 1));
    test.finish();
    assert_eq!(test.take(), text("+I | 1 | 9 | 00:10 | 00:20 | 1 | 00:19.999"));
    test.checkpoint();
    assert_eq!(test.keys(), 0);
}

#[test]
fn of_equal_rows_the_first_or_the_last_is_kept() {
    for (last_first, price) in [(false, 3), (true, 4)] {
        // Ordered by the window's start: all are equal, so the order of arrival decides.
        let config = WindowTopNConfig { sort: vec![(2, SortOptions::default())], ..config(1, 1, false, last_first) };
        let mut test = operate(config, 1);
        test.rows(0, bids().rows("+I | 1 | 3 | 00:00 | 00:10 | 00:01\n+I | 1 | 4 | 00:00 | 00:10 | 00:02"));
        test.finish();
        assert_eq!(test.take(), text(&format!("+I | 1 | {price} | 00:00 | 00:10 | 00:09.999")));
    }
}
