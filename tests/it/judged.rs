//! The fake Stripe, judged by what others wrote to talk to Stripe: its libraries for Python and Node, and its command.

mod command;
mod libraries;

use std::sync::LazyLock;

use serde_json::Value;
use stripe_store_tests::fake::Fake;
use stripe_store_tests::outside::Tools;

/// What others wrote, installed below this build's files.
pub(crate) static TOOLS: LazyLock<Tools> =
    LazyLock::new(|| Tools::below(env!("CARGO_TARGET_TMPDIR").into()));

/// A fake with a thousand objects.
async fn filled() -> Fake {
    let fake = Fake::start().await.unwrap();
    fake.fill(5, 1000);
    fake
}

/// The ids of a list, the newest first.
fn newest_first(fake: &Fake, path: &str) -> Vec<String> {
    let objects = fake.objects(path).into_iter().rev();
    objects.map(|object| id(&object)).collect()
}

#[track_caller]
fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}
