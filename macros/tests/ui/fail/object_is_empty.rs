use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "")]
struct Card {
    points: i64,
}

fn main() {}
