use proptest::prelude::*;

use super::*;

fn rival(second: i64, source: &str, data: &str) -> Rival<()> {
    Rival {
        as_of: second * 1000,
        as_of_until: second * 1000 + 1000,
        source: source.to_owned(),
        data: data.to_owned(),
        previous: None,
        change: Change::Updated,
        tag: (),
    }
}

fn after(previous: &str, rival: Rival<()>) -> Rival<()> {
    Rival {
        previous: Some(previous.to_owned()),
        ..rival
    }
}

/// From an answer to this process: when the request was sent, and when its answer was there.
fn read(sent: u64, answered: u64, rival: Rival<()>) -> Rival<()> {
    Rival {
        source: format!("{}@7.{sent}.{answered}", rival.source),
        ..rival
    }
}

fn change(change: Change, rival: Rival<()>) -> Rival<()> {
    Rival { change, ..rival }
}

/// What is decided when they arrive one after the other, each with what was kept of those before.
fn arrive(rivals: &[Rival<()>]) -> Option<Settled<()>> {
    rivals.iter().cloned().fold(None, |settled, next| {
        let mut known: Vec<_> = settled
            .into_iter()
            .flat_map(|it: Settled<()>| [vec![it.winner], it.others].concat())
            .collect();
        known.push(next);
        settle(known)
    })
}

/// The data that wins in every order of arrival, and whether that is open.
#[track_caller]
fn wins(rivals: &[Rival<()>]) -> (String, bool) {
    let all = settle(rivals.to_vec()).unwrap();
    permutations(rivals.len(), &mut |order| {
        let told: Vec<_> = order.iter().map(|at| rivals[*at].clone()).collect();
        assert_eq!(arrive(&told).unwrap(), all, "{order:?}");
    });
    (all.winner.data, all.is_open)
}

fn permutations(length: usize, visit: &mut impl FnMut(&[usize])) {
    fn go(order: &mut Vec<usize>, length: usize, visit: &mut impl FnMut(&[usize])) {
        if order.len() == length {
            return visit(order);
        }
        for at in 0..length {
            if !order.contains(&at) {
                order.push(at);
                go(order, length, visit);
                order.pop();
            }
        }
    }
    go(&mut Vec::new(), length, visit);
}

const DRAFT: &str = r#"{"status":"draft","paid":false}"#;
const OPEN: &str = r#"{"status":"open","paid":false}"#;
const PAID: &str = r#"{"status":"paid","paid":true}"#;

#[test]
fn the_later_interval_wins_and_the_earlier_is_forgotten() {
    let settled = settle(vec![rival(5, "evt_2", OPEN), rival(4, "evt_9", DRAFT)]).unwrap();
    assert_eq!(settled.winner.data, OPEN);
    assert!(settled.others.is_empty() && !settled.is_open);
}

#[test]
fn an_interval_that_begins_where_another_ends_is_later() {
    assert_eq!(
        wins(&[rival(5, "evt_1", OPEN), rival(6, "evt_0", PAID)]),
        (PAID.to_owned(), false)
    );
}

#[test]
fn an_event_follows_what_its_previous_attributes_describe() {
    let rivals = [
        after(r#"{"status":"draft"}"#, rival(5, "evt_9", OPEN)),
        after(r#"{"status":"open","paid":false}"#, rival(5, "evt_1", PAID)),
        rival(5, "evt_5", DRAFT),
    ];
    assert_eq!(wins(&rivals), (PAID.to_owned(), false));
}

#[test]
fn three_events_of_a_payment_in_one_second_end_in_paid() {
    let rivals = [
        rival(5, "evt_paid", PAID),
        rival(5, "evt_payment_succeeded", PAID),
        after(
            r#"{"status":"open","paid":false}"#,
            rival(5, "evt_updated", PAID),
        ),
        rival(5, "evt_z_finalized", OPEN),
    ];
    assert_eq!(wins(&rivals), (PAID.to_owned(), false));
}

#[test]
fn a_change_there_and_back_is_open() {
    let rivals = [
        after(r#"{"status":"open"}"#, rival(5, "evt_1", DRAFT)),
        after(r#"{"status":"draft"}"#, rival(5, "evt_2", OPEN)),
    ];
    assert_eq!(wins(&rivals), (OPEN.to_owned(), true));
}

#[test]
fn a_state_that_no_event_leaves_does_not_settle_what_went_there_and_back() {
    let rivals = [
        after(r#"{"status":"open"}"#, rival(5, "evt_1", DRAFT)),
        after(r#"{"status":"draft"}"#, rival(5, "evt_2", OPEN)),
        rival(5, "req_1", PAID),
    ];
    assert_eq!(wins(&rivals), (PAID.to_owned(), true));
}

#[test]
fn an_excursion_from_where_it_came_back_to_is_open() {
    let home = r#"{"n":0}"#;
    let away = r#"{"n":0,"m":1}"#;
    let rivals = [
        after(r#"{"n":0}"#, rival(5, "evt_1", r#"{"n":1}"#)),
        after(r#"{"n":1}"#, rival(5, "evt_2", r#"{"n":2}"#)),
        after(r#"{"n":2}"#, rival(5, "evt_3", home)),
        after(r#"{"m":null}"#, rival(5, "evt_9", away)),
        after(r#"{"m":1}"#, rival(5, "evt_4", home)),
    ];
    assert!(wins(&rivals).1);
}

#[test]
fn a_cycle_of_three_is_open_and_the_same_in_every_order() {
    let rivals = [
        after(r#"{"n":3}"#, rival(5, "evt_1", r#"{"n":1}"#)),
        after(r#"{"n":1}"#, rival(5, "evt_2", r#"{"n":2}"#)),
        after(r#"{"n":2}"#, rival(5, "evt_3", r#"{"n":3}"#)),
    ];
    assert_eq!(wins(&rivals), (r#"{"n":3}"#.to_owned(), true));
}

#[test]
fn what_the_chain_does_not_reach_leaves_it_open() {
    let rivals = [
        after(r#"{"n":1}"#, rival(5, "evt_2", r#"{"n":2}"#)),
        rival(5, "evt_1", r#"{"n":1}"#),
        rival(5, "evt_0", r#"{"n":9}"#),
    ];
    assert_eq!(wins(&rivals), (r#"{"n":2}"#.to_owned(), true));
}

#[test]
fn creation_comes_first_and_deletion_last() {
    let rivals = [
        change(Change::Created, rival(5, "evt_9", DRAFT)),
        rival(5, "evt_1", OPEN),
    ];
    assert_eq!(wins(&rivals), (OPEN.to_owned(), false));
    let rivals = [
        change(Change::Created, rival(5, "evt_9", DRAFT)),
        rival(5, "evt_8", OPEN),
        change(Change::Deleted, rival(5, "evt_1", PAID)),
    ];
    assert_eq!(wins(&rivals), (PAID.to_owned(), false));
}

#[test]
fn of_two_answers_the_one_that_was_asked_for_later_is_later() {
    let rivals = [
        read(1, 2, rival(5, "req_9", DRAFT)),
        read(3, 4, rival(5, "req_5", OPEN)),
        read(4, 5, rival(5, "req_1", PAID)),
    ];
    assert_eq!(wins(&rivals), (PAID.to_owned(), false));

    let overlapping = [
        read(1, 3, rival(5, "req_9", DRAFT)),
        read(2, 4, rival(5, "req_1", PAID)),
    ];
    assert_eq!(wins(&overlapping), (DRAFT.to_owned(), true));

    let mut elsewhere = rivals;
    elsewhere[2].source = "req_1@8.4.5".to_owned();
    assert!(wins(&elsewhere).1);
}

#[test]
fn what_was_read_again_was_read_last() {
    let there_and_back = [
        read(1, 2, rival(5, "req_9", DRAFT)),
        read(3, 4, rival(5, "req_5", OPEN)),
        read(5, 6, rival(5, "req_1", DRAFT)),
    ];
    assert_eq!(wins(&there_and_back), (DRAFT.to_owned(), false));

    // The first of the three was under way all the time, and may be what was read last.
    let long = [
        read(1, 9, rival(5, "req_9", DRAFT)),
        read(2, 3, rival(5, "req_5", DRAFT)),
        read(4, 5, rival(5, "req_1", OPEN)),
    ];
    assert!(wins(&long).1);
}

#[test]
fn an_event_that_the_answers_do_not_place_leaves_it_open() {
    let rivals = [
        read(1, 2, rival(5, "req_9", DRAFT)),
        read(3, 4, rival(5, "req_5", OPEN)),
        rival(5, "evt_1", PAID),
    ];
    assert!(wins(&rivals).1);
    let placed = after(r#"{"status":"open","paid":false}"#, rivals[2].clone());
    assert_eq!(
        wins(&[rivals[0].clone(), rivals[1].clone(), placed]),
        (PAID.to_owned(), false)
    );
}

#[test]
fn equal_data_in_one_second_leaves_nothing_to_keep() {
    let rivals = [
        rival(5, "evt_1", PAID),
        rival(5, "evt_2", r#"{"paid": true, "status": "paid"}"#),
        after(r#"{"status":"open"}"#, rival(5, "evt_0", PAID)),
    ];
    let settled = settle(rivals.to_vec()).unwrap();
    assert_eq!(settled.winner.source, "evt_0");
    assert!(settled.others.is_empty() && !settled.is_open);
}

#[test]
fn one_source_that_says_two_things_is_open_and_the_same_in_every_order() {
    let rivals = [rival(5, "import", OPEN), rival(5, "import", PAID)];
    assert!(wins(&rivals).1);
}

#[test]
fn previous_attributes_are_matched_inside_objects_and_to_the_digit() {
    let data = r#"{"a":{"b":1.0,"c":2},"big":12345678901234567890.1,"list":[1,{"x":1}]}"#;
    for (previous, matches) in [
        (r#"{"a":{"b":1}}"#, true),
        (r#"{"a":{"b":2}}"#, false),
        (r#"{"a":{"gone":null}}"#, true),
        (r#"{"a":{"gone":1}}"#, false),
        (r#"{"big":12345678901234567890.10}"#, true),
        (r#"{"big":12345678901234567890.2}"#, false),
        (r#"{"list":[1,{"x":1}]}"#, true),
        (r#"{"list":[1,{}]}"#, false),
        (r#"{"a":null}"#, false),
        ("{}", false),
    ] {
        assert_eq!(holds(data, previous), matches, "{previous}");
    }
}

/// Snapshots with what makes a decision hard: few values, intervals of several lengths, chains, lives.
fn snapshots() -> impl Strategy<Value = Vec<Rival<()>>> {
    let one = (
        (0..6_i64, 0..5_i64),
        (
            0..4_u8,
            proptest::option::weighted(0.4, (0..2_u8, 0..5_u8, 1..4_u8)),
        ),
        0..4_u8,
        proptest::option::of(0..4_u8),
        prop_oneof![
            1 => Just(Change::Created),
            4 => Just(Change::Updated),
            1 => Just(Change::Deleted)
        ],
    );
    let one = one.prop_map(
        |((as_of, length), (source, order), n, previous, change)| Rival {
            as_of,
            as_of_until: as_of + length,
            source: match order {
                None => format!("evt_{source}"),
                Some((process, sent, took)) => {
                    format!("req_{source}@{process}.{sent}.{}", sent + took)
                }
            },
            data: format!(r#"{{"n":{n}}}"#),
            previous: previous.map(|n| format!(r#"{{"n":{n}}}"#)),
            change,
            tag: (),
        },
    );
    proptest::collection::vec(one, 1..9)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_ends_in_the_same_decision((all, told) in snapshots().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))) {
        let decided = settle(all);
        prop_assert_eq!(&arrive(&told), &decided);
        let twice: Vec<_> = told.iter().chain(&told).cloned().collect();
        prop_assert_eq!(&arrive(&twice), &decided);
    }

    #[test]
    fn nothing_wins_that_ends_before_another_begins(all in snapshots()) {
        let winner = settle(all.clone()).unwrap().winner;
        for other in all {
            prop_assert!(winner.end() > other.as_of);
        }
    }
}
