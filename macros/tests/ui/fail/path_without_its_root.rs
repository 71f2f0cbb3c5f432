use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = "loyalty.card", path = "v1/cards")]
struct Card {
    points: i64,
}

fn main() {}
