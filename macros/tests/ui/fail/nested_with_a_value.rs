use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(nested = true)]
struct Card {
    points: i64,
}

fn main() {}
