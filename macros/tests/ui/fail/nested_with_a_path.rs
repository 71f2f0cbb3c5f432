use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(nested, path = "/v1/cards", id_prefix = "card_")]
struct Card {
    points: i64,
}

fn main() {}
