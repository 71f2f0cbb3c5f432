use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card")]
struct Card {
    points: i64,
    #[stripe(rename = "points")]
    score: i64,
}

fn main() {}
