use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(nested, object = "loyalty.card")]
struct Card {
    points: i64,
}

fn main() {}
