use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card")]
struct Card {
    #[stripe(path = "points", default)]
    points: i64,
}

fn main() {}
