//! The soak: `cargo run --release -p stripe-store-tests --bin soak`, with `--events N`, `--kills N`, `--crashes N`,
//! `--concurrency N`, `--window N`, `--seed N` for something else than the large one, `--small` for that of the tests.
//!
//! Its receivers are the same program, run as `soak serve`, because it has handlers of its own, as a user's service has.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a tool for people, which may end where it cannot go on"
)]

#[path = "soak/receiver.rs"]
mod receiver;

use std::process::ExitCode;
use std::time::Instant;

use stripe_store_tests::load::soak::Soak;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|it| it == "serve") {
        return receiver::main(&args);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(soak(&args))
}

async fn soak(args: &[String]) -> ExitCode {
    let program = std::env::current_exe().expect("this program has a path");
    let mut soak = if args.iter().any(|it| it == "--small") {
        Soak::small(program)
    } else {
        Soak::large(program)
    };
    let given = |name: &str| -> Option<usize> {
        let place = args.iter().position(|it| it == name)?;
        let value = args.get(place + 1)?.parse();
        Some(value.expect("a number"))
    };
    soak.events = given("--events").unwrap_or(soak.events);
    soak.kills = given("--kills").unwrap_or(soak.kills);
    soak.crashes = given("--crashes").unwrap_or(soak.crashes);
    soak.concurrency = given("--concurrency").unwrap_or(soak.concurrency);
    soak.window = given("--window").unwrap_or(soak.window);
    soak.seed = given("--seed").map_or(soak.seed, |seed| u64::try_from(seed).unwrap_or(soak.seed));
    println!("{soak:?}");
    let begin = Instant::now();
    let say = |what: &str| println!("{:8.1} s  {what}", begin.elapsed().as_secs_f64());
    let outcome = soak.run(say).await;
    println!("{outcome}");
    ExitCode::from(u8::from(!outcome.faults.is_empty()))
}
